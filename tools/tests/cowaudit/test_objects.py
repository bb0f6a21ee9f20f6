"""The auditor's parts: on made-up data, and on this very process, whose objects are known."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import cowaudit.audit
import pytest
from cowaudit import attribute, elf, fields, frames, objects, pages, session, sources
from cowaudit.memory import Memory
from cowaudit.objects import Objects
from cowaudit.places import Places
from cowaudit.tracer import Store

PAGE = pages.PAGE

layouts = pytest.mark.skipif(
    sys.version_info[:2] not in ((3, 10), (3, 11)), reason="layouts are those of the first pin"
)
lines = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the tables of lines are those of the first pin"
)

MAPS = """\
55d0c8a00000-55d0c8a21000 r--p 00000000 08:01 393 /usr/bin/python3.11
55d0c8c00000-55d0c8c45000 rw-p 00200000 08:01 393 /usr/bin/python3.11
55d0c8c45000-55d0c8c90000 rw-p 00000000 00:00 0
55d0c9000000-55d0c9400000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000100000 rw-s 00000000 00:01 12 /memfd:a name with blanks (deleted)
7fff00000000-7fff00021000 rw-p 00000000 00:00 0 [stack]
7fff00030000-7fff00034000 r--p 00000000 00:00 0 [vvar]
"""


class TestPages:
    def test_maps(self) -> None:
        found = pages.parse_maps(MAPS)
        assert [each.path for each in found] == [
            "/usr/bin/python3.11",
            "/usr/bin/python3.11",
            "",
            "[heap]",
            "/memfd:a name with blanks (deleted)",
            "[stack]",
        ]
        assert [each.anonymous for each in found] == [False, False, True, True, False, True]
        assert [each.private for each in found] == [True, True, True, True, False, True]
        assert found[1].offset == 0x200000
        assert found[1].end - found[1].start == 0x45000

    def test_pagemap(self) -> None:
        present, swapped, file, exclusive = 1 << 63, 1 << 62, 1 << 61, 1 << 56
        entries = [
            0,
            present | exclusive,
            present,
            present | exclusive | file,
            swapped,
            present | exclusive | 1 << 55,
        ]
        found = pages.Snapshot(pages.parse_pagemap(0x10000, entries))
        assert sorted(found.pages) == [0x10000 + n * PAGE for n in range(1, 6)]
        assert found.exclusive == {0x10000 + n * PAGE for n in (1, 4, 5)}

    def test_own_pages(self) -> None:
        data = bytearray(300 * PAGE)
        for page in range(300):
            data[page * PAGE] = 1
        found = pages.snapshot(os.getpid()).exclusive
        start = -(-ctypes.addressof(ctypes.c_char.from_buffer(data)) // PAGE) * PAGE
        assert {start + page * PAGE for page in range(298)} <= found
        # Looking at oneself takes some memory, too.
        assert abs(len(found) * PAGE - pages.rollup(os.getpid())["Private_Dirty"]) < 1 << 24


@pytest.fixture
def here() -> Iterator[Places]:
    """What lies where in this process."""
    with contextlib.closing(Memory(os.getpid())) as memory:
        known = Objects(memory, id(type), CodeType.__basicsize__)
        yield Places(pages.maps(os.getpid()), known, None)


class Slotted:
    __slots__ = ("a", "b")


class Plain:
    def __init__(self) -> None:
        self.a = 1


KEEP = [Slotted() for _ in range(5)] + [Plain() for _ in range(5)]
FUNCTION = lambda: None  # noqa: E731 - any function will do
TEXT, BYTES, LARGE = f"text {os.getpid()}", os.urandom(20), 10**30 + os.getpid()
TUPLE, LIST, DICT = (TEXT, BYTES), [TEXT, BYTES], {TEXT: BYTES, BYTES: TEXT}


def word(address: int) -> int:
    return int(ctypes.c_uint64.from_address(address).value)


@layouts
class TestObjects:
    @pytest.mark.parametrize(
        ("value", "name"),
        [
            (TEXT, "str"),
            (BYTES, "bytes"),
            (LARGE, "int"),
            (TUPLE, "tuple"),
            (LIST, "list"),
            (DICT, "dict"),
            (KEEP[2], "Slotted"),
            (KEEP[7], "Plain"),
            (FUNCTION, "function"),
        ],
    )
    def test_first_word_is_the_reference_count(self, here: Places, value, name) -> None:
        spot = here.spot(id(value))
        assert (spot.kind, spot.owner) == (objects.REFCOUNT, name)
        assert here.spot(id(value) + 8).field == "type"

    @pytest.mark.parametrize("value", [TUPLE, LIST, DICT, KEEP[2], KEEP[7]])
    def test_before_it_is_the_collectors(self, here: Places, value) -> None:
        assert here.spot(id(value) - 16).kind == objects.GC_HEAD
        assert here.spot(id(value) - 1).kind == objects.GC_HEAD

    @pytest.mark.parametrize(
        ("value", "offset", "text"),
        [
            (TEXT, 24, "str.hash"),
            (BYTES, 24, "bytes.hash"),
            (TUPLE, 24, "tuple.items"),
            (LIST, 24, "list.items pointer"),
            (DICT, 16, "dict.used"),
            (LARGE, 24, "int.digits"),
            (KEEP[2], 16, "Slotted.+16"),
        ],
    )
    def test_fields_have_names(self, here: Places, value, offset, text) -> None:
        spot = here.spot(id(value) + offset)
        assert (spot.kind, spot.text) == (objects.FIELD, text)

    def test_tables_belong_to_nobody(self, here: Places) -> None:
        assert here.spot(word(id(LIST) + 24)).kind == objects.TABLE
        keys = here.spot(word(id(DICT) + 32))
        assert sys.version_info < (3, 11) or keys.kind == objects.KEYS

    def test_types_and_what_they_hold(self, here: Places) -> None:
        assert here.spot(id(Plain)).owner == "type"
        assert here.spot(id(Plain)).kind == objects.REFCOUNT
        assert here.spot(id(Plain) + 384).text == "type.version tag"

    def test_static_objects(self, here: Places) -> None:
        for value, name in ((dict, "type"), (None, "NoneType"), (7, "int")):
            spot = here.spot(id(value))
            assert (spot.kind, spot.owner) == (objects.REFCOUNT, f"static {name}")
            assert here.area(id(value)) == "image"

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="code lies elsewhere")
    def test_code(self, here: Places) -> None:
        code = TestObjects.test_code.__code__
        assert here.spot(id(code)).text == "code"
        assert here.spot(id(code) + 52).text == "code.warm-up counter"
        assert here.spot(id(code) + CodeType.__basicsize__).kind == objects.CODE

    def test_free_blocks_and_pool_headers(self, here: Places) -> None:
        # Many of one size, of which every second is freed again.
        made = [os.urandom(200) for _ in range(1000)]
        places = [id(each) for each in made]
        del made[::2]
        # (What runs from here on takes a few.)
        kinds = [here.spot(place).kind for place in places[::2]]
        assert kinds.count(objects.FREE) > 480
        assert all(here.spot(id(each)).kind == objects.REFCOUNT for each in made)
        pool = id(made[0]) // 16384 * 16384
        assert here.spot(pool + 8).kind == objects.POOL
        assert here.spot(pool + 48).kind != objects.POOL

    def test_malloc(self, here: Places) -> None:
        # Beyond pymalloc, below what malloc maps by itself: in the heap, between its chunks.
        data = [bytearray(5000) for _ in range(3)]
        start = ctypes.addressof(ctypes.c_char.from_buffer(data[1]))
        if here.area(start) == "heap":
            assert here.spot(start).kind == objects.BLOCK
            assert here.spot(start - 8).kind == objects.CHUNK
        assert here.spot(id(data[1])).owner == "bytearray"

    def test_big_blocks(self, here: Places) -> None:
        data = tuple(range(200_000))
        assert here.spot(id(data)).owner == "tuple"
        assert here.spot(id(data) + 800_000).text == "tuple.items"

    def test_symbols(self, here: Places) -> None:
        found = here.symbol(
            ctypes.cast(ctypes.pythonapi.PyList_New, ctypes.c_void_p).value or 0  # a function
        )
        assert found == ("PyList_New", 0)
        assert here.symbol(id(list)) == ("PyList_Type", 0)
        assert here.symbol(id(KEEP)) is None


class FakeMemory:
    """Memory of which a few words are known."""

    def __init__(self, words: dict[int, int]) -> None:
        self.words = words

    def word(self, address: int) -> int:
        return self.words.get(address, 0)

    def text(self, address: int) -> str:
        return {0x900: "module.Thing"}[address]


def test_static_objects_end_somewhere(monkeypatch) -> None:
    # At 0x10100 lies an object of 24 bytes; a pointer to its type at 0x10208 makes no object.
    kind, static = 0x20000, 0x10000
    words = {kind + 8: kind, kind + 24: 0x900, kind + 32: 24, kind + 8 + 16: 0x900}
    words |= {static + 0x100: 3, static + 0x108: kind, static + 0x208: kind}
    known = Objects(FakeMemory(words), kind)  # type: ignore[arg-type]
    mapping = pages.Mapping(static, static + PAGE, "rw-p", 0, 1, "/bin/thing")
    places = Places([mapping], known, None)
    monkeypatch.setattr(places, "symbol", lambda address: ("static_data", address - static))
    assert places.spot(static + 0x100).text == "static Thing"
    assert places.spot(static + 0x110).text == "static Thing.+16"
    for offset in (0x118, 0x180, 0x210):
        spot = places.spot(static + offset)
        assert (spot.kind, spot.text) == (objects.STATIC, "thing.static_data")


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


@layouts
def test_a_server_looks_at_itself() -> None:
    # In a process of its own, which forks: the writer tells what it wrote.
    program = """\
import os, sys
import cowaudit.live
floats = [number + 0.5 for number in range(50_000)]
texts = [f"text {number}" for number in range(50_000)]
mark = cowaudit.live.mark()
for rounds in (0, 1):
    if os.fork() == 0:
        for _ in range(rounds):
            for value in floats:
                pass
        look = mark.look()
        print(look.old, look.on.get("float", 0), look.on.get("str", 0), str(look).count("float"))
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(cowaudit.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    idle, busy = ([int(word) for word in line.split()] for line in done.stdout.splitlines())
    assert busy[1] - idle[1] > 380
    assert busy[0] - idle[0] > 380 * PAGE
    assert abs(busy[2] - idle[2]) < 40
    assert busy[3] == 1


def test_counts() -> None:
    present, exclusive = 1 << 63, 1 << 56
    before = pages.Snapshot(dict.fromkeys(range(10), present | exclusive))
    after = pages.Snapshot(
        {0: present, 1: present | exclusive, 2: present | exclusive, 20: present | exclusive}
    )
    assert cowaudit.audit._counts(before, {2, 3}, after) == {
        "exclusive": 3,
        "forked": 1,
        "written": 1,
        "new": 1,
    }


@lines
class TestLines:
    def test_every_instruction_of_a_function(self) -> None:
        for code in (
            TestLines.test_every_instruction_of_a_function.__code__,
            attribute.pages.__code__,
            contextlib.contextmanager.__code__,
            Path.glob.__code__,
        ):
            before = code.co_firstlineno
            for unit, (line, *_) in enumerate(code.co_positions()):
                # Where the table says 'none', the line before goes on.
                before = line if line is not None else before
                assert frames.line_at(code.co_linetable, code.co_firstlineno, unit) == before


class TestAttribution:
    def test_changes_are_told_by_the_byte(self) -> None:
        old = bytes(PAGE)
        new = bytearray(old)
        new[10] = 1
        new[8 * 100 + 7] = 255
        new[PAGE - 1] = 1
        assert attribute.changes(old, bytes(new)) == [10, 807, PAGE - 1]
        assert attribute.changes(old, old) == []
        assert attribute.changes(old, b"") == []

    def test_calls_on_the_stack(self, here: Places) -> None:
        # A word that points nowhere near code is no caller, and neither is one into data.
        stack = struct.pack("=4Q", 0, 1, id(KEEP), id(list))
        assert attribute.callers(stack, here, 0) == []

    def test_names_are_stripped(self) -> None:
        assert attribute.plain("PyUnicode_New.part.0") == "PyUnicode_New"
        assert attribute.plain("foo.cold") == "foo"

    def test_addr2line(self) -> None:
        text = "Py_DECREF\n/src/./Include/object.h:538\nmain\n??:0\n??\n??:?\nf\n/a/b.c:7 (x 2)\n"
        assert sources.parse(text) == ["Py_DECREF, object.h:538", "", "", "f, b.c:7"]

    def test_field_names(self) -> None:
        assert fields.name_of(fields.FIELDS["code"], 52) == "warm-up counter"
        assert fields.name_of(fields.FIELDS["code"], 53) == "warm-up counter"
        assert fields.name_of({}, 40) == "+40"

    def test_stores_of_old_kernels_have_no_address(self, here: Places, monkeypatch) -> None:
        data = bytearray(3 * PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(data))
        page = -(-start // PAGE) * PAGE
        here.objects.memory.page(page)
        data[page - start + 80] = 1
        store = Store(page, False, os.getpid(), 0, None, None)
        row = attribute._written(page, here.objects.memory, here, store)
        assert (row["how"], row["changed"]) == ("change", 1)
        assert row["function"] == "unknown"


def test_exit_status_of_nobody() -> None:
    assert session.exit_status(2**22 + 1) == 0


def test_environment_keeps_what_the_user_says() -> None:
    assert session.environment({"A": "1"}) == {"A": "1", "PYTHONHASHSEED": "0"}
    assert session.environment({"PYTHONHASHSEED": "random"}) == {"PYTHONHASHSEED": "random"}
