"""Who writes: each first store to a page of the traced worker, with its C and its Python place."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cowaudit.frames import Frames, Line
from cowaudit.memory import Memory
from cowaudit.pagemap import PAGE, Mapping
from cowaudit.uffd import Fault, Watch

#: How much of the C stack is kept, to find callers on.
_STACK = 512


@dataclass(frozen=True)
class Store:
    """The first store to a page."""

    address: int
    exact: bool  # whether the address is the store's own, or only its page's
    thread: int
    pc: int
    syscall: int | None  # the number, when the kernel wrote on behalf of a system call
    line: Line | None
    stack: bytes = b""


@dataclass
class Tracer:
    """Lets the traced worker wait at each first store for as long as it takes to write it down."""

    watch: Watch
    memory: Memory
    frames: Frames | None
    stores: dict[int, Store] = field(default_factory=dict)
    problem: str = ""
    _thread: threading.Thread | None = None
    _stop: int = -1

    def protect(self, mappings: list[Mapping], pages: set[int]) -> int:
        """Watch the pages that exist in anonymous memory; returns how many cannot be watched."""
        missed = 0
        for mapping in mappings:
            if not (mapping.private and mapping.writable) or mapping.path.startswith("[stack"):
                continue
            inside = sum(1 for page in pages if mapping.start <= page < mapping.end)
            watched = mapping.anonymous and self.watch.protect(mapping.start, mapping.end)
            missed += 0 if watched else inside
        return missed

    def start(self) -> None:
        """Begin to listen."""
        heard, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let everything go on unwatched and end listening."""
        if self._thread is not None:
            os.close(self._stop)
            self._thread.join()
            self._thread = None
        self.watch.close()

    def _listen(self, stop: int) -> None:
        poll = select.poll()
        poll.register(self.watch.number, select.POLLIN)
        poll.register(stop, select.POLLIN)
        try:
            while True:
                ready = dict(poll.poll())
                if stop in ready:
                    return
                for fault in self.watch.read():
                    self._note(fault)
        except Exception as exc:
            # The pages are still known, and the worker must not wait for an answer.
            self.problem = f"tracing ended early: {exc!r}"
            self.watch.close()
        finally:
            os.close(stop)

    def _note(self, fault: Fault) -> None:
        page = fault.address - fault.address % PAGE
        try:
            if page not in self.stores:
                self.stores[page] = self._store(fault)
        finally:
            self.watch.release(fault.address)

    def _store(self, fault: Fault) -> Store:
        pc = sp = 0
        syscall: int | None = None
        with contextlib.suppress(OSError, ValueError):
            path = Path(f"/proc/{self.memory.pid}/task/{fault.thread}/syscall")
            number, *_, stack, counter = path.read_text().split()
            pc, sp = int(counter, 16), int(stack, 16)
            syscall = int(number) if int(number) >= 0 else None
        line = self.frames.line(fault.thread) if self.frames else None
        stack_bytes = self.memory.now(sp, _STACK) if sp else b""
        return Store(fault.address, self.watch.exact, fault.thread, pc, syscall, line, stack_bytes)
