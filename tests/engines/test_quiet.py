"""How a large library is imported: afterwards, everything is as before."""

import gc

import pytest

from MNIST.engines.quiet import without_collections


@pytest.fixture(params=[True, False])
def enabled(request):
    """Whether Python looks for cycles of unused objects before."""
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if before else gc.disable)()


def test_python_looks_for_cycles_again_after_an_import_that_fails_too(enabled):
    seen = []

    def fail():
        with without_collections():
            seen.append(gc.isenabled())
            raise ModuleNotFoundError

    with pytest.raises(ModuleNotFoundError):
        fail()
    assert [*seen, gc.isenabled()] == [False, enabled]
