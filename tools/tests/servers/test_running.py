"""running: whole runs of a toy server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import serverstoy
from cpatch.servers import figures, running
from cpatch.servers.running import RunFailedError


def go(tmp_path: Path, how: str, *, requests: int = 60, seconds: float = 20.0) -> dict:
    start = serverstoy.start(tmp_path, running.free_port(), requests)
    return running.run(
        serverstoy.setup(tmp_path, how), start, clients=4, interval=0.05, seconds=seconds,
        env=dict(os.environ), log=tmp_path / "log",
    )  # fmt: skip


def left(tmp_path: Path) -> list[str]:
    """Processes of the toy server."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_text()
        except OSError:
            continue
        if str(tmp_path / "server.py") in text:
            found.append(text)
    return found


def test_a_run_measures_and_leaves_nothing(tmp_path: Path) -> None:
    found = go(tmp_path, "well")
    assert left(tmp_path) == []
    assert len(found["load"]["answers"]) == 60
    phases = [sample["phase"] for sample in found["samples"]]
    assert phases[0] == "ready"
    assert phases[-1] == "end"
    assert "load" in phases
    roles = [process["role"] for process in found["samples"][-1]["processes"]]
    assert roles == ["parent", "worker", "worker"]
    pids = {str(process["pid"]) for process in found["samples"][-1]["processes"][1:]}
    assert {answer[2] for answer in found["load"]["answers"]} <= pids
    told = figures.figures(found)
    assert 0 < told.p50 <= told.p99
    assert 0 < told.first < 20
    assert told.pss > 2**20


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("errs", r"requests failed:\nGET /search/\?q=.*: status 500"),
        ("dies", "the server ended with 1"),
        ("slow", "no end of the load|requests failed"),
    ],
)
def test_a_failure_is_seen_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, what: str
) -> None:
    with pytest.raises(RunFailedError, match=what):
        go(tmp_path, how, seconds=1 if how == "slow" else 20)
    assert left(tmp_path) == []


def test_missing_workers_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "START", 2.0)
    with pytest.raises(RunFailedError, match="1 of 2 workers"):
        go(tmp_path, "few")
    assert left(tmp_path) == []


def test_who_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "STOP", 0.5)
    go(tmp_path, "stubborn")
    assert left(tmp_path) == []


def test_a_killed_driver_leaves_a_server_that_ends(tmp_path: Path) -> None:
    setup = serverstoy.setup(tmp_path)
    code = f"""
import os, sys, time
from pathlib import Path
from cpatch.servers import running
with running.started([sys.executable, {str(tmp_path / "server.py")!r},
        str(running.free_port()), "2", "well"], cwd=Path({str(tmp_path)!r}), env=os.environ,
        log=Path({str(tmp_path / "log")!r}), seconds=2, stop="SIGTERM"):
    print("up", flush=True)
    time.sleep(60)
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    driver = subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout
    assert driver.stdout.readline() == "up\n"
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    deadline = time.monotonic() + 15
    while left(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left(tmp_path) == []
    assert setup.stop == "SIGTERM"
