"""The processes of one audit: an application, its forked workers, and what they are told.

The auditor stands outside and reads. Whatever happens to it or to them, nobody waits for ever:
every wait has an end, and a process whose auditor is gone sees the end of its pipe.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from cowaudit.errors import AuditError

INSIDE = Path(__file__).with_name("inside.py")


@dataclass
class Process:
    """One process of the audit: its two pipes, and what it has said but is not read yet."""

    name: str
    status: int
    go: int
    pid: int = 0
    handle: int = -1
    heard: bytes = b""

    def order(self, text: str) -> None:
        """Send an order; a process that is gone is found out when its answer is awaited."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.go, text.encode())

    def follow(self, pid: int) -> None:
        """Remember which process this is, safe from a process id that is used again."""
        self.pid = pid
        self.handle = os.pidfd_open(pid)

    def kill(self) -> None:
        """End the process, if it is still this one."""
        if self.handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def close(self) -> None:
        """Close the auditor's ends."""
        for number in {self.status, self.go, self.handle} - {-1}:
            os.close(number)
        self.status = self.go = self.handle = -1


@dataclass
class Session:
    """An application that is loaded once and forked; leave it as a context to end everything."""

    python: str
    application: Path
    mode: str
    workers: int
    traced: bool
    device: int
    timeout: float
    log: Path
    parent: Process = field(init=False)
    witness: Process = field(init=False)
    idle: Process = field(init=False)
    busy: list[Process] = field(init=False)
    tracee: Process | None = field(init=False, default=None)
    _main: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __enter__(self) -> Session:
        """Start the interpreter and wait until the application is loaded."""
        names = ["parent", "witness", "idle", *(f"worker {n + 1}" for n in range(self.workers))]
        names += ["traced"] if self.traced else []
        self._all: list[Process] = []
        try:
            self._start(names)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End every process."""
        self.end()

    def _start(self, names: Sequence[str]) -> None:
        theirs: list[int] = []
        try:
            for name in names:
                status, tell = os.pipe()
                hear, go = os.pipe()
                theirs += [tell, hear]
                self._all.append(Process(name, status, go))
            self.parent, self.witness, self.idle, *self.busy = self._all
            self.tracee = self.busy.pop() if self.traced else None
            fault = str(self.device) if self.traced else "-"
            device = [self.device] if self.traced and self.device >= 0 else []
            with self.log.open("wb") as log:
                self._main = subprocess.Popen(
                    [self.python, INSIDE, self.application, self.mode, fault, *map(str, theirs)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment(os.environ),
                    pass_fds=[*theirs, *device],
                )
        except OSError as exc:
            raise AuditError(
                f"{self.python} does not run: {exc.strerror}", fix="--python with a CPython"
            ) from exc
        finally:
            for number in theirs:
                os.close(number)
        self.parent.follow(self._main.pid)
        self.hear(self.parent, "ready")

    def fork(self) -> dict[str, Any]:
        """Let the parent fork everybody; returns the facts that the witness tells."""
        self.parent.order("f")
        pids = self.hear(self.parent, "forked").split()
        others = [process for process in self._all if process is not self.parent]
        facts = json.loads(self.hear(self.witness, "facts"))
        assert isinstance(facts, dict)
        for process, pid in zip(others, pids, strict=True):
            if process is not self.witness:
                process.follow(int(pid))
        return facts

    def exercise(self, process: Process, rounds: int) -> None:
        """Let a worker work until it has done that many rounds in all."""
        process.order(f"{rounds}\n")

    def hear(self, process: Process, word: str) -> str:
        """Wait for a message and return its text; AuditError for any other end than that."""
        said, text = self._message(process)
        if said == word:
            return text
        if said == "failed":
            raise AuditError(f"{process.name}: {text.strip()}", fix=f"mend {self.application}")
        if said == "useless":
            raise AuditError(
                f"{self.application} has {text}",
                wanted="def exercise(): what a worker does with what was loaded",
                fix="write one; docs/audit.md has an example",
            )
        raise AuditError(f"{process.name}: {said}: {text}", wanted=word)

    def _message(self, process: Process) -> tuple[str, str]:
        while True:
            head, line, rest = process.heard.partition(b"\n")
            if line:
                word, length = head.split()
                if len(rest) >= int(length):
                    process.heard = rest[int(length) :]
                    return word.decode(), rest[: int(length)].decode("utf-8", "replace")
            process.heard += self._read(process)

    def _read(self, process: Process) -> bytes:
        """Return what comes next on a pipe, or explain why nothing will."""
        end = time.monotonic() + self.timeout
        poll = select.poll()
        poll.register(process.status, select.POLLIN)
        if process.handle >= 0:
            poll.register(process.handle, select.POLLIN)
        ready = dict(poll.poll(max(0.0, end - time.monotonic()) * 1000))
        if ready.get(process.status, 0) & select.POLLIN:
            return os.read(process.status, 1 << 16)
        if ready:
            raise AuditError(
                f"{process.name} ended: {self._how(process)}",
                got=tail(self.log) or None,
                fix="run the application by itself; a worker must live until it is told to end",
            )
        raise AuditError(
            f"{process.name} has not answered for {self.timeout:g} s",
            got=tail(self.log) or None,
            fix="--timeout with more seconds, or a shorter exercise()",
        )

    def _how(self, process: Process) -> str:
        if process is self.parent and self._main is not None:
            code = self._main.wait()
        else:
            code = exit_status(process.pid)
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    def end(self) -> None:
        """Kill what is left and close what is open."""
        for process in self._all:
            process.kill()
        if self._main is not None:
            self._main.kill()
            self._main.wait()
        for process in self._all:
            process.close()


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the application's environment: the user's, with one order of sets for all sides."""
    return {"PYTHONHASHSEED": "0", **environ}


def exit_status(pid: int) -> int:
    """Return how a process ended that its parent has not waited for; negative for a signal."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        status = int(fields[-1])
    except (OSError, ValueError, IndexError):
        return 0
    return -(status & 0x7F) if status & 0x7F else status >> 8


def tail(log: Path, lines: int = 15) -> str:
    """Return the end of what the application printed."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])
