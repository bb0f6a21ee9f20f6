"""elf: symbols of files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from cowaudit import elf


class TestElf:
    def make(self, path: Path, table: int) -> None:
        """Write the least that has a table of symbols: a header, three sections, no code."""
        names = b"\0alias\0function\0elsewhere\0"
        symbols = [(1, 2, 0x1100, 0), (7, 2, 0x1100, 64), (16, 1, 0x2000, 8)]
        rows = struct.pack("<IBBHQQ", 0, 0, 0, 0, 0, 0)
        for name, info, start, size in symbols:
            rows += struct.pack("<IBBHQQ", name, info, 0, 1, start, size)
        segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x1000, 0, 0x800, 0x1800, 0x1000)
        at = 64 + len(segment)
        sections = struct.pack("<IIQQQQIIQQ", *[0] * 10)
        sections += struct.pack("<IIQQQQIIQQ", 0, table, 0, 0, at, len(rows), 2, 0, 8, 24)
        sections += struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, at + len(rows), len(names), 0, 0, 1, 0)
        head = b"\x7fELF\x02\x01\x01" + bytes(9)
        head += struct.pack("<HHIQQQI", 3, 62, 1, 0, 64, at + len(rows) + len(names), 0)
        head += struct.pack("<HHHHHH", 64, 56, 1, 64, 3, 2)
        path.write_bytes(head + segment + rows + names + sections)

    @pytest.mark.parametrize("table", [2, 11])
    def test_symbols(self, tmp_path: Path, table: int) -> None:
        self.make(tmp_path / "thing.so", table)
        known = elf.Symbols(tmp_path / "thing.so")
        assert (known.first, known.last) == (0x1000, 0x2800)
        assert known.find(0x1100) == elf.Symbol("function", 0x1100, 64)
        assert known.find(0x113F) == elf.Symbol("function", 0x1100, 64)
        assert known.find(0x1140) is None
        assert known.find(0x10FF) is None
        assert known.find(0x2007) == elf.Symbol("elsewhere", 0x2000, 8)

    @pytest.mark.parametrize("text", [b"", b"#!/bin/sh", b"\x7fELF\x02\x01 and then nothing"])
    def test_what_is_no_elf_file_has_none(self, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "thing").write_bytes(text)
        assert not elf.Symbols(tmp_path / "thing")
        assert elf.Symbols(tmp_path / "nothing").find(0x1000) is None
