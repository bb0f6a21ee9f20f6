"""How much faster, how sure, and how much of it is noise.

All comparisons are of logarithms of ratios, one for each round: within a round the interpreters
took turns, so what the machine did to one it did to the other. Positive means that the second is
faster (or smaller) than stock.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pyperf._utils import is_significant

LEVEL = 0.95

#: Rounds below which no interval reaches ``LEVEL``, and nothing is called a difference.
ENOUGH = 6

#: The two runs of a role in one round, each the median of a process's values.
Pair = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A logarithm of a ratio, and the interval that it lies in with probability ``LEVEL``."""

    log: float
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """How many times faster; 1.02 is 2 % faster."""
        return math.exp(self.log)

    @property
    def ratio_low(self) -> float:
        """The lower end of the interval, as a ratio."""
        return math.exp(self.low)

    @property
    def ratio_high(self) -> float:
        """The upper end of the interval, as a ratio."""
        return math.exp(self.high)

    @property
    def reach(self) -> float:
        """The largest distance from 0 within the interval: for A/A, the width of the noise."""
        return max(abs(self.low), abs(self.high))


def changes(stock: Sequence[Pair], other: Sequence[Pair]) -> list[float]:
    """Return each round's logarithm of stock's time over the other's."""
    return [math.log(sum(a) / sum(b)) for a, b in zip(stock, other, strict=True)]


def noise(stock: Sequence[Pair]) -> list[float]:
    """Return each round's logarithm of one run of stock over the other.

    Which of the two counts as the first alternates, or a drift within rounds would look like a
    difference. Each side is one run and not two, so this is a little wider than the noise of
    ``changes``.
    """
    logs = [math.log(first / second) for first, second in stock]
    return [-value if number // 2 % 2 else value for number, value in enumerate(logs)]


def estimate(logs: Sequence[float]) -> Estimate:
    """Return the middle of the rounds and its interval, without assuming a normal distribution.

    The middle is the Hodges-Lehmann estimate, the median of the means of all pairs of rounds: a
    round that went wrong moves it little. The interval is the exact one of Wilcoxon's
    signed-rank test. Fewer than six rounds cannot give 95 %; theirs is all that was seen.
    """
    if not logs:
        raise ValueError("no rounds")
    means = sorted((one + two) / 2 for number, one in enumerate(logs) for two in logs[: number + 1])
    cut = _cut(len(logs))
    return Estimate(statistics.median(means), means[cut], means[len(means) - 1 - cut])


def _cut(rounds: int) -> int:
    """Return how many of the sorted means lie outside the interval, on each side."""
    total = rounds * (rounds + 1) // 2
    # How many of the 2^n choices of signs give each sum of ranks.
    ways = [1] + [0] * total
    for rank in range(1, rounds + 1):
        for at in range(total, rank - 1, -1):
            ways[at] += ways[at - rank]
    # The largest sum that so few choices do not exceed is the test's critical value.
    allowed = (1 - LEVEL) / 2 * 2**rounds
    seen, cut = 0, 0
    for count in ways:
        seen += count
        if seen > allowed:
            break
        cut += 1
    return max(cut - 1, 0)


def together(rows: Sequence[Sequence[float]]) -> Estimate:
    """Return the geometric mean over benchmarks: rows of rounds, with its interval over rounds.

    Rows may have different numbers of rounds: the estimate uses all of each, the interval the
    rounds that all have.
    """
    middle = statistics.fmean(estimate(row).log for row in rows)
    common = min(len(row) for row in rows)
    rounds = [statistics.fmean(row[number] for row in rows) for number in range(common)]
    spread = estimate(rounds)
    # The rounds' own middle differs a little from the mean of the benchmarks' middles.
    return Estimate(
        middle,
        min(middle, spread.low - spread.log + middle),
        max(middle, spread.high - spread.log + middle),
    )


def beyond(change: Estimate, noise: Estimate, rounds: int) -> bool:
    """Say whether there is a difference, larger than what stock differs from itself by."""
    if rounds < ENOUGH or change.low <= 0 <= change.high:
        return False
    return abs(change.log) > noise.reach


def significant(stock: Sequence[float], other: Sequence[float]) -> bool:
    """Say whether pyperf calls the difference significant: Student's test of all values, 95 %."""
    try:
        found, _ = is_significant(list(stock), list(other))
    except (ValueError, ZeroDivisionError):
        # No spread at all, as of integers: any difference is one.
        return statistics.mean(stock) != statistics.mean(other)
    return bool(found)
