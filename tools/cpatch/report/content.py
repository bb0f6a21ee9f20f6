"""The report's content, in the words and numbers that the templates set.

A ratio is always how many times faster (or smaller) than stock: above 1 is better.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cpatch.measuring import templates
from cpatch.measuring.interpreters import OFF
from cpatch.report import drawing, verdicts
from cpatch.report.rows import REFERENCE_URL, Row, Run, reference
from cpatch.report.verdicts import verdict

_TEMPLATES = Path(__file__).with_name("templates")

#: What the probes measure, in the order of the report.
PROBES = {
    "memory_pass": "peak memory of `python -c pass`",
    "run_pass": "`python -c pass`, from start to end",
    "run_pass_no_site": "`python -S -c pass`, from start to end",
    "fresh_collect_first": "`gc.collect()` on a fresh interpreter, the first",
    "fresh_collect": "`gc.collect()` on a fresh interpreter, the next five",
    "shutdown_1e4": "shutdown with 10⁴ live objects",
    "shutdown_1e6": "shutdown with 10⁶ live objects",
    "shutdown_1e7": "shutdown with 10⁷ live objects",
}


def content(runs: Sequence[Run], *, plots: bool) -> dict[str, Any]:
    """Return everything that the templates refer to."""
    published = reference()
    names = _names(runs)
    tables = [{row.name: row for row in run.times} for run in runs]
    every = sorted({name for table in tables for name in table})
    shown = [name for name in every if _significant(tables, name)]
    found = [verdicts.means(run) for run in runs]
    others = [verdicts.beside(run) for run in runs]
    return {
        "runs": [
            {"run": run, "name": name, "means": mean, "record": run.record, "notes": notes(run)}
            for run, name, mean in zip(runs, names, found, strict=True)
        ],
        "names": names,
        "rows": [_line(name, tables, published) for name in shown],
        "mean_cells": found,
        "hidden": [_line(name, tables, published) for name in every if name not in shown],
        "combined": verdicts.combined(found),
        "published": _published(published),
        "source": REFERENCE_URL,
        "published_here": _published(
            {name: published[name] for name in every if name in published}
        ),
        "slow": [
            {role: verdicts.slow_or_too_few(run, role) for role in (run.first, *more)}
            for run, more in zip(runs, others, strict=True)
        ],
        "memory": [_memory(run) for run in runs],
        "probes": _probes(runs),
        "counts": _counts(runs),
        "firsts": [run.first for run in runs],
        "others": others,
        "plots": drawing.plots(
            drawing.panels(runs, names, found),
            {**published, "": _published(published)["mean"]},
        )
        if plots
        else {},
        "different": len({run.record["sides"][run.first]["tree_id"] for run in runs}) > 1,
    }


def render(context: dict[str, Any], template: str) -> str:
    """Return a template of ``templates/`` filled in."""
    filters = {**templates.FIGURES, "head": _head, "tree": _tree}
    return templates.fill(_TEMPLATES / template, context, filters)


def _head(role: str) -> str:
    """Return what stands above a role's column."""
    return verdicts.parts_of(role) or role


def _tree(role: str) -> str:
    """Return what a role is, in a sentence about its figures."""
    parts = verdicts.parts_of(role)
    return f"only {parts}" if parts else "patched, `PYTHONIMMORTALHEAP=0`" if role == OFF else role


def _names(runs: Sequence[Run]) -> list[str]:
    """Return column heads; machines of the same name are numbered."""
    names = [run.name for run in runs]
    return [
        f"{name} #{names[: number + 1].count(name)}" if names.count(name) > 1 else name
        for number, name in enumerate(names)
    ]


def _significant(tables: Sequence[dict[str, Row]], name: str) -> bool:
    rows = [table[name] for table in tables if name in table]
    return any(other.significant for row in rows for other in row.others.values())


def _line(
    name: str, tables: Sequence[dict[str, Row]], published: dict[str, float | None]
) -> dict[str, Any]:
    """Return one line of the table of benchmarks."""
    cells = []
    for table in tables:
        row = table.get(name)
        cells.append(
            {
                "row": row,
                "stock": value(row.stock, row.unit),
                "verdict": verdict(row),
                "verdicts": {role: verdict(row, role) for role in row.others},
            }
            if row
            else None
        )
    logs = [table[name].main.change.log for table in tables if name in table]
    old = published.get(name)
    return {
        "name": name,
        "cells": cells,
        "combined": math.exp(statistics.fmean(logs)),
        "published": f"{old:.2f}" if old else "n. s." if name in published else "",
    }


def value(number: float, unit: str) -> str:
    """Return a value with its unit, four digits."""
    if unit == "byte":
        return f"{number / 2**20:.2f} MiB"
    if unit != "second":
        return f"{number:.4g}"
    for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if number * factor >= 1:
            return f"{number * factor:.4g} {name}"
    return f"{number * 1e9:.4g} ns"


def _published(rows: dict[str, float | None]) -> dict[str, Any]:
    """Return the geometric mean of published ratios; what was not significant counts as 1."""
    logs = [math.log(ratio) if ratio else 0.0 for ratio in rows.values()]
    return {"mean": math.exp(statistics.fmean(logs)) if logs else None, "count": len(logs)}


def _memory(run: Run) -> float | None:
    """Return how much the benchmarks' peak of memory changes, in the geometric mean."""
    logs = [math.log1p(row.main.memory) for row in run.times if row.main.memory is not None]
    return math.expm1(statistics.fmean(logs)) if logs else None


def _probes(runs: Sequence[Run]) -> list[dict[str, Any]]:
    tables = [{row.name: row for row in run.probes} for run in runs]
    known = [*PROBES, *sorted({name for table in tables for name in table} - set(PROBES))]
    lines = []
    for name in known:
        rows = [table.get(name) for table in tables]
        if any(rows):
            cells = [
                {
                    "row": row,
                    "stock": value(row.stock, row.unit),
                    "main": value(row.main.value, row.unit),
                    "values": {
                        role: value(other.value, row.unit) for role, other in row.others.items()
                    },
                    "verdict": verdict(row),
                }
                if row
                else None
                for row in rows
            ]
            lines.append({"name": name, "about": PROBES.get(name, name), "cells": cells})
    return lines


def _counts(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return for each run: lines of instruction counts, and their geometric means."""
    tables = []
    for run in runs:
        others = [role for role in run.roles if role != "stock"]
        logs: dict[str, list[float]] = {role: [] for role in others}
        lines = []
        for name, row in run.counts.items():
            line: dict[str, Any] = {"name": name, "stock": row["stock"]}
            for role, known in logs.items():
                if role in row:
                    known.append(math.log(row[role] / row["stock"]))
                    line[role] = math.expm1(known[-1])
            lines.append(line)
        mean = {role: math.expm1(statistics.fmean(each)) for role, each in logs.items() if each}
        tables.append({"lines": lines, "mean": mean})
    return tables


def notes(run: Run) -> list[str]:
    """Return what a reader must know before believing the figures."""
    record, sides = run.record, run.record["sides"]
    found = []
    if record["flavor"] == "release":
        found.append("Builds without PGO and LTO, for trying things out: no claim rests on these.")
    if record["flavor"] == "given":
        found.append("The interpreters were built elsewhere and given to the driver.")
    if not sides["stock"]["installed"]:
        found.append("The interpreters were not installed: they look for their build directory.")
    found += [
        f"Uncommitted edits went into {side['name']}: {side['edits']}."
        for side in sides.values()
        if side["edits"]
    ]
    if run.waiting:
        found.append(f"The run is not complete; waiting: {', '.join(run.waiting)}.")
    if record.get("brief"):
        found.append(
            "A brief run: each process gave one value, of half the loops that are usual, after a "
            "warm-up; or of the only loop, without a warm-up."
        )
    few = verdicts.too_few(run, run.first)
    if few:
        found.append(
            f"Fewer than six rounds of {len(few)} of {len(run.times)} benchmarks: their intervals "
            "are all that was seen, not 95 %, and nothing is called a difference."
        )
    busy = max((session["load"][0] for session in record["sessions"]), default=0)
    if busy > 0.5:
        found.append(f"The machine was busy when a session began: load {busy}.")
    return found
