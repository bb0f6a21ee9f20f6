"""setups: command lines and files of each server."""

from __future__ import annotations

from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.servers import running, setups
from cpatch.servers.setups import SETUPS, Start


def test_command_lines(tmp_path: Path) -> None:
    start = Start(
        python=tmp_path / "bin/python", home=tmp_path, scratch=tmp_path / "s",
        lines=tmp_path / "s/served.py", port=4711, workers=8, requests=5, entries=6, seed=7,
        output=tmp_path / "out",
    )  # fmt: skip
    for setup in SETUPS.values():
        words = [str(word) for word in setup.serve(start)]
        assert words[0].startswith(str(tmp_path / "bin"))
        assert "8" in words
        assert any("4711" in word for word in words) == (setup.load is None)
    assert "--preload" in SETUPS["django"].serve(start)
    load = running.load_command(start, 16, 60)
    assert [str(word) for word in load[3:]] == [
        "4711",
        "5",
        "16",
        "6",
        "7",
        "60",
        f"{start.output}",
    ]


def test_every_setup_has_its_files() -> None:
    project = Project.find()
    for setup in SETUPS.values():
        home = project.root / "tools" / "servers" / setup.home
        text = (home / setup.requirements).read_text()
        rows = [row for row in text.splitlines() if row and not row.startswith("#")]
        assert all(row.count("==") == 1 for row in rows), "exact pins"
        assert setups.digest(project, setup)


def test_an_unknown_setup_is_named() -> None:
    with pytest.raises(CpatchError, match="no such setup: apache") as caught:
        setups.get("apache")
    assert "django" in (caught.value.wanted or "")
