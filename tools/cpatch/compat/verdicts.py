"""What differs between a run and stock's, test by test, and which of it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cpatch.compat.running import Run
from cpatch.compat.table import Difference

#: What a test has that another run knows and this one does not.
MISSING = "missing"


@dataclass(frozen=True)
class Known:
    """A test that differs, and the entry that says why."""

    test: str
    why: Difference


@dataclass(frozen=True)
class Verdict:
    """How a run compares with stock.

    ``lines`` are what differs and nobody has explained, ``known`` what is, ``varied`` the tests
    that were once one thing and once another on the same interpreter.
    """

    lines: tuple[str, ...] = ()
    known: tuple[Known, ...] = ()
    varied: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing differs but what is known."""
        return not self.lines


def outcomes(runs: Sequence[Run], test: str) -> set[str]:
    """Return all that became of a test; of a run that was cut short, a test may be left out."""
    found = {run.tests[test] for run in runs if test in run.tests}
    return found or ({MISSING} if runs[0].whole else set())


def suspects(stock: Sequence[Run], found: Sequence[Run]) -> list[str]:
    """Return the tests whose outcomes have nothing in common."""
    every = dict.fromkeys([*stock[0].tests, *found[0].tests])
    differing = []
    for test in every:
        one, two = outcomes(stock, test), outcomes(found, test)
        if one and two and not one & two:
            differing.append(test)
    return differing


def judge(
    package: str,
    who: str,
    stock: Sequence[Run],
    found: Sequence[Run],
    known: Iterable[Difference],
) -> Verdict:
    """Compare the runs of one interpreter with stock's; the first of each is the whole one."""
    known = list(known)
    lines = []
    explained = []
    for test in suspects(stock, found):
        why = next((row for row in known if row.concerns(package, who, test)), None)
        if why:
            explained.append(Known(test, why))
            continue
        ours = "/".join(sorted(outcomes(found, test)))
        theirs = "/".join(sorted(outcomes(stock, test)))
        lines.append(f"{test}: {ours} (stock: {theirs})")
    varied = [
        test
        for test in dict.fromkeys([*stock[0].tests, *found[0].tests])
        if len(outcomes(stock, test) | outcomes(found, test)) > 1
        and outcomes(stock, test) & outcomes(found, test)
    ]
    return Verdict(tuple(lines), tuple(explained), tuple(varied))


def total(run: Run) -> str:
    """Return a run in a few words: ``1,234 passed, 5 failed``."""
    counts = Counter(outcome.partition(":")[0] for outcome in run.tests.values())
    order = sorted(counts, key=lambda each: (each != "passed", each))
    said = [f"{counts[each]:,} {each}" for each in order]
    return ", ".join([*said, *([] if run.whole else [f"ended by {run.status}"])])
