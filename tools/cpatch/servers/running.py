"""One run of one server: start it, wait for its first answer, load it, watch its memory, end it.

Bounded in every direction: the server runs in a session of its own below timeout(1), which ends it
even if this process is killed; whatever happens, nothing of the session is left at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cpatch.base import proc
from cpatch.servers import memory
from cpatch.servers.setups import Setup, Start

#: Seconds a server may take until its first answer, and until all its workers are there.
START = 120.0

#: Seconds a server may take to end by itself.
STOP = 20.0

_TAIL = 15


class RunFailedError(Exception):
    """A server did not do what it should; ``log`` has the whole output."""

    def __init__(self, what: str, log: Path) -> None:
        super().__init__(what)
        self.what = what
        self.log = log

    @property
    def tail(self) -> str:
        """The end of the output."""
        return "\n".join(proc.tail(self.log, _TAIL)) if self.log.exists() else ""


@dataclass
class Watch:
    """The samples of one run."""

    session: int
    begun: float = field(default_factory=time.monotonic)
    samples: list[dict[str, Any]] = field(default_factory=list)

    def look(self, phase: str) -> None:
        """Take one sample."""
        found = memory.sample(self.session)
        at = round(time.monotonic() - self.begun, 3)
        self.samples.append(
            {"at": at, "phase": phase, "processes": [each.asdict for each in found]}
        )

    def workers(self) -> int:
        """Return how many workers there are."""
        return len(memory.tree(self.session)[1])


def free_port() -> int:
    """Return a port on loopback that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def started(
    argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], log: Path, seconds: float,
    stop: str,
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """Start a server in a session of its own; end all of that session on the way out."""
    log.parent.mkdir(parents=True, exist_ok=True)
    limited = ["timeout", "--kill-after=10", str(int(seconds)), *(os.fspath(arg) for arg in argv)]
    with log.open("wb") as stream:
        child = subprocess.Popen(
            limited, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=stream,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield child
        _stop(child, stop)
    finally:
        memory.end_session(child.pid)
        child.kill()
        child.wait()
        # A worker that was about to be forked when the first look was taken.
        memory.end_session(child.pid)


def _stop(child: subprocess.Popen[bytes], name: str) -> None:
    parent, _ = memory.tree(child.pid)
    if parent:
        with contextlib.suppress(ProcessLookupError):
            os.kill(parent.pid, signal.Signals[name])
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(STOP)


def run(
    setup: Setup,
    start: Start,
    *,
    clients: int,
    interval: float,
    seconds: float,
    env: Mapping[str, str],
    log: Path,
) -> dict[str, Any]:
    """Run a server under its load and return what was measured; RunFailedError when it fails."""
    begun = time.monotonic()
    argv = setup.serve(start)
    with started(
        argv, cwd=start.home, env=env, log=log, seconds=START + seconds + STOP, stop=setup.stop
    ) as server:
        watch = Watch(server.pid, begun)
        if setup.load:
            first = _said_ready(server, start, begun, log)
        else:
            first = _first_answer(server, start, begun, log)
        _all_workers(server, watch, start.workers, log)
        watch.look("ready")
        load = list(setup.load(start)) if setup.load else load_command(start, clients, seconds)
        with _loading(load, start, env, log) as loading:
            deadline = time.monotonic() + seconds + 10
            while loading.poll() is None:
                if server.poll() is not None:
                    raise RunFailedError(f"the server ended with {server.returncode}", log)
                if time.monotonic() > deadline:
                    raise RunFailedError(f"no end of the load after {seconds:.0f} s", log)
                watch.look("load")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    loading.wait(interval)
            if loading.returncode:
                raise RunFailedError(f"the load ended with {loading.returncode}", log)
        watch.look("end")
        if watch.workers() != start.workers:
            raise RunFailedError(f"{watch.workers()} workers of {start.workers} are left", log)
    found = json.loads(start.output.read_text(encoding="utf-8"))
    if found["failed"]:
        said = "\n".join(found["failures"][:5])
        raise RunFailedError(f"{found['failed']} requests failed:\n{said}", log)
    return {"first": round(first, 4), "load": found, "samples": watch.samples}


def load_command(start: Start, clients: int, seconds: float) -> list[str | Path]:
    """Return what makes the requests over HTTP."""
    numbers = [start.port, start.requests, clients, start.entries, start.seed, seconds]
    return [sys.executable, "-m", "cpatch.servers.load", *map(str, numbers), start.output]


@contextlib.contextmanager
def _loading(
    argv: Sequence[str | Path], start: Start, env: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    ours = {**env, "PYTHONPATH": str(Path(__file__).parents[2])}
    with log.open("ab") as stream:
        child = subprocess.Popen(
            [os.fspath(arg) for arg in argv],
            cwd=start.home,
            env=ours if argv[0] == sys.executable else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def _first_answer(server: subprocess.Popen[bytes], start: Start, begun: float, log: Path) -> float:
    """Ask for the front page until it comes; returns how long that took since the start."""
    url = f"http://127.0.0.1:{start.port}/"
    while True:
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(url, timeout=30) as answer:
                answer.read()
            return time.monotonic() - begun
        if server.poll() is not None:
            raise RunFailedError(f"the server ended with {server.returncode}", log)
        if time.monotonic() - begun > START:
            raise RunFailedError(f"no answer after {START:.0f} s", log)
        time.sleep(0.01)


def _said_ready(server: subprocess.Popen[bytes], start: Start, begun: float, log: Path) -> float:
    """Wait for the file by which what has no port says that its workers are there."""
    while not (start.scratch / "ready").exists():
        if server.poll() is not None:
            raise RunFailedError(f"the server ended with {server.returncode}", log)
        if time.monotonic() - begun > START:
            raise RunFailedError(f"not ready after {START:.0f} s", log)
        time.sleep(0.01)
    return time.monotonic() - begun


def _all_workers(server: subprocess.Popen[bytes], watch: Watch, workers: int, log: Path) -> None:
    deadline = time.monotonic() + START
    while watch.workers() != workers:
        if server.poll() is not None:
            raise RunFailedError(f"the server ended with {server.returncode}", log)
        if time.monotonic() > deadline:
            raise RunFailedError(f"{watch.workers()} of {workers} workers after {START:.0f} s", log)
        time.sleep(0.05)
    time.sleep(0.5)  # they are forked, and not yet done with getting ready
