"""The immortal heap: forked workers go on sharing the memory that their parent loaded.

Two lines in the configuration of a pre-fork server, when its application is loaded::

    import immortal_heap
    def when_ready(server): immortal_heap.freeze()

``freeze()`` makes the heap immortal where that can be done, and falls back to ``gc.freeze()``
elsewhere, with a warning that says why. ``immortalize_heap()`` is the same without the fallback.
Importing this module changes nothing, and loads nothing that depends on the interpreter.

In an interpreter that has ``gc.immortalize_heap()`` itself, all functions are its own.
"""

import gc as _gc
import warnings as _warnings

from immortal_heap._choose import UnsupportedInterpreter, load as _load

__all__ = [
    "UnsupportedInterpreter",
    "freeze",
    "immortalize_heap",
    "is_immortal",
    "why_not",
]


def immortalize_heap(
    *, fill: bool = True, quiet: bool = True, seal: bool = True, trim: bool = True
) -> dict[str, int]:
    """Make all that is alive immortal, prepare its memory for a fork, and say what was done.

    To be called once the application is loaded, before the first fork; again for what was made
    since. The keywords leave out parts, for measuring. Returns numbers by name: ``immortalized``
    objects, ``stranded_bytes`` that cannot be used any more, and others.

    Raises UnsupportedInterpreter, a RuntimeError, in an interpreter that this was not built for,
    and RuntimeError where it cannot be done just now: in a subinterpreter, during a collection,
    with another allocator than pymalloc, while tracemalloc runs, with a JIT compiler. Nothing is
    changed then.
    """
    return _load().immortalize_heap(fill=fill, quiet=quiet, seal=seal, trim=trim)


def freeze() -> dict[str, int]:
    """Do the best that there is for a server that is about to fork, and never fail.

    That is immortalize_heap(), and what it returns. Where it raises RuntimeError, it is
    ``gc.collect()`` and ``gc.freeze()``, a RuntimeWarning with the reason, and an empty dict.
    An interpreter without ``gc.freeze()`` is left with the warning.
    """
    try:
        return immortalize_heap()
    except RuntimeError as exc:
        reason = str(exc)
    done = "nothing was done"
    if hasattr(_gc, "freeze"):
        _gc.collect()
        _gc.freeze()
        done = "gc.freeze() was used instead"
    _warnings.warn(f"{done}: {reason}", RuntimeWarning, stacklevel=2)
    return {}


def is_immortal(obj: object) -> bool:
    """Return whether *obj* is never counted and never freed. Raises UnsupportedInterpreter."""
    return _load().is_immortal(obj)


def why_not() -> str | None:
    """Return why immortalize_heap() would raise RuntimeError just now; None if it would not."""
    try:
        _load().check()
    except RuntimeError as exc:
        return str(exc)
    return None
