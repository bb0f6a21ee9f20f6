"""compat_leg: only the short packages, afresh, and what it counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import compattoy
import pytest
from cpatch.compat import session
from cpatch.compat.running import Run
from cpatch.compat.table import Package
from cpatch.compat.verdicts import Verdict
from cpatch.suite import compat_leg, legs


def test_a_package_counts_once_for_each_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = compattoy.make_compat(tmp_path / "toy", monkeypatch)
    jobs = []

    def rows(package: Package) -> Iterator[session.Row]:
        verdicts = {
            "patched": Verdict(varied=("b",)),
            "call": Verdict(("a: failed (stock: passed)",)),
        }
        both = [Run(0, 1.0, {"b": "passed"}), Run(0, 1.0, {"b": "failed"})]
        runs = dict.fromkeys(("stock", "patched", "call"), both)
        yield session.Row(package, runs, verdicts, [], {})

    def made(project: object, pin: object, job: session.Job) -> SimpleNamespace:
        jobs.append(job)
        return SimpleNamespace(rows=lambda: rows(job.packages[0]))

    monkeypatch.setattr(session, "Session", made)
    result = compat_leg.few(legs.Context(toy.project, toy.pin, 1))
    assert [each.name for each in jobs[0].packages] == ["toy"]
    assert jobs[0].fresh
    assert (result.passed, result.failed) == (1, 1)
    assert result.matters == ["FAILED: toy", "  call: a: failed (stock: passed)"]
    assert result.notes[-2:] == [
        "toy",
        "    patched: varies: b: failed/passed (stock: failed/passed)",
    ]
