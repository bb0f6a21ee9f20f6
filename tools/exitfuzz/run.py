"""Run a program under one interpreter and gather what it left."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from exitfuzz.model import Program

INSIDE = Path(__file__).with_name("inside.py")
#: Files that are always there: a module that takes its time, one that only finalizers import.
_ALWAYS = {
    "slow.py": "import fz, time\nfz.ready.set()\ntime.sleep(1000)\n",
    "latecomer.py": "VALUE = 42\n",
}


@dataclass(frozen=True)
class Interpreter:
    """A Python and the extension that was compiled for it, if any."""

    python: str
    library: Path | None = None

    def state(self) -> str:
        """Return what changes when the interpreter is built anew; empty while that is going on."""
        path = Path(self.python)
        asked = [self.python, "-c", "import math, select, sqlite3, unicodedata, zlib, _ctypes"]
        try:
            found = path.stat()
            done = subprocess.run(asked, capture_output=True, env=environment(), check=False)
        except OSError:
            return ""
        return f"{found.st_mtime_ns} {found.st_size}" if done.returncode == 0 else ""


@dataclass(frozen=True)
class Outcome:
    """How one run ended. ``status`` is None when it had to be killed, below 0 for a signal."""

    status: int | None
    stdout: str
    stderr: str
    log: tuple[tuple[str, ...], ...]
    files: dict[str, bytes]
    seconds: float


def write(program: Program, directory: Path, library: Path | None) -> None:
    """Write the program's files, what it imports, and the command that runs it."""
    directory.mkdir(parents=True)
    texts = program.files() | _ALWAYS | {"fz.py": INSIDE.read_text(encoding="utf-8")}
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if library is not None:
        shutil.copy(library, directory / "fzext.so")


def environment() -> dict[str, str]:
    """Return the environment without what changes an interpreter."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    # Leaks of what is immortal are no faults, and daemon threads leave their stacks.
    env.setdefault("ASAN_OPTIONS", "detect_leaks=0:allocator_may_return_null=1")
    return env


def run(program: Program, interpreter: Interpreter, directory: Path, limit: float) -> Outcome:
    """Run the program in a new *directory*, for *limit* seconds at most."""
    write(program, directory, interpreter.library)
    before = {path for path in directory.rglob("*") if path.is_file()}
    command = [interpreter.python, "-B", "-s", *program.options, "main.py"]
    _wait_for(interpreter.python)
    start = time.monotonic()
    with (directory / "stdout").open("wb") as out, (directory / "stderr").open("wb") as err:
        child = subprocess.Popen(
            command,
            cwd=directory,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        status: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = child.wait(limit)
        seconds = time.monotonic() - start
        if status is not None and any("pipe to a child" in kind for kind in program.kinds):
            _settle(child.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    texts = [
        (directory / name).read_text(encoding="utf-8", errors="backslashreplace")
        for name in ("stdout", "stderr")
    ]
    log_file = directory / "ran.log"
    log = log_file.read_text(encoding="utf-8", errors="replace") if log_file.exists() else ""
    ours = before | {directory / name for name in ("stdout", "stderr", "ran.log")}
    files = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path not in ours
    }
    rows = [line.split() for line in log.splitlines()]
    roles = _roles(rows)
    stdout, stderr = (text.replace(str(directory), ".") for text in texts)
    return Outcome(
        status,
        "".join(_told(line, roles) for line in stdout.splitlines(keepends=True)),
        stderr,
        tuple((roles[row[0]], *row[1:]) for row in rows if row[0] in roles and len(row) > 1),
        files,
        seconds,
    )


def _roles(rows: list[list[str]]) -> dict[str, str]:
    """Name processes: m, and what each worker called itself.

    Others were forked by a finalizer and ended with os._exit(): what is finalized there, and what
    is left in their buffers, is nobody's promise.
    """
    found = {}
    for process, *words in rows:
        if words[:1] == ["program"]:
            found[process] = "m"
        elif words[:1] == ["worker"]:
            found[process] = words[1]
    return found


def _told(line: str, roles: dict[str, str]) -> str:
    words = line.split(" ", 2)
    if len(words) < 3 or words[0] != "out":
        return line
    return f"out {roles[words[1]]} {words[2]}" if words[1] in roles else ""


def _wait_for(python: str, seconds: float = 120) -> None:
    """Wait while somebody builds the interpreter anew: it is not there, or not yet executable."""
    end = time.monotonic() + seconds
    while not os.access(python, os.X_OK) and time.monotonic() < end:
        time.sleep(1)


def _settle(group: int) -> None:
    """Wait a little until children have read what the program wrote to them."""
    for _ in range(20):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
