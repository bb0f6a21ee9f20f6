"""What one leg of ``test`` came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cpatch.suite import expected


@dataclass
class Result:
    """One row of the summary.

    ``notes`` are printed above the table. ``matters`` is printed there and once more below it, for
    whoever sees the last lines only: what failed, what passed only when run again (its name is in
    ``flaky``), and what did not run.
    """

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    matters: list[str] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)
    verdict: expected.Verdict | None = None

    def tell_failed(self, what: str, lines: Iterable[str] = ()) -> None:
        """Have a failure named, with lines about it; nothing is counted."""
        self.matters += [f"FAILED: {what}", *_indented(lines)]

    def tell_flaky(self, case: str, lines: Iterable[str] = ()) -> None:
        """Have a test named that failed, and passed when it ran again; nothing is counted."""
        self.flaky.append(case)
        said = f"flaky: {case} failed once and passed when run again"
        self.matters += [said, *_indented(lines)]

    def add(self, other: Result, name: str) -> None:
        """Add what another one counted and told; each of its lines begins with *name*."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.notes += [f"{name}: {note}" for note in other.notes]
        self.matters += [f"{name}: {line}" for line in other.matters]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
