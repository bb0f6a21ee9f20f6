"""A pre-fork server of the library alone, and made-up results of servers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from cpatch.servers.cases import Case, Results
from cpatch.servers.setups import Setup, Start

SERVER = """
import os, signal, socket, sys, time
port, workers, how = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if how == "dies":
    sys.exit("cannot go on")
listener = socket.create_server(("127.0.0.1", port))
if how == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
def serve():
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            first = stream.readline().split()
            while stream.readline().strip():
                pass
            if how == "errs" and first[1].startswith(b"/search"):
                head, body = "500 Oh", ""
            elif first[0] == b"POST":
                head, body = "302 Found", ""
            else:
                head, body = "200 OK", "<html></html>"
            if how == "slow" and first[1] != b"/":
                time.sleep(60)
            connection.sendall((
                f"HTTP/1.1 {head}\\r\\nConnection: close\\r\\nX-Worker: {os.getpid()}\\r\\n"
                f"Set-Cookie: sessionid=1; Path=/\\r\\n"
                f"Content-Length: {len(body)}\\r\\n\\r\\n{body}"
            ).encode())
for _ in range(workers - (how == "few")):
    if not os.fork():
        serve()
while True:
    time.sleep(60)
"""


def setup(tmp_path: Path, how: str = "well") -> Setup:
    """A setup that serves in one of the ways that SERVER knows."""
    script = tmp_path / "server.py"
    script.write_text(SERVER)

    def serve(start: Start) -> list[str | Path]:
        return [start.python, script, str(start.port), str(start.workers), how]

    return Setup(
        name="toy", about="a toy", page="toy", home="toy", requirements="none", lines="lines.py",
        serve=serve,
    )  # fmt: skip


def start(tmp_path: Path, port: int, requests: int = 60) -> Start:
    """What a run of the toy needs."""
    return Start(
        python=Path(sys.executable), home=tmp_path, scratch=tmp_path, lines=tmp_path / "lines.py",
        port=port, workers=2, requests=requests, entries=100, seed=1,
        output=tmp_path / "load.json",
    )  # fmt: skip


def process(role: str, pid: int, pss: float, dirty: float = 1.0) -> dict[str, Any]:
    """A process in a sample; sizes in MiB."""
    mib = 2**20
    return {
        "pid": pid, "role": role, "minor_faults": 100 * pid, "cpu_ticks": int(pss * 10),
        "pss": int(pss * mib), "private_dirty": int(dirty * mib), "private_clean": 0,
        "shared_dirty": 0, "rss": int(2 * pss * mib), "swap_pss": 0,
    }  # fmt: skip


def run(case: Case, pss: float, spent: float = 10.0) -> dict[str, Any]:
    """One run: every process has so many MiB after the load, and half of it before."""
    pids = range(2, 2 + case.workers)
    samples = [
        {
            "at": at,
            "phase": phase,
            "processes": [
                process("parent", 1, pss * share),
                *(process("worker", pid, pss * share, pss * share / 2) for pid in pids),
            ],
        }
        for at, phase, share in ((1.0, "ready", 0.5), (2.0, "load", 0.8), (3.0, "end", 1.0))
    ]
    answers = [["detail", spent + number / 100, str(2 + number % case.workers)]
               for number in range(case.requests)]  # fmt: skip
    load = {"seconds": 2.0, "connections": 5, "failed": 0, "failures": [], "answers": answers}
    return {"first": 1.25, "load": load, "samples": samples, "position": 0}


def results(root: Path, record: dict[str, Any], rounds: int = 3) -> Results:
    """Two cases of all modes."""
    found = Results(root)
    found.write_record(record)
    sizes = {"stock": 40.0, "freeze": 30.0, "again": 30.0, "wheel": 13.0, "startup": 39.0}
    sizes["immortal"] = 12.0
    for workers in (2, 8):
        case = Case("django", workers, 200, 1000, 0)
        for mode, size in sizes.items():
            for number in range(rounds):
                found.add(case, mode, number, "d", run(case, size + number / 10))
    return found
