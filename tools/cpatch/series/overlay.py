"""The overlay: new files that mirror CPython's tree. It only ever adds paths."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.git import Entry, Repo
from cpatch.base.project import Project

_JUNK_DIRS = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
_JUNK_SUFFIXES = (".pyc", ".o", ".swp", ".orig", ".rej", "~")

#: Subject of the commit that carries the overlay; refresh finds it by this.
SUBJECT = "overlay: add this repository's own files"


@dataclass(frozen=True)
class OverlayFile:
    """One file of the overlay; ``mode`` is git's ('100644' or '100755')."""

    mode: str
    data: bytes

    @property
    def digest(self) -> str:
        """Name content and mode, to see whether either changed."""
        return f"{self.mode}:{hashlib.sha256(self.data).hexdigest()}"


def load_overlay(project: Project) -> dict[str, OverlayFile]:
    """Read all overlay files, by path, sorted. Files need not be committed yet.

    Raises CpatchError for a symlink: it would dangle or point out of the tree.
    """
    found: dict[str, OverlayFile] = {}
    for top in project.overlay_dirs:
        for where, dirs, names in os.walk(project.root / top):
            dirs[:] = sorted(d for d in dirs if d not in _JUNK_DIRS)
            for name in names:
                path = Path(where, name)
                rel = path.relative_to(project.root).as_posix()
                if name.startswith(".") or name.endswith(_JUNK_SUFFIXES):
                    continue
                if path.is_symlink() or not path.is_file():
                    raise CpatchError(
                        f"overlay {rel} is not a plain file", fix=f"rm {rel}", code=USAGE
                    )
                mode = "100755" if path.stat().st_mode & 0o100 else "100644"
                found[rel] = OverlayFile(mode, path.read_bytes())
    return dict(sorted(found.items()))


def in_overlay_dirs(project: Project, path: str) -> bool:
    """Say whether a new file with this path belongs to the overlay."""
    return any(path.startswith(f"{top}/") for top in project.overlay_dirs)


def shadowing(overlay: Iterable[str], upstream: Iterable[str]) -> dict[str, str]:
    """Return overlay path -> the upstream path it would replace (or turn into a directory)."""
    files = set(upstream)
    dirs = {parent for path in files for parent in parents(path)}
    out = {}
    for path in overlay:
        if path in files:
            out[path] = path
        elif path in dirs:
            out[path] = f"{path}/"
        else:
            blocking = [parent for parent in parents(path) if parent in files]
            if blocking:
                out[path] = blocking[0]
    return out


def parents(path: str) -> list[str]:
    """Return every directory above a path, nearest last."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def check_add_only(overlay: Iterable[str], upstream: Iterable[str], version: str) -> None:
    """Raise CpatchError when an overlay path exists upstream."""
    clashes = shadowing(overlay, upstream)
    if clashes:
        path, other = next(iter(clashes.items()))
        more = f" (and {len(clashes) - 1} more)" if len(clashes) > 1 else ""
        raise CpatchError(
            f"overlay {path} shadows upstream{more}",
            wanted="a path that CPython does not have",
            got=f"{other} exists in CPython {version}",
            fix=f"git mv {path} to a new name, or change upstream's file with a patch",
            code=USAGE,
        )


def entries(repo: Repo, overlay: Mapping[str, OverlayFile]) -> dict[str, Entry]:
    """Store the overlay's contents and return them as tree entries."""
    blobs = repo.write_blobs([f.data for f in overlay.values()])
    return {
        path: Entry(file.mode, blob)
        for (path, file), blob in zip(overlay.items(), blobs, strict=True)
    }
