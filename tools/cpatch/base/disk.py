"""What the driver says when it cannot write: a disk that is full or read-only, a file of another's.

Any step may find that. What it was about to write is whole or not there, so that the same command
goes on once there is room.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

from cpatch.base.errors import CpatchError
from cpatch.base.project import Project

FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_NONE = 1 << 20
_LITTLE = 64 << 20  # what no step gets along with, roughly; bytes


def explained(error: OSError, project: Project) -> CpatchError | None:
    """Return what to tell the user of an OSError, or None when it is not about writing."""
    where = f" {project.show(Path(os.fsdecode(error.filename)))}" if error.filename else ""
    what = f"cannot write{where}: {error.strerror}"
    if error.errno in FULL:
        return CpatchError(what, wanted="room on the disk", got=_room(project), fix=_fix())
    if error.errno in _FORBIDDEN and error.filename:
        return CpatchError(
            what,
            wanted=f"a place that user {os.geteuid()} may write to",
            fix="make it writable, or make CPATCH_BUILD=/another/directory …",
        )
    return None


def of_child(error: CpatchError, project: Project) -> CpatchError:
    """Return *error*, with what to do when a program failed for want of room on the disk.

    Its words tell, or that there is none: git writes "unable to write file" and no more.
    """
    words = [os.strerror(number) for number in FULL]
    said = f"{error.what}\n{error.got}"
    full = error.fix is None and any(free < _NONE for free, _ in _places(project))
    if error.wanted is None and (full or any(word in said for word in words)):
        error.wanted = "room on the disk"
        error.got = error.got or _room(project)
        error.fix = "\n".join(filter(None, [error.fix, _fix()]))
    return error


def _room(project: Project) -> str:
    """Say where there is little room, of the places that the driver writes to."""
    rows = _places(project)
    little = [text for free, text in rows if free < _LITTLE]
    return "\n".join(little or [text for _, text in rows])


def _places(project: Project) -> list[tuple[int, str]]:
    rows = []
    for path in (project.build, project.root, Path(tempfile.gettempdir())):
        if path.exists():
            free = shutil.disk_usage(path).free
            rows.append((free, f"{free >> 20} MiB free in {path}"))
    return rows


def _fix() -> str:
    return (
        'make room, as by make clean ARGS="obj logs bench", or make CPATCH_BUILD=/another/disk …;\n'
        "then the same command, which goes on where it was"
    )
