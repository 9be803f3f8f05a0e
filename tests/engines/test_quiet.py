"""How a large library is imported: afterwards, everything is as before."""

import gc
import sys
import weakref

import pytest

from MNIST.engines.quiet import delayed, without_collections


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


def test_python_never_looks_through_what_an_import_made():
    with without_collections():
        made = [[]]
    assert not any(each is made for each in gc.get_objects())


def test_what_nobody_used_before_the_import_is_not_kept():
    class Unused:
        pass

    unused = Unused()
    unused.itself = unused
    known = weakref.ref(unused)
    del unused
    with without_collections():
        pass
    assert known() is None


def test_a_delayed_library_is_imported_when_it_is_used(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with delayed("colorsys"):
        import colorsys
    assert "colorsys" not in sys.modules
    assert colorsys.rgb_to_hsv(0, 0, 0) == (0, 0, 0)
    assert "colorsys" in sys.modules
    with delayed("colorsys"):
        import colorsys as again
    assert again is sys.modules["colorsys"]  # it was there already


def test_a_delayed_library_may_be_used_at_once_and_stays(monkeypatch):
    for name in ("wsgiref", "wsgiref.util"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with delayed("wsgiref", "wsgiref.util"):
        import wsgiref.headers  # looks for the package's path
        from wsgiref.util import guess_scheme

        assert guess_scheme({}) == "http"
    assert sys.modules["wsgiref"].headers is wsgiref.headers
    assert sys.modules["wsgiref.util"].guess_scheme is guess_scheme
