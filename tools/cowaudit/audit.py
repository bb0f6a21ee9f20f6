"""One audit: one interpreter, one mode, one application; what was written, by whom, in one dict."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cowaudit import attribute, layouts, offsets, sources, uffd
from cowaudit.errors import AuditError
from cowaudit.frames import Frames
from cowaudit.layouts import Layout
from cowaudit.memory import Memory
from cowaudit.objects import Objects
from cowaudit.pagemap import PAGE, Snapshot, maps, rollup, snapshot
from cowaudit.places import Places
from cowaudit.session import Process, Session
from cowaudit.tracer import Tracer


@dataclass(frozen=True)
class Request:
    """What to audit, and how."""

    python: str
    application: Path
    mode: str
    workers: int
    rounds: Sequence[int]  # after how many rounds to look
    trace: bool
    timeout: float
    log: Path


def run(request: Request) -> dict[str, Any]:
    """Audit once; AuditError when there is no whole result."""
    device, why = uffd.refused() if request.trace else (-1, "not asked for")
    try:
        with Session(
            python=request.python,
            application=request.application,
            mode=request.mode,
            workers=request.workers,
            traced=not why,
            device=device,
            timeout=request.timeout,
            log=request.log,
        ) as session:
            return _audit(request, session, why)
    finally:
        if device >= 0:
            os.close(device)


def _audit(request: Request, session: Session, why: str) -> dict[str, Any]:
    before = snapshot(session.parent.pid)
    facts = session.fork()
    with contextlib.closing(Memory(session.parent.pid)) as memory:
        padding = 16 if facts["debug"] else 0
        major, minor, _ = facts["version"]
        layout = offsets.corrected(
            layouts.of(major, minor, facts["abiflags"]),
            offsets.told(memory, facts["runtime"] or 0),
        )
        objects = Objects(memory, facts["type"], layout, padding)
        places = Places(maps(session.parent.pid), objects, facts["tstate"])
        picture = attribute.picture(before, places)
        with _tracing(session, facts, before, layout) as (tracer, missed):
            rows = []
            for rounds in request.rounds:
                _work(session, rounds)
                rows.append(_look(session, before, places, tracer, rounds))
            problem = why or (tracer.problem if tracer else "")
    return {
        "python": request.python,
        "release": facts["release"],
        "immortal": facts["immortal"],
        "wheel": facts["wheel"],
        "mode": request.mode,
        "application": str(request.application),
        "modules": facts["modules"],
        "page": PAGE,
        "present": len(before.pages),
        "private": len(before.exclusive),
        "huge_pages": _huge_pages(),
        "trace": {"done": tracer is not None, "why": problem, "unwatched": missed},
        "checkpoints": rows,
        "picture": picture,
    }


def _work(session: Session, rounds: int) -> None:
    """Let the workers do what is missing to so many rounds, all at once."""
    running = [*session.busy, *([session.tracee] if session.tracee else [])]
    for process in running:
        session.exercise(process, rounds)
    for process in running:
        session.hear(process, "done")


def _look(
    session: Session, before: Snapshot, places: Places, tracer: Tracer | None, rounds: int
) -> dict[str, Any]:
    """Return what is to be seen while everybody stands still."""
    idle, resting = rollup(session.idle.pid), snapshot(session.idle.pid).exclusive
    seen = {process.name: snapshot(process.pid) for process in session.busy}
    subject = session.tracee or session.busy[0]
    after = snapshot(subject.pid) if session.tracee else seen[subject.name]
    with contextlib.closing(Memory(subject.pid)) as memory:
        pages = attribute.pages(before, resting, after, memory, places, tracer)
    sources.add(pages, places)
    return {
        "rounds": rounds,
        "idle": {"private_dirty": idle["Private_Dirty"], "pages": len(resting)},
        "workers": [_worker(process, idle, before, resting, seen) for process in session.busy],
        "subject": {"name": subject.name, **_counts(before, resting, after)},
        "resting": sorted(resting & before.exclusive),
        "pages": pages,
    }


def _worker(
    process: Process,
    idle: dict[str, int],
    before: Snapshot,
    resting: set[int],
    seen: dict[str, Snapshot],
) -> dict[str, Any]:
    sums = rollup(process.pid)
    return {
        "name": process.name,
        "private_dirty": sums["Private_Dirty"],
        "pss": sums["Pss"],
        "rss": sums["Rss"],
        "growth": sums["Private_Dirty"] - idle["Private_Dirty"],
        **_counts(before, resting, seen[process.name]),
    }


def _counts(before: Snapshot, resting: set[int], after: Snapshot) -> dict[str, int]:
    """Return pages by what they cost: the fork itself, stores to old memory, new memory."""
    exclusive = after.exclusive
    old = exclusive & before.pages.keys()
    return {
        "exclusive": len(exclusive),
        "forked": len(old & resting),
        "written": len(old - resting),
        "new": len(exclusive) - len(old),
    }


@contextlib.contextmanager
def _tracing(
    session: Session, facts: dict[str, Any], before: Snapshot, layout: Layout
) -> Iterator[tuple[Tracer | None, int]]:
    """Watch the traced worker, if there is one."""
    tracee = session.tracee
    if tracee is None:
        yield None, 0
        return
    number = int(session.hear(tracee, "tracer"))
    try:
        watch = uffd.Watch(uffd.duplicate(tracee.handle, number))
    except OSError as exc:
        raise AuditError(
            f"cannot watch the traced worker: {exc.strerror}", fix="--no-trace shows pages only"
        ) from exc
    with contextlib.closing(Memory(tracee.pid)) as memory:
        frames = None
        if layout.frames is not None and facts["tstate"]:
            frames = Frames(memory, facts["tstate"], facts["code"], layout.frames)
        tracer = Tracer(watch, memory, frames)
        try:
            tracer.start()
            missed = tracer.protect(maps(tracee.pid), before.exclusive)
            tracee.order("w")
            yield tracer, missed
        finally:
            tracer.stop()


def _huge_pages() -> str:
    path = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    with contextlib.suppress(OSError, IndexError):
        return path.read_text().split("[")[1].split("]")[0]
    return "none"
