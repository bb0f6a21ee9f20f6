"""Figures from the raw files of servers: of one run, and of the rounds of a case together."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cpatch.measuring import stats
from cpatch.measuring.stats import Estimate
from cpatch.servers.cases import Case
from cpatch.servers.setups import MODES

MIB = 2**20

#: The kernel's clock ticks per second, in /proc: the same on all of Linux's usual architectures.
TICKS = 100


@dataclass(frozen=True)
class Figures:
    """What one run comes to. Sizes in bytes, latencies in ms; faults and dirt are per worker."""

    pss: float  # of parent and workers together, after the last request
    pss_before: float  # the same before the first
    dirty: float
    dirty_before: float
    faults: float  # minor faults from the first request to the last
    cpu: float  # ms of CPU time per request, all processes together
    rate: float
    p50: float
    p99: float
    first: float  # seconds from the start of the server to its first answer
    busiest: float  # requests of the worker that had the most, over the mean


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that *share* of all do not exceed; of a sorted sequence."""
    return values[min(len(values) - 1, max(0, -int(-share * len(values) // 1) - 1))]


def total(sample: Mapping[str, Any], what: str) -> float:
    """Return the sum over all processes of a sample."""
    return float(sum(process[what] for process in sample["processes"]))


def per_worker(sample: Mapping[str, Any], what: str) -> float:
    """Return the mean over the workers of a sample."""
    found = [process[what] for process in sample["processes"] if process["role"] == "worker"]
    return statistics.fmean(found) if found else 0.0


def figures(run: Mapping[str, Any]) -> Figures:
    """Return what a run comes to."""
    ready = next(sample for sample in run["samples"] if sample["phase"] == "ready")
    end = run["samples"][-1]
    answers = run["load"]["answers"]
    latencies = sorted(answer[1] for answer in answers)
    shares = Counter(answer[2] for answer in answers)
    workers = run["case"]["workers"] if "case" in run else len(end["processes"]) - 1
    return Figures(
        pss=total(end, "pss") + total(end, "swap_pss"),
        pss_before=total(ready, "pss") + total(ready, "swap_pss"),
        dirty=per_worker(end, "private_dirty"),
        dirty_before=per_worker(ready, "private_dirty"),
        faults=per_worker(end, "minor_faults") - per_worker(ready, "minor_faults"),
        cpu=1000 * (total(end, "cpu_ticks") - total(ready, "cpu_ticks")) / TICKS / len(answers),
        rate=len(answers) / run["load"]["seconds"],
        p50=quantile(latencies, 0.5),
        p99=quantile(latencies, 0.99),
        first=run["first"],
        busiest=max(shares.values()) * workers / len(answers),
    )


def line(found: Figures) -> str:
    """Return a run in a line, for the terminal."""
    return (
        f"{found.pss / MIB:.1f} MiB, {found.dirty / MIB:.2f} MiB dirty per worker, "
        f"{found.cpu:.2f} ms CPU per request, {found.rate:.0f}/s, "
        f"p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms, "
        f"first answer after {found.first:.2f} s"
    )


@dataclass(frozen=True)
class Cell:
    """A mode in a case: its runs by round."""

    case: Case
    mode: str
    rounds: Mapping[int, Figures]

    def middle(self, what: str) -> float:
        """Return the median over the rounds."""
        found: list[float] = [getattr(each, what) for each in self.rounds.values()]
        return statistics.median(found)

    def spread(self, what: str) -> tuple[float, float]:
        """Return the least and the greatest."""
        every = [getattr(each, what) for each in self.rounds.values()]
        return min(every), max(every)

    def ratios(self, other: Cell, what: str) -> list[float]:
        """Return this over *other*, of each round that both have."""
        both = sorted(self.rounds.keys() & other.rounds.keys())
        return [
            getattr(self.rounds[number], what) / getattr(other.rounds[number], what)
            for number in both
            if getattr(other.rounds[number], what)
        ]

    def against(self, other: Cell, what: str) -> float | None:
        """Return the median of ``ratios``."""
        ratios = self.ratios(other, what)
        return statistics.median(ratios) if ratios else None

    def apart(self, other: Cell, what: str) -> bool:
        """Say whether all rounds of the one lie on one side of all rounds of the other."""
        low, high = self.spread(what)
        least, most = other.spread(what)
        return len(self.rounds) > 1 and len(other.rounds) > 1 and (high < least or low > most)


def cells(runs: Iterable[Mapping[str, Any]]) -> dict[Case, dict[str, Cell]]:
    """Return case -> mode -> its cell, in the order of cases and of modes."""
    found: dict[Case, dict[str, dict[int, Figures]]] = {}
    for run in runs:
        modes = found.setdefault(Case(**run["case"]), {})
        modes.setdefault(run["mode"], {})[run["round"]] = figures(run)
    return {
        case: {mode: Cell(case, mode, found[case][mode]) for mode in MODES if mode in found[case]}
        for case in sorted(found)
    }


def together(
    every: Mapping[Case, Mapping[str, Cell]], mode: str, base: str, what: str
) -> Estimate | None:
    """Return *mode* over *base*: the geometric mean over the cases that have both, or None.

    The interval is over the rounds; of fewer than six it is all that was seen.
    """
    rows = [
        [math.log(ratio) for ratio in cells[mode].ratios(cells[base], what)]
        for cells in every.values()
        if mode in cells and base in cells
    ]
    rows = [row for row in rows if row]
    return stats.together(rows) if rows else None
