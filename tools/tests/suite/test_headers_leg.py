"""The legs of headers: what each counts and says."""

from __future__ import annotations

from pathlib import Path

import pytest
from buildtoy import make_toy
from cpatch.headers import page, session
from cpatch.suite import headers_leg, legs, stock_headers

TALLY = (2, {"C: gcc C99": ["a.h: error: no"]}, {"tcc": "no tcc here"})


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> legs.Context:
    toy = make_toy(tmp_path / "toy", monkeypatch)
    monkeypatch.setattr(page, "tally", lambda results: TALLY if results == ["rows"] else None)
    return legs.Context(toy.project, toy.pin, 1)


def test_the_quick_rows_are_added(context: legs.Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock_headers, "check", lambda *given: (20, 0, 3))
    monkeypatch.setattr(session, "quick", lambda *given: ["rows"])
    result = legs.headers(context)
    assert (result.passed, result.failed, result.skipped) == (22, 1, 4)
    assert result.notes == ["skipped: tcc: no tcc here"]
    assert result.matters == ["FAILED: C: gcc C99", "  a.h: error: no"]


def test_the_long_leg_leaves_what_can_be_kept(
    context: legs.Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {"pin": context.pin.branch}
    monkeypatch.setattr(session, "every", lambda *given: (["rows"], record))
    result = headers_leg.every(context)
    assert (result.passed, result.failed, result.skipped) == (2, 1, 1)
    run = session.place(context.project, context.pin) / "run"
    assert session.read(run) == record
    assert context.project.show(run) in result.notes[-1]
