"""headers: two runs of a pin do not make and remove each other's environments and crates."""

from __future__ import annotations

from pathlib import Path

import pytest
from buildtoy import locked, make_toy
from cpatch.headers import session


def test_one_run_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = make_toy(tmp_path / "toy", monkeypatch)
    home = session.place(toy.project, toy.pin)
    seen = []

    def load_table(_: object) -> None:
        seen.append(locked(home))
        raise InterruptedError

    monkeypatch.setattr(session, "load_table", load_table)
    with pytest.raises(InterruptedError):
        session.every(toy.project, toy.pin, 1)
    assert seen == [True]
    assert not locked(home)
