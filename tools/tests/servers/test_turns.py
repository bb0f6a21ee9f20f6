"""session: what is measured and when, and the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import benchtoy
import pytest
import serverstoy
from cpatch import cli
from cpatch.servers import session
from cpatch.servers.cases import Case, Results
from cpatch.servers.setups import MODES, SETUPS


def record(**changes: object) -> dict:
    return {**benchtoy.record(), "packages": {"django": ["Django==1"]}, "sessions": [
        {"command": "cpatch servers", "begun": "a", "ended": "b", "cpus": [0], "load": [0.0]}
    ], **changes}  # fmt: skip


def test_what_is_measured_is_not_measured_again(tmp_path: Path) -> None:
    results = serverstoy.results(tmp_path, record())
    case = Case("django", 2, 200, 1000, 0)
    assert results.has(case, "stock", 0, "d")
    assert not results.has(case, "stock", 0, "another application")
    assert not results.has(case, "stock", 3, "d")


def test_modes_take_turns(tmp_path: Path) -> None:
    options = session.Options(
        cases=(Case("django", 2, 200, 1000, 0),), modes=tuple(MODES), rounds=len(MODES),
        fresh=False, output=None, machine=None, timeout=1,
    )  # fmt: skip

    class Ready:
        digest = "d"

    rows = list(session.waiting(Results(tmp_path), {"django": Ready()}, options))  # type: ignore[dict-item]
    assert len(rows) == len(MODES) ** 2
    for position in range(len(MODES)):
        assert {mode for _, at, _, mode in rows if at == position} == set(MODES)


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["servers", "--list"]) == 0
    said = capsys.readouterr().out
    for name in (*SETUPS, *MODES):
        assert name in said
    assert cli.run(["servers", "--mode", "frozen"]) == 2
    assert cli.run(["servers", "--app", "apache"]) == 2
    assert cli.run(["servers", "--workers", "two"]) == 2
    assert cli.run(["servers", "--stock-python", sys.executable]) == 2
