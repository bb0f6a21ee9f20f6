"""Names of functions and of static data, from the symbol tables of ELF files themselves."""

from __future__ import annotations

import bisect
import struct
from dataclasses import dataclass
from pathlib import Path

_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_SEGMENT = struct.Struct("<IIQQQQQQ")

_LOAD = 1
_SYMTAB, _DYNSYM = 2, 11
_OBJECT, _FUNCTION, _INDIRECT = 1, 2, 10


@dataclass(frozen=True)
class Symbol:
    """A name and the span of addresses it stands for, as linked."""

    name: str
    start: int
    size: int


class Symbols:
    """The symbols of one file; empty when it is no ELF file of 64 bits that can be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._segments: list[tuple[int, int, int]] = []  # offset in the file, address, length
        self._starts: list[int] = []
        self._symbols: list[Symbol] = []
        try:
            data = path.read_bytes()
            if data[:6] == b"\x7fELF\x02\x01":
                self._parse(data)
        except (OSError, struct.error, IndexError, ValueError):
            pass

    def _parse(self, data: bytes) -> None:
        segments, sections = struct.unpack_from("<QQ", data, 32)
        _, segment_count, section_size, section_count = struct.unpack_from("<HHHH", data, 54)
        for number in range(segment_count):
            kind, _, offset, address, _, _, length, _ = _SEGMENT.unpack_from(
                data, segments + number * _SEGMENT.size
            )
            if kind == _LOAD:
                self._segments.append((offset, address, length))
        table = [
            _SECTION.unpack_from(data, sections + number * section_size)
            for number in range(section_count)
        ]
        kinds = {section[1] for section in table}
        wanted = _SYMTAB if _SYMTAB in kinds else _DYNSYM
        found: dict[int, Symbol] = {}
        for section in table:
            if section[1] == wanted:
                strings = table[section[6]]
                names = data[strings[4] : strings[4] + strings[5]]
                for row in _SYMBOL.iter_unpack(data[section[4] : section[4] + section[5]]):
                    name, info, _, where, start, size = row
                    if where and info & 15 in (_OBJECT, _FUNCTION, _INDIRECT) and start:
                        text = names[name : names.index(b"\0", name)].decode("utf-8", "replace")
                        if start not in found or size > found[start].size:
                            found[start] = Symbol(text, start, size)
        self._symbols = [found[start] for start in sorted(found)]
        self._starts = [symbol.start for symbol in self._symbols]

    @property
    def first(self) -> int:
        """The address that the file's beginning was linked for: 0, or a fixed place."""
        return min((address - offset for offset, address, _ in self._segments), default=0)

    @property
    def last(self) -> int:
        """The address that the end of its static data was linked for."""
        return max((address + length for _, address, length in self._segments), default=0)

    def find(self, address: int) -> Symbol | None:
        """Return the symbol that covers an address as linked."""
        at = bisect.bisect_right(self._starts, address) - 1
        if at < 0:
            return None
        symbol = self._symbols[at]
        return symbol if address < symbol.start + max(symbol.size, 1) else None

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._symbols)
