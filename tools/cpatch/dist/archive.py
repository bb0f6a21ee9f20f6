"""Tarballs that depend on the files alone, and what differs between two of them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cpatch.base.errors import CpatchError
from cpatch.dist import elf

_AT_ONCE = 1 << 20


def pack(home: Path, name: str, to: Path, date: int) -> str:
    """Write the tree *home* as ``NAME/…`` into a .tar.gz, whole or not at all; return its SHA-256.

    Entries are sorted, belong to root, and are as old as *date* (seconds since 1970).
    """
    fresh = to.with_name(to.name + ".new")
    with (
        fresh.open("wb") as stream,
        gzip.GzipFile("", "wb", 9, stream, mtime=date) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in [home, *sorted(home.rglob("*"))]:
            entry = _entry(path, os.path.normpath(f"{name}/{path.relative_to(home)}"), date)
            if entry.isreg():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    fresh.replace(to)
    return digest(to)


def _entry(path: Path, name: str, date: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mtime = date
    entry.uname = entry.gname = "root"
    about = path.lstat()
    entry.mode = 0o755 if path.is_dir() or about.st_mode & stat.S_IXUSR else 0o644
    if path.is_symlink():
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
    elif path.is_dir():
        entry.type = tarfile.DIRTYPE
    else:
        entry.size = about.st_size
    return entry


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while data := stream.read(_AT_ONCE):
            found.update(data)
    return found.hexdigest()


@dataclass(frozen=True)
class _Member:
    """What is compared of an entry."""

    about: tuple[object, ...]
    data: bytes


def check(path: Path) -> None:
    """Raise CpatchError if *path* is no tarball that can be compared; it takes no time."""
    next(_members(path), None)


@contextlib.contextmanager
def as_it_is(path: Path) -> Iterator[Path]:
    """Lend a copy of a tarball, which a build that packs another one in its place leaves alone.

    Raises CpatchError if *path* is none that can be compared.
    """
    check(path)
    with tempfile.TemporaryDirectory() as home:
        yield Path(shutil.copy(path, home))


def compare(before: Path, now: Path) -> list[str]:
    """Name what differs between two tarballs, if only how they are packed; [] for equal bytes."""
    if digest(before) == digest(now):
        return []
    return differences(before, now) or ["nothing but how they are packed"]


def differences(before: Path, now: Path) -> list[str]:
    """Name what differs between two tarballs, a line for each file; [] when nothing does.

    The lines name neither tarball by its path: they are kept.
    """
    found = []
    old, new = dict(_members(before)), dict(_members(now))
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            found.append(f"{name}: only in the {'first' if name in old else 'second'}")
        elif old[name].about != new[name].about:
            found.append(f"{name}: {old[name].about} and {new[name].about}")
        elif old[name].data != new[name].data:
            found.append(f"{name}: {different(old[name].data, new[name].data)}")
    return found


def different(one: bytes, other: bytes) -> str:
    """Say which bytes of two files differ: how many, from where on, in which parts of an ELF."""
    if len(one) != len(other):
        return f"{len(one)} and {len(other)} bytes"
    at = [n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    text = f"{len(at)} of {len(one)} bytes, from {at[0]:#x} to {at[-1]:#x}"
    parts = [
        name for low, high, name in elf.sections(one) if any(low <= each < high for each in at)
    ]
    return f"{text}, in {', '.join(parts)}" if parts else text


def _members(path: Path) -> Iterator[tuple[str, _Member]]:
    try:
        with tarfile.open(path) as tar:
            for each in tar:
                about = (each.type, each.mode, each.uid, each.gid, each.mtime, each.linkname)
                content = tar.extractfile(each) if each.isreg() else None
                yield each.name, _Member(about, (content or io.BytesIO()).read())
    except (OSError, EOFError, tarfile.TarError) as error:
        raise CpatchError(
            f"cannot read {path}: {error}", wanted="an immortal-python-….tar.gz of make dist"
        ) from error
