"""The Python line that a thread of another process is at, read from its memory."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cowaudit import layouts
from cowaudit.memory import Memory

_WORD = struct.Struct("=Q")


@dataclass(frozen=True)
class Line:
    """A place in Python code."""

    file: str
    line: int
    function: str


class Frames:
    """Reads the running frame of threads that stand in a page fault.

    ``tstate`` is the main thread's state; ``code_type`` the address of the type of code objects.
    """

    def __init__(self, memory: Memory, tstate: int, code_type: int, layout: layouts.Frames) -> None:
        self.memory = memory
        self.tstate = tstate
        self.code_type = code_type
        self.layout = layout
        self._known: dict[bytes, tuple[str, str, bytes, int]] = {}

    def line(self, thread: int) -> Line | None:
        """Return where a thread is; None when it runs no Python code, or nothing is recognised."""
        at = self.layout
        frame = self._state(thread)
        for step in at.current:
            frame = self._word(frame + step) if frame else 0
        for _ in range(4):
            head = self.memory.now(frame, 64) if frame else b""
            if len(head) < 64:
                return None
            code, before, instruction = (
                _WORD.unpack_from(head, place)[0] for place in (at.code, at.back, at.instruction)
            )
            code &= ~at.tags
            found = self._code(code)
            if found:
                file, function, table, first = found
                offset = max(0, (instruction - code - at.body) // 2)
                return Line(file, line_at(table, first, offset), function)
            frame = before
        return None

    def _state(self, thread: int) -> int:
        if thread == self.memory.pid:
            return self.tstate
        for direction in (self.layout.previous, self.layout.following):
            state = self.tstate
            for _ in range(1000):
                if not state:
                    break
                if self._word(state + self.layout.native_id) == thread:
                    return state
                state = self._word(state + direction)
        return 0

    def _code(self, code: int) -> tuple[str, str, bytes, int] | None:
        at = self.layout
        head = self.memory.now(code, at.body)
        # The frame by which C called Python has no code, but None.
        if len(head) < at.body or _WORD.unpack_from(head, 8)[0] != self.code_type:
            return None
        # Counters and caches in it change; what names the code does not.
        key = _WORD.pack(code) + head[at.first_line : at.lines + 8]
        if key not in self._known:
            file, function, lines = (
                _WORD.unpack_from(head, place)[0] for place in (at.filename, at.qualname, at.lines)
            )
            file, function = self._text(file), self._text(function)
            size = self._word(lines + 16)
            table = self.memory.now(lines + 32, size) if size < 1 << 24 else b""
            (first,) = struct.unpack_from("=i", head, at.first_line)
            if file is None or function is None:
                return None
            self._known[key] = file, function, table, first
        return self._known[key]

    def _text(self, address: int) -> str | None:
        head = self.memory.now(address, 40)
        if len(head) < 40:
            return None
        length, state = _WORD.unpack_from(head, 16)[0], head[32]
        width, compact, ascii_only = state >> 2 & 7, state >> 5 & 1, state >> 6 & 1
        if not compact or width not in (1, 2, 4) or length > 4096:
            return None
        data = self.memory.now(address + self.layout.texts[not ascii_only], length * width)
        name = {1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[width]
        return data.decode(name, "replace")

    def _word(self, address: int) -> int:
        data = self.memory.now(address, 8) if address else b""
        return int(_WORD.unpack(data)[0]) if len(data) == 8 else 0


def line_at(table: bytes, first: int, unit: int) -> int:
    """Return the line of a code unit, from a co_linetable; *first* is co_firstlineno."""
    line, at, position = first, 0, 0
    while position < len(table):
        head = table[position]
        position += 1
        code, length = head >> 3 & 15, (head & 7) + 1
        if code <= 9:
            position += 1
        elif code <= 12:
            line += code - 10
            position += 2
        elif code in (13, 14):
            value, position = _varint(table, position)
            line += -(value >> 1) if value & 1 else value >> 1
            for _ in range(3 if code == 14 else 0):
                _, position = _varint(table, position)
        at += length
        if at > unit:
            return line
    return line


def _varint(table: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(table):
        byte = table[position]
        position += 1
        value |= (byte & 63) << shift
        shift += 6
        if not byte & 64:
            break
    return value, position
