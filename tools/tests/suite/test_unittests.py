"""unittest's endings: what they count, and what counts although they say OK."""

from __future__ import annotations

import pytest
from cpatch.suite import unittests

RAN = "...\n-----\nRan 13 tests in 10.1s\n\n"
CRASH = "Fatal Python error: Segmentation fault\n"


@pytest.mark.parametrize(
    ("end", "counts"),
    [
        ("OK\n", (13, 0, 0)),
        ("OK (skipped=1)\n", (12, 0, 1)),
        ("FAILED (failures=2, errors=1, skipped=1)\n", (9, 3, 1)),
        ("FAILED (unexpected successes=2)\n", (11, 2, 0)),
        ("printed by a child\nOK\n", (13, 0, 0)),
    ],
)
def test_totals_are_unittests_own(end: str, counts: tuple[int, int, int]) -> None:
    assert unittests.totals(RAN + end, ok="OK" in end) == counts


def test_a_failure_before_any_test_counts() -> None:
    text = "stockabi.c:1: error\nRan 0 tests in 0.1s\n\nFAILED (errors=1)\n"
    assert unittests.totals(text, ok=False) == (0, 1, 0)
    assert unittests.totals("Ran 0 tests in 0.1s\n\nNO TESTS RAN\n", ok=True) == (0, 1, 0)


def test_a_crash_is_a_failure() -> None:
    for text in (CRASH, ""):
        assert unittests.totals(text, ok=False) == (0, 1, 0)
        assert unittests.totals(text, ok=True) == (0, 1, 0)
    assert unittests.totals(f"{RAN}OK\n{CRASH}", ok=False) == (13, 1, 0)


def test_several_runs_are_added() -> None:
    two = f"{RAN}FAILED (failures=1)\n{RAN}OK (skipped=3)\n"
    assert unittests.totals(two, ok=False) == (22, 1, 3)
    assert unittests.totals(f"{RAN}OK\n{RAN}OK\n", ok=True) == (26, 0, 0)
