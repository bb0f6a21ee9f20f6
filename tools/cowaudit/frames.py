"""The Python line that a thread of another process is at, read from its memory.

With the structures of the first pin; other versions show no lines.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cowaudit.memory import Memory

# Offsets in PyThreadState, _PyCFrame, _PyInterpreterFrame and PyCodeObject of the first pin.
_PREVIOUS, _NEXT, _CFRAME, _NATIVE_ID = 0, 8, 56, 160
_CURRENT = 8
_F_CODE, _F_PREVIOUS, _F_INSTRUCTION = 32, 48, 56
_FIRST_LINE, _FILENAME, _QUALNAME, _LINES, _BODY = 72, 112, 128, 136, 184

_WORD = struct.Struct("=Q")


@dataclass(frozen=True)
class Line:
    """A place in Python code."""

    file: str
    line: int
    function: str


class Frames:
    """Reads the running frame of threads that stand in a page fault."""

    def __init__(self, memory: Memory, tstate: int) -> None:
        self.memory = memory
        self.tstate = tstate
        self._known: dict[bytes, tuple[str, str, bytes, int]] = {}

    def line(self, thread: int) -> Line | None:
        """Return where a thread is; None when it runs no Python code, or nothing is recognised."""
        state = self._state(thread)
        frame = self._word(self._word(state + _CFRAME) + _CURRENT) if state else 0
        for _ in range(4):
            head = self.memory.now(frame, 64) if frame else b""
            if len(head) < 64:
                return None
            code, before, instruction = (
                _WORD.unpack_from(head, at)[0] for at in (_F_CODE, _F_PREVIOUS, _F_INSTRUCTION)
            )
            found = self._code(code)
            if found:
                file, function, table, first = found
                offset = max(0, (instruction - code - _BODY) // 2)
                return Line(file, line_at(table, first, offset), function)
            frame = before
        return None

    def _state(self, thread: int) -> int:
        if thread == self.memory.pid:
            return self.tstate
        for direction in (_PREVIOUS, _NEXT):
            state = self.tstate
            for _ in range(1000):
                if not state:
                    break
                if self._word(state + _NATIVE_ID) == thread:
                    return state
                state = self._word(state + direction)
        return 0

    def _code(self, code: int) -> tuple[str, str, bytes, int] | None:
        head = self.memory.now(code + 8, _BODY - 8)
        if len(head) < _BODY - 8:
            return None
        # Counters and caches in it change; what names the code does not.
        key = _WORD.pack(code) + head[_FIRST_LINE - 8 : _LINES]
        if key not in self._known:
            pointers = [_WORD.unpack_from(head, at - 8)[0] for at in (_FILENAME, _QUALNAME, _LINES)]
            file, function = self._text(pointers[0]), self._text(pointers[1])
            size = self._word(pointers[2] + 16)
            table = self.memory.now(pointers[2] + 32, size) if size < 1 << 24 else b""
            (first,) = struct.unpack_from("=i", head, _FIRST_LINE - 8)
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
        data = self.memory.now(address + (48 if ascii_only else 72), length * width)
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
