"""The same question, asked by a running server of itself: what was written since the fork.

    mark = cowaudit.live.mark()      # in the parent, last thing before it forks
    print(mark.look())               # in a worker, at any time

Needs no root and no other process. What a look costs by itself, some MB, comes after what it
counts. It cannot know a store's address or who made it, only what lives on the pages.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import sys
from collections import Counter
from dataclasses import dataclass

from cowaudit import layouts
from cowaudit.memory import Memory
from cowaudit.objects import OF_OBJECTS, Objects
from cowaudit.pagemap import PAGE, maps, rollup, snapshot
from cowaudit.places import Places

#: Addresses of each page that are looked at.
_LOOKS = 8


@dataclass(frozen=True)
class Look:
    """What a worker has written, in bytes, and in pages by what lives on them."""

    private_dirty: int
    old: int
    new: int
    on: dict[str, int]

    def __str__(self) -> str:
        """Return it as a few lines."""
        lines = [
            f"private {self.private_dirty >> 10} KiB: written {self.old >> 10} KiB of the "
            f"parent's, {self.new >> 10} KiB new; pages of the parent's by what is on them:"
        ]
        rows = sorted(self.on.items(), key=lambda row: -row[1])
        return "\n".join([*lines, *(f"{pages:8} {name}" for name, pages in rows[:20])])


class Mark:
    """Which pages the parent had. Small: runs of pages, not pages."""

    def __init__(self) -> None:
        starts: list[int] = []
        ends: list[int] = []
        for page in sorted(snapshot(os.getpid()).pages):
            if ends and ends[-1] == page:
                ends[-1] = page + PAGE
            else:
                starts.append(page)
                ends.append(page + PAGE)
        self._starts, self._ends = tuple(starts), tuple(ends)

    def had(self, page: int) -> bool:
        """Tell whether the parent had a page."""
        at = bisect.bisect_right(self._starts, page) - 1
        return at >= 0 and page < self._ends[at]

    def look(self) -> Look:
        """Return what this process has written since; pages that only it has."""
        dirty = rollup(os.getpid())["Private_Dirty"]
        exclusive = snapshot(os.getpid()).exclusive
        old = [page for page in exclusive if self.had(page)]
        with contextlib.closing(Memory(os.getpid())) as memory:
            layout = layouts.of(*sys.version_info[:2], sys.abiflags)
            objects = Objects(memory, id(type), layout)
            places = Places(maps(os.getpid()), objects, None)
            on = Counter(_resident(page, places) for page in old)
        return Look(dirty, len(old) * PAGE, (len(exclusive) - len(old)) * PAGE, dict(on))


def _resident(page: int, places: Places) -> str:
    spots = [places.spot(page + offset) for offset in range(0, PAGE, PAGE // _LOOKS)]
    names = [spot.owner if spot.kind in OF_OBJECTS else spot.kind for spot in spots]
    return Counter(names).most_common(1)[0][0]


def mark() -> Mark:
    """Remember which pages there are; call it in the parent, right before it forks."""
    return Mark()
