"""The overlay: new files that mirror CPython's tree. It only ever adds paths.

What all pins share lies at the top of the repository, what one pin alone needs below that pin's
folder in ``patches/``, mirrored in the same way. A path is in one of the two.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.git import Entry, Repo
from cpatch.base.pin import Pin
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


class TwiceError(CpatchError):
    """A path that both the shared overlay and the pin's own have."""

    def __init__(self, path: str, own: str) -> None:
        super().__init__(
            f"overlay {path} is there twice",
            wanted="a path in one of the shared overlay and the pin's own",
            got=f"{path} and {own}",
            fix=f"git rm {path} if pins differ in it, else git rm {own}",
            code=USAGE,
        )
        self.path = path


def load_overlay(project: Project, pin: Pin) -> dict[str, OverlayFile]:
    """Read all overlay files of a pin, by path, sorted. Files need not be committed yet.

    Raises TwiceError, and CpatchError for a symlink: it would dangle or point out of the tree.
    """
    shared = _load(project, project.root)
    own = _load(project, own_root(project, pin))
    for path in sorted(shared.keys() & own.keys()):
        mine = project.show(own_root(project, pin) / path)
        raise TwiceError(path, mine)
    return dict(sorted({**shared, **own}.items()))


def own_root(project: Project, pin: Pin) -> Path:
    """Return the directory that mirrors CPython's tree with what this pin alone needs."""
    return project.patches / pin.branch


def place(project: Project, pin: Pin, path: str) -> Path:
    """Return where a path of the overlay is kept: below the pin if it is there, else at the top."""
    own = own_root(project, pin) / path
    return own if own.exists() else project.root / path


def _load(project: Project, root: Path) -> dict[str, OverlayFile]:
    found: dict[str, OverlayFile] = {}
    for top in project.overlay_dirs:
        for where, dirs, names in os.walk(root / top):
            dirs[:] = sorted(d for d in dirs if d not in _JUNK_DIRS)
            for name in names:
                path = Path(where, name)
                rel = path.relative_to(root).as_posix()
                if name.startswith(".") or name.endswith(_JUNK_SUFFIXES):
                    continue
                if path.is_symlink() or not path.is_file():
                    shown = project.show(path)
                    raise CpatchError(
                        f"overlay {shown} is not a plain file", fix=f"rm {shown}", code=USAGE
                    )
                mode = "100755" if path.stat().st_mode & 0o100 else "100644"
                found[rel] = OverlayFile(mode, path.read_bytes())
    return found


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
