"""Where in its address space a process keeps what: files' static data, heaps, arenas, stacks."""

from __future__ import annotations

import bisect
from pathlib import Path

from cowaudit.elf import Symbols
from cowaudit.objects import CHUNK, FRAMES, OTHER, STACK, STATIC, Objects, Spot
from cowaudit.pagemap import PAGE, Mapping

#: What a mapping is, for the picture.
ARENA, HEAP, MAPPED, IMAGE, C_STACK = "arena", "heap", "mapped", "image", "stack"

_files: dict[Path, Symbols] = {}


def symbols(path: Path) -> Symbols:
    """Return a file's symbols, read once."""
    if path not in _files:
        _files[path] = Symbols(path)
    return _files[path]


class Places:
    """The address space of a process as it was at the fork."""

    def __init__(self, mappings: list[Mapping], objects: Objects, tstate: int | None) -> None:
        self.mappings = mappings
        self.objects = objects
        self._starts = [mapping.start for mapping in mappings]
        self._bases: dict[str, int] = {}
        self._images: list[str] = []  # for each mapping, the file whose static data it is
        before: Mapping | None = None
        for mapping in mappings:
            image = "" if mapping.anonymous else mapping.path
            if image and mapping.offset == 0:
                self._bases.setdefault(image, mapping.start)
            if not mapping.path and before and before.end == mapping.start and before.writable:
                # Zeroed static data follows what is in the file.
                image = "" if before.anonymous else before.path
            self._images.append(image)
            before = mapping
        self._frames = list(self._frame_chunks(tstate)) if tstate else []

    def _frame_chunks(self, tstate: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        place = self.objects.layout.chunks
        chunk = 0 if place is None else self.objects.memory.word(tstate + place)
        while chunk and len(found) < 1000:
            size = self.objects.memory.word(chunk + 8)
            found.append((chunk, chunk + size))
            chunk = self.objects.memory.word(chunk)
        return found

    def mapping(self, address: int) -> Mapping | None:
        """Return the mapping that holds an address."""
        at = bisect.bisect_right(self._starts, address) - 1
        found = self.mappings[at] if at >= 0 else None
        return found if found and address < found.end else None

    def image(self, address: int) -> str:
        """Return the file whose code or static data holds an address; '' for none."""
        at = bisect.bisect_right(self._starts, address) - 1
        image = self._images[at] if at >= 0 and address < self.mappings[at].end else ""
        if image and self.mappings[at].anonymous:
            # Other memory may follow a file's zeroed static data without a gap.
            linked = self.linked(address)
            image = image if linked and linked[1] < symbols(Path(image)).last else ""
        return image

    def linked(self, address: int) -> tuple[str, int] | None:
        """Return the file at an address, and the address as it was linked there."""
        at = bisect.bisect_right(self._starts, address) - 1
        image = self._images[at] if at >= 0 else ""
        if image not in self._bases:
            return None
        return image, address - self._bases[image] + symbols(Path(image)).first

    def symbol(self, address: int) -> tuple[str, int] | None:
        """Return the name of the function or static data at an address, and the offset in it."""
        place = self.linked(address) if self.image(address) else None
        found = symbols(Path(place[0])).find(place[1]) if place else None
        return (found.name, place[1] - found.start) if place and found else None

    def area(self, address: int) -> str:
        """Return what kind of memory an address is in, for the picture."""
        mapping = self.mapping(address)
        if mapping is None:
            return MAPPED
        if mapping.path.startswith("[stack"):
            return C_STACK
        if mapping.path == "[heap]":
            return HEAP
        if self.image(address):
            return IMAGE
        return ARENA if self.objects.pool(address) else MAPPED

    def spot(self, address: int) -> Spot:
        """Say what an address belonged to at the fork."""
        area = self.area(address)
        if area == C_STACK:
            return Spot(STACK)
        mapping = self.mapping(address)
        if mapping is None:
            return Spot(OTHER)
        if area == HEAP:
            return self.objects.in_heap(mapping, address)
        if area == IMAGE:
            return self._static(address)
        for start, end in self._frames:
            if start <= address < end:
                return Spot(FRAMES)
        pool = self.objects.pool(address)
        if pool:
            return self.objects.in_pool(pool, address)
        chunk = self.objects.big_chunk(mapping, address)
        if chunk is None:
            return Spot(OTHER)
        return self.objects.in_use(chunk + 16, address) if address >= chunk + 16 else Spot(CHUNK)

    def _static(self, address: int) -> Spot:
        image = Path(self.image(address)).name
        found = self.symbol(address)
        low = address - found[1] if found else address - address % PAGE
        # The object that this is a part of begins at most a few fields before it.
        at = address - address % 8
        while at >= max(low, address - 1024):
            kind = self.objects.memory.word(at + 8)
            if self.objects.is_type(kind) and self._reaches(at, kind, address):
                spot = self.objects.in_object(at, address)
                return Spot(spot.kind, f"static {spot.owner}", spot.field)
            at -= 8
        return Spot(STATIC, image, found[0] if found else "")

    def _reaches(self, at: int, kind: int, address: int) -> bool:
        memory = self.objects.memory
        if not self.objects.layout.counted(memory.word(at)):
            return False
        size, item = memory.word(kind + 32), memory.word(kind + 40)
        if item:
            count = memory.word(at + 16)
            count = (1 << 64) - count if count >> 63 else count
            size += item * count if count < 1 << 24 else 0
        return address < at + max(size, 16)
