"""The report's content, in the words and numbers that the templates set.

A ratio is always how many times faster (or smaller) than stock: above 1 is better.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cpatch.measuring import stats, templates
from cpatch.measuring.plots import Mark, forest
from cpatch.measuring.stats import Estimate
from cpatch.report.rows import Row, Run, reference

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

# The same, as short as a plot wants them.
_SHORT = {
    "memory_pass": "peak memory",
    "run_pass": "python -c pass",
    "run_pass_no_site": "python -S -c pass",
    "fresh_collect_first": "gc.collect(), first",
    "fresh_collect": "gc.collect(), next five",
    "shutdown_1e4": "shutdown, 10⁴ objects",
    "shutdown_1e6": "shutdown, 10⁶ objects",
    "shutdown_1e7": "shutdown, 10⁷ objects",
}


@dataclass(frozen=True)
class Means:
    """Geometric means of one run. ``both`` is patched over the benchmarks that ``off`` has."""

    patched: Estimate
    noise: Estimate
    off: Estimate | None
    both: Estimate | None
    count: int
    rounds: int  # of the benchmark with the fewest

    @property
    def verdict(self) -> str:
        """'faster', 'slower' or 'noise', as of a row."""
        return _word(self.patched, stats.beyond(self.patched, self.noise, self.rounds))


def means(run: Run) -> Means | None:
    """Return the geometric means of a run's benchmarks; None when it has none."""
    rows = run.times
    if not rows:
        return None
    off = [row for row in rows if "off" in row.others]
    return Means(
        patched=stats.together([row.patched.logs for row in rows]),
        noise=stats.together([row.noise_logs for row in rows]),
        off=stats.together([row.others["off"].logs for row in off]) if off else None,
        both=stats.together([row.patched.logs for row in off]) if off else None,
        count=len(rows),
        rounds=min(row.rounds for row in rows),
    )


def content(runs: Sequence[Run], *, plots: bool) -> dict[str, Any]:
    """Return everything that the templates refer to."""
    published = reference()
    names = _names(runs)
    tables = [{row.name: row for row in run.times} for run in runs]
    every = sorted({name for table in tables for name in table})
    shown = [name for name in every if _significant(tables, name)]
    found = [means(run) for run in runs]
    return {
        "runs": [
            {"run": run, "name": name, "means": mean, "record": run.record, "notes": notes(run)}
            for run, name, mean in zip(runs, names, found, strict=True)
        ],
        "names": names,
        "rows": [_line(name, tables, published) for name in shown],
        "mean_cells": found,
        "hidden": [_line(name, tables, published) for name in every if name not in shown],
        "combined": combined(found),
        "published": _published(published),
        "published_here": _published(
            {name: published[name] for name in every if name in published}
        ),
        "slow": [slow_or_too_few(run) for run in runs],
        "memory": [_memory(run) for run in runs],
        "probes": _probes(runs),
        "counts": _counts(runs),
        "off": [_has_off(run) for run in runs],
        "plots": _plots(runs, names, tables, found, published) if plots else {},
        "different": len({run.record["sides"]["patched"]["tree_id"] for run in runs}) > 1,
    }


def render(context: dict[str, Any], template: str) -> str:
    """Return a template of ``templates/`` filled in."""
    return templates.fill(_TEMPLATES / template, context, templates.FIGURES)


def _has_off(run: Run) -> bool:
    return any("off" in row.others for row in [*run.times, *run.probes])


def _names(runs: Sequence[Run]) -> list[str]:
    """Return column heads; machines of the same name are numbered."""
    names = [run.name for run in runs]
    return [
        f"{name} #{names[: number + 1].count(name)}" if names.count(name) > 1 else name
        for number, name in enumerate(names)
    ]


def _significant(tables: Sequence[dict[str, Row]], name: str) -> bool:
    return any(table[name].patched.significant for table in tables if name in table)


def _line(
    name: str, tables: Sequence[dict[str, Row]], published: dict[str, float | None]
) -> dict[str, Any]:
    """Return one line of the table of benchmarks."""
    cells = []
    for table in tables:
        row = table.get(name)
        cells.append(
            {"row": row, "stock": value(row.stock, row.unit), "verdict": verdict(row)}
            if row
            else None
        )
    logs = [table[name].patched.change.log for table in tables if name in table]
    old = published.get(name)
    return {
        "name": name,
        "cells": cells,
        "combined": math.exp(statistics.fmean(logs)),
        "published": f"{old:.2f}" if old else "n. s." if name in published else "",
    }


def verdict(row: Row, role: str = "patched") -> str:
    """Return 'faster', 'slower', or 'noise' when stock differs from itself by as much."""
    return _word(row.others[role].change, row.beyond(role))


def _word(change: Estimate, beyond: bool) -> str:
    return "noise" if not beyond else "faster" if change.log > 0 else "slower"


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


def combined(found: Sequence[Means | None]) -> dict[str, float] | None:
    """Return the geometric means over machines, each counting alike; None for a single one."""
    known = [mean for mean in found if mean]
    if len(known) < 2:
        return None

    def over(pick: Callable[[Means], Estimate]) -> float:
        return math.exp(statistics.fmean(pick(mean).log for mean in known))

    return {"patched": over(lambda mean: mean.patched), "noise": over(lambda mean: mean.noise)}


def _published(rows: dict[str, float | None]) -> dict[str, Any]:
    """Return the geometric mean of published ratios; what was not significant counts as 1."""
    logs = [math.log(ratio) if ratio else 0.0 for ratio in rows.values()]
    return {"mean": math.exp(statistics.fmean(logs)) if logs else None, "count": len(logs)}


def _slow(run: Run) -> list[Row]:
    """Return the benchmarks that are slower by more than 3 % beyond their own noise."""
    limit = math.log(1.03)
    return [
        row
        for row in run.times
        if row.beyond() and -row.patched.change.log > limit + row.noise.reach
    ]


def _too_few(run: Run) -> list[str]:
    """Return the benchmarks of which there are too few rounds to call anything a difference."""
    return [row.name for row in run.times if row.rounds < stats.ENOUGH]


def slow_or_too_few(run: Run) -> str:
    """Return the names of the slow, or that rounds are too few for anything to be called slow."""
    names = ", ".join(row.name for row in _slow(run))
    few = len(_too_few(run))
    if not few:
        return names or "none"
    told = f"not told for {few} of {len(run.times)}, of which there are too few rounds"
    return f"{names}; {told}" if names else told


def _memory(run: Run) -> float | None:
    """Return how much the benchmarks' peak of memory changes, in the geometric mean."""
    logs = [math.log1p(row.patched.memory) for row in run.times if row.patched.memory is not None]
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
                    "patched": value(row.patched.value, row.unit),
                    "off": value(row.others["off"].value, row.unit) if "off" in row.others else "",
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
        logs: dict[str, list[float]] = {"patched": [], "off": []}
        lines = []
        for name, row in run.counts.items():
            line: dict[str, Any] = {"name": name, "stock": row["stock"], "off": None}
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
    few = _too_few(run)
    if few:
        found.append(
            f"Fewer than six rounds of {len(few)} of {len(run.times)} benchmarks: their intervals "
            "are all that was seen, not 95 %, and nothing is called a difference."
        )
    busy = max((session["load"][0] for session in record["sessions"]), default=0)
    if busy > 0.5:
        found.append(f"The machine was busy when a session began: load {busy}.")
    return found


def _plots(
    runs: Sequence[Run],
    names: Sequence[str],
    tables: Sequence[dict[str, Row]],
    found: Sequence[Means | None],
    published: dict[str, float | None],
) -> dict[str, str]:
    plots = {}
    every = {name for table in tables for name in table}
    if every:
        marks = [_mark(name, tables, published.get(name)) for name in every]
        marks.sort(key=lambda mark: -statistics.fmean(e.log for e in mark.estimates if e))
        mean = Mark(
            "geometric mean",
            [each.patched if each else None for each in found],
            [each.noise.reach if each else None for each in found],
            [each.verdict if each else "noise" for each in found],
            _published(published)["mean"],
            bold=True,
        )
        plots["times"] = forest([mean, *marks], names)
    probes = [{row.name: row for row in run.probes} for run in runs]
    present = [name for name in PROBES if any(name in table for table in probes)]
    if present:
        marks = [replace(_mark(name, probes, None), name=_SHORT[name]) for name in present]
        plots["probes"] = forest(marks, names, better="less")
    programs = sorted({name for run in runs for name in run.counts})
    if programs:
        marks = []
        for name in programs:
            logs = [_log_of(run, name) for run in runs]
            each = [Estimate(log, log, log) if log is not None else None for log in logs]
            words = [_word(one, one.log != 0) if one else "noise" for one in each]
            marks.append(Mark(name, each, [None] * len(runs), words))
        plots["counts"] = forest(marks, names, better="fewer")
    return plots


def _log_of(run: Run, name: str) -> float | None:
    row = run.counts.get(name)
    return math.log(row["stock"] / row["patched"]) if row else None


def _mark(name: str, tables: Sequence[dict[str, Row]], published: float | None) -> Mark:
    rows = [table.get(name) for table in tables]
    return Mark(
        name,
        [row.patched.change if row else None for row in rows],
        [row.noise.reach if row else None for row in rows],
        [verdict(row) if row else "noise" for row in rows],
        published,
    )
