"""What a driver that was killed left running, and the end of it.

Nothing that runs in a process can end its children once it is killed by SIGKILL. So the child is
noted beside what it works on, and whoever works there next ends it first.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from cpatch.base import console

_NOTE = ".cpatch-running"

#: Seconds that a program has to end by itself. make removes what it has half made.
_PATIENCE = 10.0


@contextlib.contextmanager
def noted(directory: Path | None, pid: int) -> Iterator[None]:
    """Note that a child of ours works on a directory, while it does; with None, do nothing."""
    if directory is None:
        yield
        return
    note = directory / f"{_NOTE}-{pid}"
    with contextlib.suppress(psutil.NoSuchProcess):
        begun = psutil.Process(pid).create_time()
        note.write_text(json.dumps([pid, begun, os.getpid()]), encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def end(directory: Path) -> None:
    """End what works on a directory for a driver that is gone, and wait until it is gone, too."""
    for note in directory.glob(f"{_NOTE}-*"):
        with contextlib.suppress(OSError, ValueError, TypeError, psutil.Error):
            pid, begun, driver = json.loads(note.read_text(encoding="utf-8"))
            child = psutil.Process(pid)
            if child.create_time() == begun and child.ppid() == driver:
                continue
            if child.create_time() == begun:
                console.note(f"ending {child.name()} ({pid}), which a killed cpatch left running")
                _end([child, *child.children(recursive=True)])
        note.unlink(missing_ok=True)


def kill_below(pid: int) -> None:
    """Kill the children of a process, and theirs, whatever sessions and groups they are in.

    It is stopped first, so that it starts no others.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        parent.suspend()
        for each in parent.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()


def _end(family: list[psutil.Process]) -> None:
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                signal(each)
        _, family = psutil.wait_procs(family, _PATIENCE)
