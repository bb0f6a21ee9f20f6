"""The leg wheel: what unittest says, counted; a build that fails is a failure."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from cpatch.base.errors import CpatchError
from cpatch.suite import wheel_leg
from cpatch.suite.legs import Result


@pytest.mark.parametrize(
    ("end", "counts"),
    [
        ("OK", (9, 0, 0)),
        ("OK (skipped=2)", (7, 0, 2)),
        ("FAILED (failures=1, errors=2, skipped=1)", (5, 3, 1)),
    ],
)
def test_counts(end: str, counts: tuple[int, int, int]) -> None:
    result = Result("wheel")
    wheel_leg.count(f"....\nRan 9 tests in 12.3s\n\n{end}\n", result)
    assert (result.passed, result.failed, result.skipped) == counts


def test_failure_before_any_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pack(*_: object) -> None:
        (tmp_path / "wheel.log").write_text("no compiler\n")
        raise CpatchError("build the wheel failed", fix="see the log")

    monkeypatch.setattr(wheel_leg.pack, "pack", pack)
    project = SimpleNamespace(logs=lambda pin: tmp_path, show=str)
    context = SimpleNamespace(project=project, pin=None, jobs=1)
    result = wheel_leg.built_and_tested(context)  # type: ignore[arg-type]
    assert (result.passed, result.failed) == (0, 1)
    assert "no compiler" in "\n".join(result.notes)


def test_failed_test_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pack(*_: object) -> None:
        text = "Ran 4 tests in 1s\n\nFAILED (failures=1)\n"
        (tmp_path / "wheel.log").write_text(text)
        raise CpatchError("tests failed")

    monkeypatch.setattr(wheel_leg.pack, "pack", pack)
    project = SimpleNamespace(logs=lambda pin: tmp_path, show=str)
    context = SimpleNamespace(project=project, pin=None, jobs=1)
    result = wheel_leg.built_and_tested(context)  # type: ignore[arg-type]
    assert (result.passed, result.failed) == (3, 1)
