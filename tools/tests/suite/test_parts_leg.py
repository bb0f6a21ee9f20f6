"""Legs on trees of some parts of the series."""

from __future__ import annotations

from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.building import build, records
from legstoy import Stage, make_stage

SERIES = """\
[low] the ground; needs: none
9.8/low/low.patch
[high] what stands on it; needs: low
9.8/high/high.patch
[wide] what lies beside; needs: none
9.8/wide/wide.patch
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return make_stage(tmp_path / "p", monkeypatch)


@pytest.fixture
def parted(stage: Stage) -> Stage:
    """Return a stage whose series has three parts, with a test of each; low-high has a bad one."""
    (stage.toy.root / "patches" / "series.9.8").write_text(SERIES)
    tests = stage.toy.root / "Lib" / "test"
    tests.mkdir(parents=True)
    for part in ("low", "high", "wide"):
        patch = stage.toy.root / "patches" / "9.8" / part / f"{part}.patch"
        patch.parent.mkdir(parents=True)
        patch.write_text(f"Subject: a\n\nTests: Lib/test/test_{part}.py\n\ndiff --git a/x b/x\n")
        (tests / f"test_{part}.py").write_text("")
    stage.plan("low", test_low=0, test_other=9)
    stage.plan("wide", test_wide=0)
    stage.plan("low-high", test_low=0, test_high=9)
    return stage


def test_each_tree_of_parts_runs_its_own_tests(
    parted: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = parted.run(capsys, "--only", "parts")
    assert (code, out[-1]) == (4, "3 passed, 1 failed")
    assert "parts: low: 1 passed, 0 failed" in out
    assert any("low-high: FAILED: test.test_high" in line for line in out)
    assert parted.calls("wide")[0].endswith(" test_wide")
    assert parted.calls("low-high")[0].endswith(" test_high test_low")
    assert not parted.calls("patched")


def test_tree_of_parts_has_no_driver_and_no_fuzzer(
    parted: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = parted.run(capsys, "--parts", "low", "--only", "ours")
    assert (code, out[-1]) == (0, "1 passed, 0 failed")
    assert not parted.calls("patched")
    assert parted.toy.run("test", "--parts", "low", "--only", "driver") == 2
    assert parted.toy.run("test", "--parts", "high") == 2
    assert "part high needs low" in capsys.readouterr().err


def test_a_tree_that_cannot_be_built_is_one_failure(
    parted: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ensure_built(
        project: object, pin: object, tree: str, flavor: object, *, jobs: int
    ) -> records.Built:
        if tree == "low-high":
            raise CpatchError("make failed; its last lines:\nhigh.c:1: no", fix="read the log")
        return parted.ensure_built(project, pin, tree, flavor, jobs=jobs)

    monkeypatch.setattr(build, "ensure_built", ensure_built)
    code, out = parted.run(capsys, "--only", "parts")
    assert (code, out[-1]) == (4, "2 passed, 1 failed")
    assert "parts: low: 1 passed, 0 failed" in out
    assert parted.calls("wide")
    # The reason is told again below the table, whole.
    below = out[next(n for n, line in enumerate(out) if line.startswith("leg ")) :]
    assert "parts: low-high: error: make failed; its last lines:" in below
    assert "parts: low-high:          high.c:1: no" in below
    assert "parts: low-high:   fix:   read the log" in below
