"""The driver in a process of its own, forked from the tests': what they made up holds there, too.

``drive`` kills it at a point, which is the moment before it writes to a file, renames or removes
one, or starts a program; or a few milliseconds later, when that is at work.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cpatch import cli

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)

#: Seconds after which a driver is taken for hung.
LIMIT = 60.0

_CHANGING = {
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.utime", "subprocess.Popen", "shutil.rmtree",
}  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """How a driver ended: its exit code, or the signal as a negative number; and what it said."""

    code: int
    said: str
    passed: int  # how many points


class Driver:
    """A driver that runs; ``end`` waits for it."""

    def __init__(
        self,
        *argv: str,
        said: Path,
        at: int = 0,
        number: int = 0,
        later: float = 0.0,
        first: Callable[[], None] | None = None,
    ) -> None:
        self.said = said
        self.pid = os.fork()
        if not self.pid:
            code = 99
            try:
                code = _child(list(argv), said, (at, number, later), first)
            finally:
                os._exit(code)

    def kill(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def end(self) -> Ended:
        """Wait for its end; a hang fails the test."""
        limit = time.monotonic() + LIMIT
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > limit:
                self.kill(signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise AssertionError(f"hangs: {self.said.read_text()}")
            time.sleep(0.002)
        said = self.said.read_text()
        found = said.rpartition("passed ")[2]
        code = os.waitstatus_to_exitcode(status)
        return Ended(code, said, int(found) if found.strip().isdigit() else -1)


def drive(*argv: str, said: Path, at: int = 0, number: int = 0, later: float = 0.0) -> Ended:
    """Run the driver to its end, or until it is killed at a point."""
    return Driver(*argv, said=said, at=at, number=number, later=later).end()


def _child(
    argv: list[str], said: Path, point: tuple[int, int, float], first: Callable[[], None] | None
) -> int:
    handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    at, number, later = point
    passed = 0

    def kill(*args: object) -> None:
        os.kill(os.getpid(), number)

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal passed
        flags = args[2] if event == "open" else 0
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or event in _CHANGING:
            passed += 1
            if passed == at:
                if later:
                    signal.setitimer(signal.ITIMER_REAL, later)
                else:
                    kill()

    signal.signal(signal.SIGALRM, kill)
    if first:
        first()
    sys.addaudithook(hook)
    code = 99
    try:
        cli.main(argv)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        at = 0
        print("passed", passed, flush=True)
    return code
