"""Reading another process's memory without stopping it: /proc/PID/mem, page by page."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from cowaudit.pagemap import PAGE

_WORD = struct.Struct("=Q")


class Memory:
    """The memory of a process that stands still; pages are read once and kept."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._stream = os.open(Path(f"/proc/{pid}/mem"), os.O_RDONLY | os.O_CLOEXEC)
        self._pages: dict[int, bytes] = {}

    def close(self) -> None:
        """Close the file."""
        os.close(self._stream)

    def page(self, address: int) -> bytes:
        """Return the page at *address*; b'' when there is none."""
        start = address - address % PAGE
        found = self._pages.get(start)
        if found is None:
            found = self.now(start, PAGE)
            self._pages[start] = found
        return found

    def now(self, address: int, length: int) -> bytes:
        """Return bytes as they are at this moment; b'' when they cannot be read."""
        try:
            return os.pread(self._stream, length, address)
        except (OSError, OverflowError):
            return b""

    def bytes(self, address: int, length: int) -> bytes:
        """Return *length* bytes, fewer at the end of what is mapped."""
        out = b""
        while length > 0:
            page = self.page(address)
            piece = page[address % PAGE : address % PAGE + length]
            if not piece:
                break
            out += piece
            address += len(piece)
            length -= len(piece)
        return out

    def word(self, address: int) -> int:
        """Return the machine word at *address*, 0 when it cannot be read."""
        at = address % PAGE
        page = self.page(address)
        return int(_WORD.unpack_from(page, at)[0]) if at + 8 <= len(page) else 0

    def int32(self, address: int) -> int:
        """Return the signed 32-bit number at *address*, 0 when it cannot be read."""
        return int.from_bytes(self.bytes(address, 4), "little", signed=True)

    def text(self, address: int, limit: int = 200) -> str:
        """Return the zero-terminated text at *address*."""
        return self.bytes(address, limit).split(b"\0")[0].decode("utf-8", "replace")
