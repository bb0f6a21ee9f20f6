"""console: how durations are told."""

from __future__ import annotations

import pytest
from cpatch.base import console
from cpatch.base.errors import CpatchError


def test_commands_name_a_pin_that_is_not_the_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_pin", "")
    error = CpatchError("moved", fix="git stash; make refresh; make test PIN=9.7")
    assert "make refresh;" in error.render()
    console.set_pin("9.9")
    assert error.render().endswith("git stash; make refresh PIN=9.9; make test PIN=9.7")
    assert console.typed("make packages ARGS=--list") == "make packages PIN=9.9 ARGS=--list"
    console.field("next", "make test, or make install PREFIX=/some/dir")
    console.say("took     what make test took")
    console.say("tree     build/x   next: make build TREE=stock")
    assert capsys.readouterr().out.splitlines() == [
        "next     make test PIN=9.9, or make install PIN=9.9 PREFIX=/some/dir",
        "took     what make test took",
        "tree     build/x   next: make build PIN=9.9 TREE=stock",
    ]
    console.set_pin(None)
    assert console.typed("make refresh") == "make refresh"


def test_time_left() -> None:
    assert console.about(42) == "42 s"
    assert console.about(600) == "10 min"
    assert console.about(3 * 3600 + 300) == "3 h 05 min"
