"""session: children and their environment."""

from __future__ import annotations

from cowaudit import session


def test_exit_status_of_nobody() -> None:
    assert session.exit_status(2**22 + 1) == 0


def test_environment_keeps_what_the_user_says() -> None:
    assert session.environment({"A": "1"}) == {"A": "1", "PYTHONHASHSEED": "0"}
    assert session.environment({"PYTHONHASHSEED": "random"}) == {"PYTHONHASHSEED": "random"}
