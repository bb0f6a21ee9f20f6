"""The report's plots: a panel for each run and each tree that was compared in it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cpatch.measuring.interpreters import OFF
from cpatch.measuring.plots import Mark, forest
from cpatch.measuring.stats import Estimate
from cpatch.report import verdicts
from cpatch.report.rows import Row, Run
from cpatch.report.verdicts import Means

# The probes, as short as a plot wants them.
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
class Panel:
    """One column of a plot: a role of a run, under a name."""

    name: str
    run: Run
    means: Means | None
    role: str


def panels(runs: Sequence[Run], names: Sequence[str], means: Sequence[Means | None]) -> list[Panel]:
    """Return a panel for each tree of each run."""
    found = []
    for run, name, mean in zip(runs, names, means, strict=True):
        trees = [role for role in verdicts.beside(run) if role != OFF]
        titles = {run.first: verdicts.parts_of(run.first) or ("all parts" if trees else "")}
        titles |= {role: verdicts.parts_of(role) for role in trees}
        for role, title in titles.items():
            words = [name, title] if len(runs) > 1 else [title or name]
            found.append(Panel(": ".join(filter(None, words)), run, mean, role))
    return found


def plots(every: Sequence[Panel], published: dict[str, float | None]) -> dict[str, str]:
    """Return kind -> plot, as a data URI; *published* is of 2022, its mean under ''."""
    heads = [panel.name for panel in every]
    found = {}
    times = [{row.name: row for row in panel.run.times} for panel in every]
    names = {name for table in times for name in table}
    if names:
        marks = [_mark(name, every, times, published.get(name)) for name in names]
        marks.sort(key=lambda mark: -statistics.fmean(e.log for e in mark.estimates if e))
        found["times"] = forest([_mean(every, published[""]), *marks], heads)
    probes = [{row.name: row for row in panel.run.probes} for panel in every]
    present = [name for name in _SHORT if any(name in table for table in probes)]
    if present:
        marks = [replace(_mark(name, every, probes, None), name=_SHORT[name]) for name in present]
        found["probes"] = forest(marks, heads, better="less")
    programs = sorted({name for panel in every for name in panel.run.counts})
    if programs:
        found["counts"] = forest([_count(name, every) for name in programs], heads, better="fewer")
    return found


def _mean(every: Sequence[Panel], published: float | None) -> Mark:
    known = [p.means if p.means and p.role in p.means.roles else None for p in every]
    both = list(zip(every, known, strict=True))
    return Mark(
        "geometric mean",
        [means.roles[panel.role].change if means else None for panel, means in both],
        [means.noise.reach if means else None for means in known],
        [means.verdict(panel.role) if means else "noise" for panel, means in both],
        published,
        bold=True,
    )


def _mark(
    name: str, every: Sequence[Panel], tables: Sequence[dict[str, Row]], published: float | None
) -> Mark:
    rows = [
        row if (row := table.get(name)) and panel.role in row.others else None
        for panel, table in zip(every, tables, strict=True)
    ]
    both = list(zip(every, rows, strict=True))
    return Mark(
        name,
        [row.others[panel.role].change if row else None for panel, row in both],
        [row.noise.reach if row else None for row in rows],
        [verdicts.verdict(row, panel.role) if row else "noise" for panel, row in both],
        published,
    )


def _count(name: str, every: Sequence[Panel]) -> Mark:
    logs = [
        math.log(row["stock"] / row[panel.role])
        if (row := panel.run.counts.get(name)) and panel.role in row
        else None
        for panel in every
    ]
    each = [Estimate(log, log, log) if log is not None else None for log in logs]
    words = [verdicts.word(one, one.log != 0) if one else "noise" for one in each]
    return Mark(name, each, [None] * len(every), words)
