"""console: how durations are told."""

from __future__ import annotations

from cpatch.base import console


def test_time_left() -> None:
    assert console.about(42) == "42 s"
    assert console.about(600) == "10 min"
    assert console.about(3 * 3600 + 300) == "3 h 05 min"
