"""Which implementation there is for the interpreter that runs."""

import functools
import gc
import importlib
import importlib.util
import pkgutil
import sys
from typing import Protocol

_INSTEAD = "gc.freeze() works everywhere"
_PREFIX = "_heap_"
#: The sources are about what these releases have in common; the collector of earlier ones, and
#: the instructions of later ones, are others.
_BRANCH, _FIRST = (3, 14), (3, 14, 5)


class UnsupportedInterpreter(RuntimeError):  # noqa: N818 - it says what there is
    """This interpreter is none that the package was built for; the message says what to do."""


class Heap(Protocol):
    """What the extension modules have in common, and ``gc`` of an interpreter with the patches."""

    def immortalize_heap(
        self, *, fill: bool = ..., quiet: bool = ..., seal: bool = ..., trim: bool = ...
    ) -> dict[str, int]:
        """Make all that is alive immortal."""

    def is_immortal(self, obj: object, /) -> bool:
        """Tell whether an object is."""

    def check(self) -> None:
        """Raise RuntimeError if that cannot be done now."""


class _Own:
    """An interpreter that has the functions itself."""

    immortalize_heap = staticmethod(getattr(gc, "immortalize_heap", None))
    is_immortal = staticmethod(getattr(gc, "is_immortal", None))

    @staticmethod
    def check() -> None:
        """It refuses nothing but a subinterpreter, and says so itself."""


def _built_for() -> list[str]:
    """Return the releases that the installed package has a module for."""
    path = importlib.util.find_spec("immortal_heap").submodule_search_locations
    return sorted(
        info.name.removeprefix(_PREFIX).replace("_", ".")
        for info in pkgutil.iter_modules(path)
        if info.name.startswith(_PREFIX)
    )


def _release() -> str:
    info = sys.version_info
    kind = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info.releaselevel)
    return f"{info.major}.{info.minor}.{info.micro}" + (f"{kind}{info.serial}" if kind else "")


def _refusal() -> str | None:
    """Return what rules an interpreter out before anything of it is touched."""
    if sys.implementation.name != "cpython":
        return f"immortal_heap is for CPython and found {sys.implementation.name}"
    if sys.version_info[:2] != _BRANCH or sys.version_info[:3] < _FIRST:
        first = ".".join(map(str, _FIRST))
        return (
            f"immortal_heap is for CPython {first} and later ones of that branch, and found "
            f"{_release()}; {_INSTEAD}"
        )
    if "t" in sys.abiflags:
        return f"immortal_heap needs the GIL and found a free-threaded build; {_INSTEAD}"
    if "d" in sys.abiflags or hasattr(sys, "gettotalrefcount"):
        return f"immortal_heap found a debug build: use a release build; {_INSTEAD}"
    if not sys.platform.startswith("linux"):
        return f"immortal_heap is for Linux and found {sys.platform}; {_INSTEAD}"
    return None


@functools.cache
def load() -> Heap:
    """Return the implementation; UnsupportedInterpreter if there is none."""
    if hasattr(gc, "immortalize_heap"):
        return _Own()
    reason = _refusal()
    if reason is not None:
        raise UnsupportedInterpreter(reason)
    release = _release()
    name = f"immortal_heap.{_PREFIX}{release.replace('.', '_')}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name != name:
            raise
        built = ", ".join(_built_for()) or "none"
        raise UnsupportedInterpreter(
            f"immortal_heap is installed for CPython {built} and found {release}: install a newer "
            f"immortal-heap, or build it here, from its source (pip install "
            f"immortal_heap-*.tar.gz); {_INSTEAD}"
        ) from None
    except ImportError as exc:
        # A symbol that is not there, or a layout that is another.
        raise UnsupportedInterpreter(f"{exc}; {_INSTEAD}") from exc
