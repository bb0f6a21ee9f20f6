"""attribute: who stored, told by bytes, lines and stacks."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from cowaudit import attribute, fields, frames, layouts, pagemap, sources
from cowaudit.memory import Memory
from cowaudit.objects import Objects
from cowaudit.places import Places
from cowaudit.tracer import Store

PAGE = pagemap.PAGE

HERE = layouts.of(*sys.version_info[:2], sys.abiflags)
lines = pytest.mark.skipif(HERE.frames is None, reason="lines are read of the pins' CPythons")


@pytest.fixture
def here() -> Iterator[Places]:
    """What lies where in this process."""
    with contextlib.closing(Memory(os.getpid())) as memory:
        known = Objects(memory, id(type), HERE)
        yield Places(pagemap.maps(os.getpid()), known, None)


class Slotted:
    __slots__ = ("a", "b")


class Plain:
    def __init__(self) -> None:
        self.a = 1


KEEP = [Slotted() for _ in range(5)] + [Plain() for _ in range(5)]


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

    @pytest.mark.parametrize(
        ("hands_on", "wanted"), [(True, ["maker", "loop"]), (False, ["left_over"])]
    )
    def test_whoever_calls_what_hands_on_is_a_caller(self, hands_on, wanted) -> None:
        # "maker" calls "get_memory", which jumps to where we are; below that lies an old word.
        code = {0x1000: "here", 0x2000: "get_memory", 0x3000: "maker", 0x4000: "left_over"}
        code[0x5000] = "loop"
        memory = bytearray(0x6000)
        memory[0x2004:0x2006] = b"\xff\x25" if hands_on else b"\xff\x35"
        for at, target in ((0x3100, 0x2000), (0x5100, 0x3000)):
            memory[at - 5 : at] = b"\xe8" + struct.pack("<i", target - at)
        memory[0x4100 - 2 : 0x4100] = b"\xff\xd0"

        def symbol(address: int) -> tuple[str, int] | None:
            start = address - address % 0x1000
            return (code[start], address - start) if start in code else None

        places = SimpleNamespace(
            symbol=symbol,
            mapping=lambda address: SimpleNamespace(permissions="r-xp"),
            image=lambda address: "python",
            objects=SimpleNamespace(
                memory=SimpleNamespace(bytes=lambda at, n: bytes(memory[at : at + n]))
            ),
        )
        stack = struct.pack("=3Q", 0x3100, 0x4100 if not hands_on else 0, 0x5100)
        assert attribute.callers(stack, places, 0x1010, limit=2) == wanted  # type: ignore[arg-type]

    def test_names_are_stripped(self) -> None:
        assert attribute.plain("PyUnicode_New.part.0") == "PyUnicode_New"
        assert attribute.plain("foo.cold") == "foo"

    def test_addr2line(self) -> None:
        text = "Py_DECREF\n/src/./Include/object.h:538\nmain\n??:0\n??\n??:?\nf\n/a/b.c:7 (x 2)\n"
        assert sources.parse(text) == ["Py_DECREF, object.h:538", "", "", "f, b.c:7"]

    def test_field_names(self) -> None:
        assert fields.name_of(fields.FIELDS_3_11["code"], 52) == "warm-up counter"
        assert fields.name_of(fields.FIELDS_3_11["code"], 53) == "warm-up counter"
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
