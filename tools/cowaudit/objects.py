"""What lies at an address of a CPython process, found from outside by reading its memory.

Nothing is asked of the process and nothing is changed in it. pymalloc says which of its blocks
are in use, glibc where its chunks begin, and a block that holds a pointer to a type where an
object of that type must have one holds an object. Where versions differ, ``layouts`` tells; of an
interpreter that is not in its table the names of fields are missing from the answers.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass

from cowaudit.fields import KEYS_FIELDS, name_of
from cowaudit.layouts import COUNT, Layout
from cowaudit.memory import Memory
from cowaudit.pagemap import PAGE
from cowaudit.pagemap import Mapping as Mapped

# What a store hit. The words are those of the report.
REFCOUNT = COUNT
GC_HEAD = "GC header"
FIELD = "field of an object"
CODE = "body of a code object"
KEYS = "keys of a dict"
TABLE = "table of references"
BLOCK = "block that is no object"
FREE = "free memory (new objects)"
POOL = "pool header"
CHUNK = "malloc's own data"
STATIC = "static data"
FRAMES = "Python frames"
STACK = "C stack"
OTHER = "other memory"
# No store is known, and the content is what it was: changes that took each other back.
SAME = "counted up and down again"

#: All of them, in the order of legends.
KINDS: tuple[str, ...] = (REFCOUNT, GC_HEAD, FIELD, CODE, KEYS, TABLE, BLOCK)
KINDS += (FREE, POOL, CHUNK, STATIC, FRAMES, STACK, OTHER, SAME)

#: Those that say what object it is.
OF_OBJECTS = (REFCOUNT, GC_HEAD, FIELD, CODE)

_HAVE_GC, _TYPE_SUBCLASS = 1 << 14, 1 << 31
#: Managed dict, managed weak references: two words in front of the GC header for either.
_PRE_HEADER = 1 << 4 | 1 << 3
_INLINE_VALUES = 1 << 2
_POOL, _POOL_HEADER, _ALIGNMENT = 16384, 48, 16


@dataclass(frozen=True)
class Spot:
    """What an address belongs to: a kind, the type or allocator, the field."""

    kind: str
    owner: str = ""
    field: str = ""

    @property
    def text(self) -> str:
        """The most telling short name: 'str.hash', 'free memory (dict)'."""
        return ".".join(word for word in (self.owner, self.field) if word) or self.kind


@dataclass(frozen=True)
class Pool:
    """One pool of pymalloc: where, the size of its blocks, which of them are free."""

    start: int
    size: int
    free: frozenset[int]
    fresh: int  # blocks from here on were never used
    used: int

    def block(self, address: int) -> int | None:
        """Return the start of the block at *address*; None for the header."""
        offset = address - self.start - _POOL_HEADER
        return None if offset < 0 else address - offset % self.size


class Objects:
    """Knows what lies where in one process, as it was when *memory* was read."""

    def __init__(self, memory: Memory, type_address: int, layout: Layout, padding: int = 0) -> None:
        self.memory = memory
        self.type = type_address
        self.layout = layout
        self.padding = padding  # in front of each block, by the allocators' debug hooks
        self._types: dict[int, bool] = {type_address: True}
        self._names: dict[int, str] = {}
        self._pools: dict[int, Pool | None] = {}
        self._chunks: dict[int, list[int]] = {}
        self._cached: dict[int, frozenset[int]] = {}

    def is_type(self, address: int) -> bool:
        """Tell whether a type object lies at *address*."""
        known = self._types.get(address)
        if known is None:
            known = False
            if address and address % 8 == 0 and address < 1 << 47:
                meta = self.memory.word(address + 8)
                known = meta == self.type or (
                    self.memory.word(meta + 8) == self.type
                    and bool(self.memory.word(meta + 168) & _TYPE_SUBCLASS)
                )
            self._types[address] = known
        return known

    def type_name(self, address: int) -> str:
        """Return the name of the type at *address*, without its module."""
        if address not in self._names:
            text = self.memory.text(self.memory.word(address + 24))
            self._names[address] = text.rpartition(".")[2] or "?"
        return self._names[address]

    def head(self, kind: int) -> int:
        """Return how many bytes lie in front of an object of a type."""
        flags = self.memory.word(kind + 168)
        return (16 if flags & _HAVE_GC else 0) + (16 if flags & _PRE_HEADER else 0)

    def in_block(self, block: int) -> int | None:
        """Return the object that a block of memory holds; None when it holds none."""
        for head in (0, 16, 32):
            kind = self.memory.word(block + head + 8)
            if self.is_type(kind) and self.head(kind) == head:
                return block + head
        return None

    def pool(self, address: int) -> Pool | None:
        """Return the pool of pymalloc at *address*; None where there is none."""
        start = address - address % _POOL
        if start not in self._pools:
            self._pools[start] = self._read_pool(start)
        return self._pools[start]

    def _read_pool(self, start: int) -> Pool | None:
        header = self.memory.bytes(start, _POOL_HEADER)
        if len(header) < _POOL_HEADER:
            return None
        used, index, following, last = (
            int.from_bytes(header[at : at + 4], "little") for at in (0, 36, 40, 44)
        )
        size = (index + 1) * _ALIGNMENT
        # The last field follows from the size class: no other data looks like that by chance.
        if index >= 32 or last != _POOL - size or following > _POOL:
            return None
        if used > (_POOL - _POOL_HEADER) // size:
            return None
        free = set()
        block = int.from_bytes(header[8:16], "little")
        while start < block < start + _POOL and block not in free:
            free.add(block)
            block = self.memory.word(block)
        return Pool(start, size, frozenset(free), start + following, used)

    def in_pool(self, pool: Pool, address: int) -> Spot:
        """Say what an address in a pool belongs to."""
        block = pool.block(address)
        if block is None:
            return Spot(POOL)
        if not pool.used or block in pool.free or block >= pool.fresh:
            return Spot(FREE, f"{pool.size} byte block" if pool.used else "free pool")
        return self.in_use(block, address)

    def in_use(self, block: int, address: int) -> Spot:
        """Say what an address in a block that is in use belongs to."""
        block += self.padding
        if address < block:
            return Spot(BLOCK, "debug padding")
        found = self.in_block(block)
        if found is not None:
            return self.in_object(found, address)
        if self._is_keys(block):
            return Spot(KEYS, "keys", name_of(KEYS_FIELDS, address - block))
        pointers = (self.memory.word(block + at) for at in range(0, 64, 8))
        if any(self.is_type(self.memory.word(word + 8)) for word in pointers if word % 8 == 0):
            return Spot(TABLE)
        return Spot(BLOCK)

    def in_object(self, found: int, address: int) -> Spot:
        """Say which part of the object at *found* an address is."""
        kind = self.memory.word(found + 8)
        name, offset = self.type_name(kind), address - found
        if not self.layout.counted(self.memory.word(found)):
            return Spot(FREE, f"{name} kept for reuse")
        if offset < 0:
            gc = offset >= -16 and self.memory.word(kind + 168) & _HAVE_GC
            part = name_of(self.layout.before, offset)
            return Spot(GC_HEAD, name) if gc else Spot(FIELD, name, part)
        if offset < 8:
            part = name_of(self.layout.header, offset)
            return Spot(REFCOUNT, name) if part == COUNT else Spot(FIELD, name, part)
        if offset < 16:
            return Spot(FIELD, name, "type")
        if offset >= self.memory.word(kind + 32):  # tp_basicsize
            if name == "code":
                return Spot(CODE, name, "body")
            if self.layout.inline_values and self.memory.word(kind + 168) & _INLINE_VALUES:
                return Spot(FIELD, name, "inline values")
        return Spot(FIELD, name, name_of(self._fields(kind), offset))

    def _fields(self, kind: int) -> Mapping[int, str]:
        known = self.layout.fields
        for _ in range(20):
            if self.type_name(kind) in known:
                return known[self.type_name(kind)]
            if self.memory.word(kind + 168) & _TYPE_SUBCLASS:
                return known.get("type", {})
            kind = self.memory.word(kind + 256)
            if not kind:
                break
        return {}

    def _is_keys(self, block: int) -> bool:
        count, shape, usable, entries = (self.memory.word(block + at) for at in (0, 8, 16, 24))
        log2, index, kind = shape & 255, shape >> 8 & 255, shape >> 16 & 255
        if not (3 <= log2 < 40 and log2 <= index <= log2 + 3 and kind <= 2 and count):
            return False
        return usable + entries <= (1 << log2) * 2 // 3

    def in_heap(self, mapping: Mapped, address: int) -> Spot:
        """Say what an address in glibc's main heap belongs to."""
        chunks = self.chunks(mapping)
        at = bisect.bisect_right(chunks, address) - 1
        if at < 0 or at + 1 >= len(chunks):
            return Spot(FREE, "end of the heap") if chunks else Spot(OTHER, "heap")
        start, following = chunks[at], chunks[at + 1]
        if address < start + 16:
            return Spot(CHUNK)
        if not self.memory.word(following + 8) & 1 or start + 16 in self._cached[mapping.start]:
            return Spot(FREE, "malloc chunk")
        return self.in_use(start + 16, address)

    def chunks(self, mapping: Mapped) -> list[int]:
        """Return where the chunks of glibc's main heap begin; the last is the unused end."""
        if mapping.start not in self._chunks:
            found: list[int] = []
            at = mapping.start
            while at < mapping.end:
                size = self.memory.word(at + 8) & ~7
                if size < 32 or size % 16 or at + size > mapping.end:
                    break
                found.append(at)
                at += size
            # Not glibc's, when what was walked does not fill the mapping.
            self._chunks[mapping.start] = found if at >= mapping.end - PAGE else []
            self._cached[mapping.start] = self._thread_cache(mapping)
        return self._chunks[mapping.start]

    def _thread_cache(self, mapping: Mapped) -> frozenset[int]:
        """Return the blocks that glibc keeps for reuse by the main thread: free, but not marked.

        They are in lists that begin in the first chunk of the heap, behind the lists' lengths.
        """
        found: set[int] = set()
        first = mapping.start + 16
        if self.memory.word(mapping.start + 8) & ~7 != 16 + 64 * 2 + 64 * 8:
            return frozenset()
        for number in range(64):
            block = self.memory.word(first + 128 + number * 8)
            while mapping.start < block < mapping.end and block % 16 == 0 and block not in found:
                found.add(block)
                block = self.memory.word(block) ^ block >> 12  # pointers are hidden since 2.32
        return frozenset(found)

    def big_chunk(self, mapping: Mapped, address: int) -> int | None:
        """Return where the memory-mapped chunk of malloc begins that holds *address*."""
        at = address - address % PAGE
        for _ in range(1 << 15):
            if at < mapping.start or self.pool(at):
                break
            size = self.memory.word(at + 8)
            if size & 7 == 2 and not self.memory.word(at) and not (size - 2) % PAGE and size > PAGE:
                return at if at + size - 2 > address else None
            at -= PAGE
        return None
