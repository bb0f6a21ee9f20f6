"""What differs between a run and stock's, test by test, and which of it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cpatch.compat.running import CRASHED, END, LIMIT, NOT_COLLECTED, Run
from cpatch.compat.table import Difference

#: What a test has that another run knows and this one does not.
MISSING = "missing"

#: What a run's end is called when nothing else is to be said of it.
ENDED = "ended"


@dataclass(frozen=True)
class Known:
    """A test that differs, and the entry that says why."""

    test: str
    why: Difference


@dataclass(frozen=True)
class Verdict:
    """How a run compares with stock.

    ``lines`` are what differs and nobody has explained, ``known`` what is, ``varied`` the tests
    that do not differ, and were once one thing and once another on the same interpreter,
    ``unused`` the entries that nothing of the run needs.
    """

    lines: tuple[str, ...] = ()
    known: tuple[Known, ...] = ()
    varied: tuple[str, ...] = ()
    unused: tuple[Difference, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing differs but what is known."""
        return not self.lines


def every(*sides: Sequence[Run]) -> list[str]:
    """Return all tests that any run knows, and last the end of runs."""
    tests = dict.fromkeys(test for runs in sides for run in runs for test in run.tests)
    return [*(test for test in tests if test != END), END]


def outcomes(runs: Sequence[Run], test: str) -> set[str]:
    """Return all that became of a test; of a run that was cut short, a test may be left out."""
    found = {run.tests[test] for run in runs if test in run.tests}
    if test == END:
        rest = [run for run in runs if END not in run.tests]
        found |= {ENDED for run in rest if run.whole}
        return found | {LIMIT for run in rest if run.status == LIMIT}
    return found or ({MISSING} if runs[0].whole else set())


def ends(runs: Sequence[Run], test: str) -> set[str]:
    """Return what of a test's outcomes ended the interpreter, or kept it from its end.

    No other run makes up for that, and no entry.
    """
    found = outcomes(runs, test)
    return found - {ENDED} if test == END else {each for each in found if each.startswith(CRASHED)}


def suspects(stock: Sequence[Run], found: Sequence[Run]) -> list[str]:
    """Return the tests whose outcomes have nothing in common, or that end only the other."""
    differing = []
    for test in every(stock, found):
        one, two = outcomes(stock, test), outcomes(found, test)
        if test == END and LIMIT in one and END not in stock[0].tests:
            one.add(ENDED)  # how it would have ended, nobody knows
        if (one and two and not one & two) or ends(found, test) - ends(stock, test):
            differing.append(test)
    return differing


def ran(runs: Sequence[Run]) -> set[str]:
    """Return the tests that ran, whatever came of them."""
    found = {(test, what) for run in runs for test, what in run.tests.items()}
    return {test for test, what in found if test != END and what != NOT_COLLECTED}


def both(test: str, stock: Sequence[Run], found: Sequence[Run]) -> str:
    """Return what became of a test, on one interpreter and on stock."""
    ours, theirs = ("/".join(sorted(outcomes(runs, test))) for runs in (found, stock))
    return f"{test}: {ours} (stock: {theirs or 'not run'})"


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
    differing = suspects(stock, found)
    for test in differing:
        why = next((row for row in known if row.concerns(package, who, test)), None)
        if why and not ends(found, test) - ends(stock, test):
            explained.append(Known(test, why))
            continue
        lines.append(both(test, stock, found))
    if not ran(stock):
        lines.append("no test ran on stock")
    elif not lines and not ran(stock) & ran(found):
        lines.append("no test ran of those that ran on stock")
    varied = [
        test
        for test in every(stock, found)
        if test not in differing and any(len(outcomes(runs, test)) > 1 for runs in (stock, found))
    ]
    needed = [each.why for each in explained]
    unused = [row for row in known if row.expects(package, who) and row not in needed]
    return Verdict(tuple(lines), tuple(explained), tuple(varied), tuple(unused))


def total(run: Run) -> str:
    """Return a run in a few words: ``1,234 passed, 5 failed``."""
    counts = Counter(outcome.partition(":")[0] for outcome in run.tests.values())
    order = sorted(counts, key=lambda each: (each != "passed", each))
    said = [f"{counts[each]:,} {each}" for each in order]
    if not run.whole:
        running = run.texts.get("running")
        said.append(f"ended by {run.status}{f' in {running}' if running else ''}")
    return ", ".join(said)
