"""What a driver that was killed left running, and the end of it.

Nothing that runs in a process can end its children once it is killed by SIGKILL. So the child is
noted beside what it works on, and whoever works there next ends it first.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import psutil

from cpatch.base import console

#: Seconds that a program has to end by itself. make removes what it has half made.
_PATIENCE = 10.0


@contextlib.contextmanager
def noted(mark: Path | None, pid: int) -> Iterator[None]:
    """Have *mark* name a running child; with None, do nothing."""
    if mark is None:
        yield
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        mark.write_text(json.dumps([pid, psutil.Process(pid).create_time()]), encoding="utf-8")
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def end(mark: Path) -> None:
    """End the child that *mark* names, and its children, and wait until they are gone."""
    try:
        pid, begun = json.loads(mark.read_text(encoding="utf-8"))
        child = psutil.Process(pid)
        if child.create_time() == begun:
            console.note(f"ending {child.name()} (pid {pid}), which a killed cpatch left running")
            _end([child, *child.children(recursive=True)])
    except (OSError, ValueError, TypeError, psutil.Error):
        pass  # no such note, or no such process
    mark.unlink(missing_ok=True)


def _end(family: list[psutil.Process]) -> None:
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                signal(each)
        _, family = psutil.wait_procs(family, _PATIENCE)
