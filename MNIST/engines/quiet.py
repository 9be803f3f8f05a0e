"""Start a library without messages on the screen, and without what costs time and is of no use to it."""

import gc
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what native code writes to stderr; show it after all if something fails."""
    try:
        descriptor = sys.stderr.fileno()
        saved = os.dup(descriptor)
    except (OSError, ValueError, AttributeError):  # no real stderr to hold back (a notebook, a test)
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), descriptor)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, descriptor)
            os.close(saved)


@contextmanager
def hidden(*libraries: str) -> Iterator[None]:
    """Let an import of these libraries fail as if they were not installed; those already imported stay."""
    with _in_their_place(dict.fromkeys(libraries)):  # None makes an import fail
        yield


@contextmanager
def delayed(*libraries: str) -> Iterator[None]:
    """Let an import of these libraries wait until one of their names is used; those already imported stay."""
    with _in_their_place({library: _Delayed(library) for library in libraries}):
        yield


class _Delayed(ModuleType):
    """Stands for a library in a module that imports it and may never use it."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]  # else the import would find this again
        return getattr(import_module(self.__name__), name)


@contextmanager
def _in_their_place(others: Mapping[str, Any]) -> Iterator[None]:
    """Let an import of a library find something else, if the library is not imported yet."""
    absent = {library: other for library, other in others.items() if library not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for library, other in absent.items():
            if sys.modules.get(library, absent) is other:
                del sys.modules[library]


@contextmanager
def without_collections() -> Iterator[None]:
    """Let Python look for no cycles of unused objects, which an import hardly makes.

    A large library makes very many objects, and Python would look through all of them again and again, during
    the import and later. They are needed as long as the process lives, so afterwards they are set aside.
    """
    enabled = gc.isenabled()
    gc.collect()  # else what is unused already would be set aside too, and never be freed
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
