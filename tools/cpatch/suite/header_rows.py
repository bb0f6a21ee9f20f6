"""Rows of headers in a leg of ``test``: counted, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Iterable

from cpatch.headers import page, session
from cpatch.suite.result import Result


def add(rows: Iterable[session.Result], result: Result) -> None:
    """Run the rows, and add what became of them to a leg's result."""
    passed, failed, skipped = page.tally(rows)
    result.passed += passed
    result.failed += len(failed)
    result.skipped += len(skipped)
    result.notes += [f"skipped: {name}: {why}" for name, why in skipped.items()]
    for name, lines in failed.items():
        result.tell_failed(name, lines)
