"""What every program imports as ``fz``: a log of what was made and what was finalized.

Runs under stock and patched. What a finalizer needs is bound in default arguments, since stock
may have taken this module apart by then. The log is a file opened for appending, so that threads
and workers may write to it, and nothing of the interpreter lies between a line and the file.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

_LOG = os.open("ran.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
#: For objects that resurrect themselves.
KEEP: list[object] = []
#: Modules of the library that nothing has loaded: a finalizer must be able to. Of these, what this
#: version has.
_FRESH = [
    *("colorsys", "getopt", "html.entities", "netrc", "nturl2path", "pyclbr", "stringprep"),
    *("tabnanny", "graphlib", "filecmp", "fileinput", "cmd", "mailcap", "quopri", "uu", "xdrlib"),
    *("plistlib", "sndhdr", "imghdr"),
]
FRESH = [name for name in _FRESH if name.partition(".")[0] in sys.stdlib_module_names]
#: Set when the program has ended: before, a finalizer may come while the library is imported.
EXITING: list[bool] = []
_WATCHED = ("os", "sys", "builtins", "io", "codecs", "threading", "abc", "posixpath")
#: Names of the library that had a value when the program had been read to its end.
_LOADED: dict[str, frozenset[str]] = {}


def log(*words: str, write: Any = os.write, fd: int = _LOG, pid: Any = os.getpid) -> None:
    """Append a line to the log: the process, which tells the program from its workers, and words.

    No variable could tell them: the objects of threads that a worker does not have are finalized
    there before fork() returns.
    """
    write(fd, f"{pid()} {' '.join(words)}\n".encode())


log("program")


@atexit.register  # first, so called last
def _exiting() -> None:
    EXITING.append(True)
    log("exiting")


def bound(namespace: dict[str, Any]) -> frozenset[str]:
    """Return the names that have a value and that no finalizer takes away on purpose."""
    return frozenset(
        name
        # A copy is made in one piece; a list, while the collector may change the namespace.
        for name, value in namespace.copy().items()
        if value is not None and not name.startswith(("__", "volatile"))
    )


def ends(namespace: dict[str, Any]) -> None:
    """Remember what a module has bound: it stands at the end of each."""
    namespace["OWN"] = bound(namespace)
    for name in _WATCHED:
        if name in sys.modules:
            _LOADED[name] = bound(vars(sys.modules[name]))


def say(ident: str, log: Any = log, pid: Any = os.getpid) -> None:
    """Print a line; without stdout, as stock may be by then, nothing happens."""
    try:
        print("out", pid(), ident)
    except BaseException:  # stock's sys.stdout may be lost
        return
    log("said", ident)


def check(
    ident: str,
    namespace: dict[str, Any],
    log: Any = log,
    sys: Any = sys,
    fresh: list[str] = FRESH,
    loaded: dict[str, frozenset[str]] = _LOADED,
    exiting: list[bool] = EXITING,
) -> None:
    """Log what is gone that F2 of docs/shutdown.md promises to a finalizer at exit."""
    if not exiting:
        return
    try:
        for name in namespace.get("OWN") or ():
            if namespace.get(name) is None:
                log("BROKEN", ident, "global", name)
                break
        if not sys.modules or not sys.meta_path or not sys.path:
            log("BROKEN", ident, "sys")
        for name, names in list(loaded.items()):
            module = vars(sys.modules[name])
            for attribute in names:
                if module.get(attribute) is None:
                    log("BROKEN", ident, "library", name, attribute)
                    break
        left = [name for name in fresh if name not in sys.modules] or fresh
        __import__(left[len(ident) * 7 % len(left)])
    except BaseException as exc:  # a library taken apart may raise anything
        log("BROKEN", ident, type(exc).__name__, str(exc).replace("\n", " "))


def report(
    ident: str,
    act: Callable[[Any], object] | None,
    self: Any,
    namespace: dict[str, Any],
    log: Any = log,
    say: Any = say,
    check: Any = check,
) -> None:
    """Do what every finalizer of a program does; *act* is what this one does besides."""
    log("ran", ident)
    say(ident)
    check(ident, namespace)
    if act is not None:
        act(self)
    log("end", ident)


def finalized(self: Any, namespace: dict[str, Any], report: Any = report) -> None:
    """Stand in for a ``__del__``; *self* has ``ident`` and ``act``."""
    report(self.ident, self.act, self, namespace)


def generator(
    ident: str, act: Callable[[Any], object] | None, namespace: dict[str, Any], ran: Any = report
) -> Generator[None, None, None]:
    """Suspend; report in ``finally``."""
    log("made", ident)
    try:
        yield
    finally:
        ran(ident, act, None, namespace)


class Pause:
    """Suspend a coroutine once."""

    def __await__(self) -> Generator[None, None, None]:
        """Yield to whoever drives the coroutine."""
        yield


async def coroutine(
    ident: str, act: Callable[[Any], object] | None, namespace: dict[str, Any], ran: Any = report
) -> None:
    """Suspend; report in ``finally``."""
    log("made", ident)
    try:
        await Pause()
    finally:
        ran(ident, act, None, namespace)


def immortalize() -> None:
    """Make the heap immortal where that can be done."""
    log("immortalized")
    getattr(gc, "immortalize_heap", gc.collect)()


def started(target: Callable[..., object], *args: Any, daemon: bool = True) -> threading.Thread:
    """Start a thread and wait until its function has set the event that it gets first."""
    ready = threading.Event()
    thread = threading.Thread(target=target, args=(ready, *args), daemon=daemon)
    thread.start()
    if not ready.wait(10):
        log("LATE")
    if daemon:
        log("daemon")
    time.sleep(0.01)  # from set() to the call after it, where the thread is to be stopped
    return thread
