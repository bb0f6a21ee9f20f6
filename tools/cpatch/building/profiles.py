"""A profile that was taken before: packed beside what was built with it, given to another build.

Counters depend on the moment: on addresses, on times, on what else the machine does. So two builds
that each measure differ, and two that are given one profile do not.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cpatch.base.errors import CpatchError

#: The compiler's counters of one object, beside which it looks for them.
SUFFIX = ".gcda"
#: What upstream's Makefile takes for a profile that is there.
STAMP = "profile-run-stamp"


@dataclass(frozen=True)
class Profile:
    """A packed profile: where it is, its SHA-256, and the tree that it was taken of."""

    path: Path
    sha256: str
    tree_id: str


def top(tree_id: str) -> str:
    """Return the directory that a packed profile has everything in."""
    return f"profile-{tree_id}"


def read(path: Path) -> Profile:
    """Look at a packed profile; CpatchError when it is none."""
    tops = {each.parts[0] for each, _ in _counters(path)}
    if len(tops) != 1:
        raise CpatchError(f"{path} is no profile", wanted="a profile-….tar.gz of make dist")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Profile(path, sha256, tops.pop().removeprefix("profile-"))


def unpack(profile: Profile, objdir: Path, tree_id: str) -> None:
    """Put a profile where make finds it in place of one of its own.

    CpatchError when it was taken of another tree than *tree_id*.
    """
    if profile.tree_id != tree_id:
        raise CpatchError(
            f"{profile.path} was taken of another source",
            wanted=f"tree {tree_id}",
            got=f"tree {profile.tree_id}",
            fix="make apply at the commit that it came from, or make dist without a profile",
        )
    for old in objdir.rglob(f"*{SUFFIX}"):
        old.unlink()
    for name, data in _counters(profile.path):
        to = objdir.joinpath(*name.parts[1:])
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(data)
    (objdir / STAMP).touch()


def _counters(path: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield each file of counters by its name in the tarball; what else is there is no profile."""
    try:
        with tarfile.open(path) as tar:
            for each in tar:
                name = PurePosixPath(each.name)
                if each.isdir():
                    continue
                content = tar.extractfile(each) if each.isreg() else None
                if content is None or name.suffix != SUFFIX or not _tame(name):
                    raise CpatchError(f"{path} is no profile", got=f"{each.name} in it")
                yield name, content.read()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise CpatchError(
            f"cannot read {path}: {error}", wanted="a profile-….tar.gz of make dist"
        ) from error


def _tame(name: PurePosixPath) -> bool:
    """Tell whether a name stays below the directory that the tarball begins with."""
    return len(name.parts) > 1 and not name.is_absolute() and ".." not in name.parts
