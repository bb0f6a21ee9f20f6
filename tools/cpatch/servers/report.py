"""The report on servers: one Markdown file, and one HTML page with its plots inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cpatch.base import files
from cpatch.base.errors import CpatchError
from cpatch.measuring import templates
from cpatch.servers import figures
from cpatch.servers.cases import Case, Results
from cpatch.servers.figures import MIB, Cell
from cpatch.servers.plots import by_workers, over_time
from cpatch.servers.setups import MODES, SETUPS

_TEMPLATES = Path(__file__).with_name("templates")

#: What the column of a figure is called, how it is printed, and what is better.
COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    "pss": ("sum of PSS, MiB", lambda value: f"{value / MIB:.1f}"),
    "dirty": ("private dirty per worker, MiB", lambda value: f"{value / MIB:.2f}"),
    "faults": ("minor faults per worker", lambda value: f"{value:,.0f}"),
    "cpu": ("CPU per request, ms", lambda value: f"{value:.2f}"),
    "rate": ("requests/s", lambda value: f"{value:.1f}"),
    "p50": ("p50, ms", lambda value: f"{value:.1f}"),
    "p99": ("p99, ms", lambda value: f"{value:.1f}"),
    "first": ("first answer, s", lambda value: f"{value:.2f}"),
}


def content(results: Results, *, plots: bool) -> dict[str, Any]:
    """Return everything that the templates refer to; CpatchError when nothing is measured."""
    runs = list(results.runs())
    if not runs:
        raise CpatchError(f"nothing is measured yet in {results.root}", fix="make servers")
    every = figures.cells(runs)
    groups: dict[tuple[str, int, int, int], list[Case]] = {}
    for case in every:
        groups.setdefault((case.setup, case.requests, case.entries, case.warm), []).append(case)
    record = results.record()
    return {
        "record": record,
        "together_columns": TOGETHER,
        "columns": {name: head for name, (head, _) in COLUMNS.items()},
        "groups": [
            _group([(case, every[case]) for case in sorted(cases)], runs, plots=plots)
            for _, cases in sorted(groups.items(), key=_place)
        ],
        "together": [_together(every, mode) for mode in MODES if mode != "freeze"],
        "modes": {name: mode.label for name, mode in MODES.items()},
        "notes": notes(record, every),
    }


def _place(item: tuple[tuple[str, int, int, int], list[Case]]) -> tuple[int, tuple[Any, ...]]:
    known = list(SETUPS)
    setup = item[0][0]
    return known.index(setup) if setup in known else len(known), item[0]


def _group(
    cases: Sequence[tuple[Case, Mapping[str, Cell]]],
    runs: Sequence[Mapping[str, Any]],
    *,
    plots: bool,
) -> dict[str, Any]:
    first = cases[0][0]
    about = SETUPS[first.setup].about if first.setup in SETUPS else first.setup
    found: dict[str, Any] = {
        "case": first,
        "about": about,
        "rows": [_row(case, cells, mode) for case, cells in cases for mode in cells],
        "plots": {},
        "shown": None,
    }
    # Over time: what most servers are like, 8 workers, or else the most there are.
    shown = next((case for case, _ in cases if case.workers == 8), cases[-1][0])
    found["shown"] = shown
    if plots:
        of_case = [run for run in runs if Case(**run["case"]) == shown]
        least = min(run["round"] for run in of_case)
        found["plots"] = {
            "workers": by_workers([cells for _, cells in cases]),
            "time": over_time({run["mode"]: run for run in of_case if run["round"] == least}),
        }
    return found


def _row(case: Case, cells: Mapping[str, Cell], mode: str) -> dict[str, Any]:
    """Return a line of a table: a mode in a case, and how its memory stands to the others'."""
    cell = cells[mode]
    return {
        "workers": case.workers,
        "mode": mode,
        "label": MODES[mode].label,
        "rounds": len(cell.rounds),
        "values": {name: show(cell.middle(name)) for name, (_, show) in COLUMNS.items()},
        "spread": {
            name: "–".join(map(show, cell.spread(name))) for name, (_, show) in COLUMNS.items()
        },
        "against": {
            other: share(cell.against(cells[other], "pss"))
            for other in ("stock", "freeze")
            if other in cells and other != mode
        },
    }


#: The figures compared over all cases.
TOGETHER = {"rate": "requests/s", "cpu": "CPU per request", "p50": "p50", "p99": "p99"}


def _together(every: Mapping[Case, Mapping[str, Cell]], mode: str) -> dict[str, Any]:
    """Return a line of the table over all cases: a mode against gc.freeze() on stock."""
    found = {name: figures.together(every, mode, "freeze", name) for name in TOGETHER}
    return {
        "label": MODES[mode].label,
        "values": {
            name: f"{each.ratio:.3f} ({each.ratio_low:.3f}–{each.ratio_high:.3f})"
            for name, each in found.items()
            if each is not None
        },
    }


def share(ratio: float | None) -> str:
    """Return a ratio as a signed percentage, '' for none."""
    return "" if ratio is None else templates.percent(ratio - 1)


def notes(record: Mapping[str, Any], every: Mapping[Case, Mapping[str, Cell]]) -> list[str]:
    """Return what a reader must know before believing the figures."""
    found = []
    if record["flavor"] == "release":
        found.append("Builds without PGO and LTO, for trying things out.")
    if record["flavor"] == "given":
        found.append("The interpreters were built elsewhere and given to the driver.")
    found += [
        f"Uncommitted edits went into {side['name']}: {side['edits']}."
        for side in record["sides"].values()
        if side["edits"]
    ]
    few = [case for case, cells in every.items() if min(len(c.rounds) for c in cells.values()) < 3]
    if few:
        found.append(f"Fewer than three rounds of {len(few)} of {len(every)} cases.")
    busy = max((session["load"][0] for session in record["sessions"]), default=0)
    if busy > 0.5:
        found.append(
            f"The machine was busy when a session began (load {busy}): memory does not mind, "
            "requests/s and latencies do."
        )
    failed = [text for session in record["sessions"] for text in session.get("failed", [])]
    if failed:
        found.append(f"{len(failed)} runs failed and were left out, the last: {failed[-1]}.")
    return found


def write_reports(results: Results, target: Path | None = None) -> list[Path]:
    """Write report.md and report.html to *target*, or beside the raw files; returns their paths."""
    context = content(results, plots=True)
    written = []
    for template in ("servers.md.j2", "servers.html.j2"):
        name = template.replace("servers", "report").removesuffix(".j2")
        path = (target or results.root) / name
        files.write(path, render(context, template))
        written.append(path)
    return written


def render(context: dict[str, Any], template: str) -> str:
    """Return a template of ``templates/`` filled in."""
    return templates.fill(_TEMPLATES / template, context, templates.FIGURES)
