"""What a run says in all: the geometric mean of each role, its verdict, and who is slower."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cpatch.measuring import stats
from cpatch.measuring.interpreters import OFF
from cpatch.measuring.stats import Estimate
from cpatch.report.rows import Row, Run


@dataclass(frozen=True)
class Mean:
    """A role's geometric mean over the benchmarks that it has; ``both`` is of the first role."""

    change: Estimate
    both: Estimate
    count: int
    rounds: int  # of the benchmark with the fewest


@dataclass(frozen=True)
class Means:
    """Geometric means of one run: stock's noise, and role -> mean."""

    noise: Estimate
    roles: Mapping[str, Mean]
    first: str

    @property
    def main(self) -> Estimate:
        """The mean that is asked about first."""
        return self.roles[self.first].change

    @property
    def count(self) -> int:
        """How many benchmarks there are."""
        return self.roles[self.first].count

    @property
    def rounds(self) -> int:
        """The rounds of the benchmark with the fewest."""
        return self.roles[self.first].rounds

    def verdict(self, role: str | None = None) -> str:
        """Return 'faster', 'slower' or 'noise', as of a row."""
        mean = self.roles[role or self.first]
        return word(mean.change, stats.beyond(mean.change, self.noise, mean.rounds))


def means(run: Run) -> Means | None:
    """Return the geometric means of a run's benchmarks; None when it has none."""
    rows = run.times
    if not rows:
        return None
    found = {}
    for role in (run.first, *beside(run)):
        have = [row for row in rows if role in row.others]
        if have:
            found[role] = Mean(
                change=stats.together([row.others[role].logs for row in have]),
                both=stats.together([row.main.logs for row in have]),
                count=len(have),
                rounds=min(len(row.others[role].logs) for row in have),
            )
    return Means(stats.together([row.noise_logs for row in rows]), found, run.first)


def beside(run: Run) -> list[str]:
    """Return the roles that were compared with stock besides the first, as run.json has them."""
    here = {role for row in [*run.times, *run.probes] for role in row.others}
    here |= {role for row in run.counts.values() for role in row}
    return [role for role in run.roles if role in here and role not in ("stock", run.first)]


def parts_of(role: str) -> str:
    """Return the parts that a role's tree has, as a reader has them said; '' for all of them."""
    return "" if role in ("stock", "patched", OFF) else ", ".join(role.split("-"))


def verdict(row: Row, role: str | None = None) -> str:
    """Return 'faster', 'slower', or 'noise' when stock differs from itself by as much."""
    return word(row.others[role or row.first].change, row.beyond(role))


def word(change: Estimate, beyond: bool) -> str:
    """Return a change in a word."""
    return "noise" if not beyond else "faster" if change.log > 0 else "slower"


def combined(found: Sequence[Means | None]) -> dict[str, float] | None:
    """Return the geometric means over machines, each counting alike; None for a single one."""
    known = [mean for mean in found if mean]
    if len(known) < 2:
        return None

    def over(pick: Callable[[Means], Estimate]) -> float:
        return math.exp(statistics.fmean(pick(mean).log for mean in known))

    return {"patched": over(lambda mean: mean.main), "noise": over(lambda mean: mean.noise)}


def slow(run: Run, role: str) -> list[Row]:
    """Return the benchmarks that are slower by more than 3 % beyond their own noise."""
    limit = math.log(1.03)
    return [
        row
        for row in run.times
        if role in row.others
        and row.beyond(role)
        and -row.others[role].change.log > limit + row.noise.reach
    ]


def too_few(run: Run, role: str) -> list[str]:
    """Return the benchmarks of which there are too few rounds to call anything a difference."""
    return [
        row.name
        for row in run.times
        if role in row.others and len(row.others[role].logs) < stats.ENOUGH
    ]


def slow_or_too_few(run: Run, role: str) -> str:
    """Return the names of the slow, or that rounds are too few for anything to be called slow."""
    names = ", ".join(row.name for row in slow(run, role))
    few = len(too_few(run, role))
    if not few:
        return names or "none"
    told = f"not told for {few} of {len(run.times)}, of which there are too few rounds"
    return f"{names}; {told}" if names else told
