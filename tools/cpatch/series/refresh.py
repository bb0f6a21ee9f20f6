"""The way back from the patched tree to this repository."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cpatch.base import locks
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.series import apply
from cpatch.series.harvest import Plan, make_plan
from cpatch.series.overlay import OverlayFile
from cpatch.sources.worktree import Worktree


def refresh(project: Project, pin: Pin) -> Plan:
    """Write the tree's commits back; returns what was written. An identity if nothing changed.

    Raises CpatchError as ``make_plan`` does; the repository and the tree are then as they were.
    """
    with locks.driver(project):
        work = Worktree(project, pin, "patched")
        plan = make_plan(project, pin, work)
        if plan.chain is None or plan.inputs is None:
            return plan
        old = work.stand().head
        write_all(plan.writes)
        key = f"{plan.inputs.key(pin)} {len(plan.inputs.patches)}/{plan.total}"
        # The commits as the user made them stay reachable, whatever was folded or reworded.
        work.repo.git("update-ref", f"refs/refreshed/{old[:12]}", old)
        work.follow(apply.record_of(plan.chain, plan.inputs, total=plan.total, key=key))
        return plan


def write_all(writes: Mapping[Path, OverlayFile | bytes | None]) -> None:
    """Write, replace and delete files: all of them, or none if any step fails."""
    with tempfile.TemporaryDirectory(prefix="cpatch-") as name:
        staged: dict[Path, Path] = {}
        backups: dict[Path, Path | None] = {}
        made: list[Path] = []
        try:
            for number, (path, content) in enumerate(writes.items()):
                if content is not None:
                    staged[path] = _stage(path, content)
                backup = Path(name, str(number))
                backups[path] = _copy(path, backup) if path.exists() else None
            for path in writes:
                made.append(path)
                if path in staged:
                    staged[path].replace(path)
                else:
                    path.unlink(missing_ok=True)
        except BaseException as exc:
            for path in staged.values():
                path.unlink(missing_ok=True)
            for path in made:
                saved = backups[path]
                if saved is not None:
                    _copy(saved, path)
                else:
                    path.unlink(missing_ok=True)
            if isinstance(exc, OSError):
                raise CpatchError(
                    f"cannot write {exc.filename}: {exc.strerror}; nothing was changed"
                ) from exc
            raise


def _stage(path: Path, content: OverlayFile | bytes) -> Path:
    """Write a file's new content beside it, with the mode it shall have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else content.data
    executable = not isinstance(content, bytes) and content.mode == "100755"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".cpatch-")
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    umask = os.umask(0)
    os.umask(umask)
    Path(name).chmod((0o777 if executable else 0o666) & ~umask)
    return Path(name)


def _copy(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    target.chmod(source.stat().st_mode & 0o777)
    return target
