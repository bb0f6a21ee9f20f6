"""figures and report: from raw files to tables and plots."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import benchtoy
import pytest
import serverstoy
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.servers import figures, report
from cpatch.servers.cases import Case, Results
from cpatch.servers.setups import MODES


def test_quantiles() -> None:
    values = [float(number) for number in range(1, 101)]
    assert figures.quantile(values, 0.5) == 50
    assert figures.quantile(values, 0.99) == 99
    assert figures.quantile([3.0], 0.99) == 3


def record(**changes: object) -> dict:
    return {**benchtoy.record(), "packages": {"django": ["Django==1"]}, "sessions": [
        {"command": "cpatch servers", "begun": "a", "ended": "b", "cpus": [0], "load": [0.0]}
    ], **changes}  # fmt: skip


def test_figures_of_rounds(tmp_path: Path) -> None:
    found = figures.cells(serverstoy.results(tmp_path, record()).runs())
    cells = found[Case("django", 2, 200, 1000, 0)]
    assert list(cells) == list(MODES)
    assert cells["stock"].middle("pss") == pytest.approx(3 * 40.1 * 2**20, rel=1e-6)
    assert cells["immortal"].against(cells["freeze"], "pss") == pytest.approx(12.1 / 30.1, rel=1e-4)
    assert cells["immortal"].apart(cells["freeze"], "pss")
    assert not cells["immortal"].apart(cells["freeze"], "p99")
    assert cells["stock"].middle("busiest") == 1


def test_all_cases_together(tmp_path: Path) -> None:
    every = figures.cells(serverstoy.results(tmp_path, record()).runs())
    found = figures.together(every, "immortal", "freeze", "pss")
    assert found is not None
    logs = [math.log(ratio) for cells in every.values()
            for ratio in cells["immortal"].ratios(cells["freeze"], "pss")]  # fmt: skip
    assert found.log == pytest.approx(statistics.fmean(logs), abs=0.01)
    assert found.low <= found.log <= found.high
    assert figures.together({}, "immortal", "freeze", "pss") is None
    case, cells = next(iter(every.items()))
    alone = {case: {"stock": cells["stock"]}}
    assert figures.together(alone, "stock", "freeze", "rate") is None


def test_report_has_tables_and_plots(tmp_path: Path) -> None:
    results = serverstoy.results(tmp_path, record())
    markdown, page = (path.read_text() for path in report.write_reports(results))
    assert "| 8 | patched + `gc.immortalize_heap()` | −69.8 % | −59.8 % | 108.9 |" in markdown
    assert page.count("data:image/svg+xml;base64,") == 2
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "patched + <code>gc.immortalize_heap()</code>" in page


def test_report_says_what_is_missing(tmp_path: Path) -> None:
    made = record(flavor="given", sessions=[
        {"command": "c", "begun": "a", "ended": None, "cpus": [0], "load": [3.0],
         "failed": ["django, stock: no answer"]}
    ])  # fmt: skip
    results = serverstoy.results(tmp_path, made, rounds=2)
    notes = " ".join(report.content(results, plots=False)["notes"])
    for part in ("built elsewhere", "Fewer than three rounds of 2 of 2", "busy", "1 runs failed"):
        assert part in notes


def test_packed_results_are_the_same_report(tmp_path: Path) -> None:
    results = serverstoy.results(tmp_path / "a", record())
    project = Project(root=tmp_path / "root", build=tmp_path / "root/build")
    results.pack(project, tmp_path / "b")
    first = report.write_reports(results)[0].read_text()
    assert report.write_reports(Results(tmp_path / "b"))[0].read_text() == first
    again = tmp_path / "c"
    results.pack(project, again)
    for path in sorted((tmp_path / "b/runs").rglob("*.gz")):
        assert path.read_bytes() == (again / path.relative_to(tmp_path / "b")).read_bytes()
    with pytest.raises(CpatchError, match="is there already"):
        results.pack(project, again)
