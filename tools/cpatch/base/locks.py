"""Locks: one driver at a time where two would spoil each other's work."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from cpatch.base import console, leftovers
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project

_depth = 0


@contextlib.contextmanager
def driver(project: Project) -> Iterator[None]:
    """Let one driver at a time change ``build/``; the others wait. May be nested."""
    global _depth
    if _depth:
        yield
        return
    project.make_dir(project.build)
    path = project.build / ".lock"
    try:
        handle = path.open("a")
    except OSError as exc:
        raise CpatchError(
            f"cannot write {project.show(path)}: {exc.strerror}",
            fix=f"make {project.show(project.build)} writable",
        ) from exc
    with handle:
        _wait(handle.fileno(), "waiting for another cpatch to finish with the source trees ...")
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1


@contextlib.contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Keep two drivers from making in one directory; the second waits.

    What an earlier one left running there is ended.
    """
    with (directory / ".cpatch-lock").open("w", encoding="utf-8") as handle:
        _wait(handle.fileno(), f"waiting for another build in {directory}")
        leftovers.end(directory)
        yield


@contextlib.contextmanager
def or_refuse(path: Path, refusal: CpatchError) -> Iterator[None]:
    """Hold the lock *path*, made when it is not there; raises *refusal* when somebody else does."""
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise refusal from None
        yield


def _wait(handle: int, note: str) -> None:
    """Take the lock of an open file; says *note* when somebody else has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        console.note(note)
        fcntl.flock(handle, fcntl.LOCK_EX)
