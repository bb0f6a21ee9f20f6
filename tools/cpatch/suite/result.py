"""What one leg of ``test`` came to."""

from __future__ import annotations

from dataclasses import dataclass, field

from cpatch.suite import expected


@dataclass
class Result:
    """One row of the summary. ``notes`` are printed above the table; failures below it, too."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    verdict: expected.Verdict | None = None
