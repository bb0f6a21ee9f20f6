"""Which pages a process has: /proc/PID/maps, pagemap and smaps_rollup, readable by its owner."""

from __future__ import annotations

import array
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cowaudit.errors import AuditError

PAGE = os.sysconf("SC_PAGE_SIZE")

# Bits of an entry of pagemap (Documentation/admin-guide/mm/pagemap.rst).
_EXCLUSIVE, _FILE, _SWAPPED, _PRESENT = 1 << 56, 1 << 61, 1 << 62, 1 << 63
_RELEVANT = _EXCLUSIVE | _FILE | _SWAPPED | _PRESENT


@dataclass(frozen=True)
class Mapping:
    """One line of /proc/PID/maps."""

    start: int
    end: int
    permissions: str
    offset: int
    inode: int
    path: str

    @property
    def private(self) -> bool:
        """Whether a write gives the process a copy of its own."""
        return self.permissions[3] == "p"

    @property
    def writable(self) -> bool:
        """Whether the process may write there now."""
        return self.permissions[1] == "w"

    @property
    def anonymous(self) -> bool:
        """Whether it is no file's: the heap, a stack, memory from mmap, zeroed static data."""
        return self.inode == 0 and (not self.path or self.path.startswith("["))


def parse_maps(text: str) -> list[Mapping]:
    """Return the mappings that /proc/PID/maps lists, without the kernel's own."""
    found = []
    for line in text.splitlines():
        span, permissions, offset, _, inode, *path = line.split(None, 5)
        start, end = (int(word, 16) for word in span.split("-"))
        name = path[0] if path else ""
        if not name.startswith(("[vvar", "[vdso", "[vsyscall", "[vectors")):
            found.append(Mapping(start, end, permissions, int(offset, 16), int(inode), name))
    return found


def maps(pid: int) -> list[Mapping]:
    """Return the mappings of a process."""
    return parse_maps(_proc(pid, "maps").read_text(encoding="utf-8", errors="surrogateescape"))


@dataclass(frozen=True)
class Snapshot:
    """The private pages of a process at one moment: address -> its bits of pagemap."""

    pages: dict[int, int]

    @property
    def exclusive(self) -> set[int]:
        """Pages that are mapped nowhere else and no file's: written, or new, since the fork."""
        return {
            page
            for page, bits in self.pages.items()
            if bits & (_EXCLUSIVE | _FILE) == _EXCLUSIVE or bits & _SWAPPED
        }


def parse_pagemap(start: int, entries: Iterable[int]) -> dict[int, int]:
    """Return the bits of the pages that exist, from entries of pagemap that begin at *start*."""
    return {
        start + number * PAGE: entry & _RELEVANT
        for number, entry in enumerate(entries)
        if entry & (_PRESENT | _SWAPPED)
    }


def snapshot(pid: int) -> Snapshot:
    """Return the pages that a process has in its private mappings."""
    found: dict[int, int] = {}
    try:
        with _proc(pid, "pagemap").open("rb", buffering=0) as stream:
            for mapping in maps(pid):
                if mapping.private:
                    found |= parse_pagemap(mapping.start, _entries(stream.fileno(), mapping))
    except OSError as exc:
        raise AuditError(
            f"cannot read the page map of process {pid}: {exc.strerror}",
            fix="run the audit as the same user, and outside a sandbox that hides /proc",
        ) from exc
    return Snapshot(found)


def _entries(stream: int, mapping: Mapping) -> array.array[int]:
    data = bytearray()
    at, end = mapping.start // PAGE * 8, mapping.end // PAGE * 8
    while at < end:
        piece = os.pread(stream, min(end - at, 1 << 20), at)
        if not piece:
            break
        data += piece
        at += len(piece)
    entries = array.array("Q")
    entries.frombytes(bytes(data[: len(data) // 8 * 8]))
    return entries


def rollup(pid: int) -> dict[str, int]:
    """Return the sums of smaps_rollup, in bytes: Rss, Pss, Private_Dirty and more."""
    sums = {}
    for line in _proc(pid, "smaps_rollup").read_text().splitlines()[1:]:
        name, number, *_ = line.replace(":", " ").split()
        sums[name] = int(number) * 1024
    return sums


def _proc(pid: int, name: str) -> Path:
    return Path("/proc") / str(pid) / name
