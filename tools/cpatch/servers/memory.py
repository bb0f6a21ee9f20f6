"""What the processes of a server cost in memory, as the kernel accounts for it.

``Pss`` is a process's share of the pages it maps: what is private, and its part of what is shared
with others. The sum over a server's processes is what the server takes, less what it shares with
other programs.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")

#: What is read of smaps_rollup, in bytes.
_FIELDS = {
    "pss": "Pss",
    "private_dirty": "Private_Dirty",
    "private_clean": "Private_Clean",
    "shared_dirty": "Shared_Dirty",
    "rss": "Rss",
    "swap_pss": "SwapPss",
}


@dataclass(frozen=True)
class Process:
    """A live process, from /proc/PID/stat."""

    pid: int
    parent: int
    session: int
    minor_faults: int
    cpu_ticks: int


@dataclass(frozen=True)
class Usage:
    """One process at one moment; sizes in bytes."""

    pid: int
    role: str  # parent or worker
    minor_faults: int
    cpu_ticks: int
    pss: int
    private_dirty: int
    private_clean: int
    shared_dirty: int
    rss: int
    swap_pss: int

    @property
    def asdict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def parse_stat(text: str) -> Process | None:
    """Read /proc/PID/stat; None for a zombie. The program's name may hold blanks and brackets."""
    pid = int(text[: text.index(" ")])
    state, *rest = text[text.rindex(")") + 2 :].split()
    if state in "ZX":
        return None
    return Process(
        pid=pid,
        parent=int(rest[0]),
        session=int(rest[2]),
        minor_faults=int(rest[6]),
        cpu_ticks=int(rest[10]) + int(rest[11]),
    )


def parse_rollup(text: str) -> dict[str, int]:
    """Read /proc/PID/smaps_rollup; what a kernel does not tell is 0."""
    found = {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.M)}
    return {key: found.get(name, 0) for key, name in _FIELDS.items()}


def of_session(session: int) -> list[Process]:
    """Return the live processes of a session, which is all that a server has started."""
    found = []
    for path in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            process = parse_stat(path.read_text(encoding="utf-8", errors="replace"))
            if process and process.session == session:
                found.append(process)
    return sorted(found, key=lambda process: process.pid)


def tree(session: int) -> tuple[Process | None, list[Process]]:
    """Return a server's parent and its workers. The session's leader only watches the clock."""
    every = of_session(session)
    parent = next((process for process in every if process.parent == session), None)
    workers = [process for process in every if parent and process.parent == parent.pid]
    return parent, workers


def usage(process: Process, role: str) -> Usage | None:
    """Return what a process costs; None when it has gone."""
    try:
        text = (PROC / str(process.pid) / "smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return None
    if not text:
        return None
    return Usage(process.pid, role, process.minor_faults, process.cpu_ticks, **parse_rollup(text))


def sample(session: int) -> list[Usage]:
    """Return what the parent and each worker cost now."""
    parent, workers = tree(session)
    pairs = [(parent, "parent")] if parent else []
    found = [usage(process, role) for process, role in [*pairs, *((w, "worker") for w in workers)]]
    return [each for each in found if each]


def end_session(session: int, patience: float = 5.0) -> list[int]:
    """Kill what is left of a session and wait until it is gone; return its process ids.

    A killed process is there for a moment yet, and one that was being forked may come after.
    """
    killed: list[int] = []
    end = time.monotonic() + patience
    while found := of_session(session):
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            if process.pid not in killed:
                killed.append(process.pid)
        if time.monotonic() > end:
            break
        time.sleep(0.02)
    return killed
