"""freshness: which prints a path only while it is what the repository says."""

from __future__ import annotations

from pathlib import Path

import pytest
from buildtoy import Toy, make_toy
from cpatch.building import freshness
from cpatch.series import apply


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    return make_toy(tmp_path / "p", monkeypatch)


class TestWhich:
    @pytest.fixture(autouse=True)
    def _fresh(self, monkeypatch: pytest.MonkeyPatch, toy: Toy) -> None:
        monkeypatch.setattr(freshness, "standing", toy.ensure_tree)

    def test_prints_the_path_and_nothing_else(
        self, toy: Toy, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert toy.run("build") == 0
        capsys.readouterr()
        assert toy.run("which") == 0
        assert capsys.readouterr() == (f"{toy.obj() / 'python'}\n", "")

    def test_not_built(self, toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
        assert toy.run("which", "--tree", "stock") == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "stock release of 9.8 is not built" in captured.err
        assert "make build TREE=stock FLAVOR=release" in captured.err

    def test_stale(self, toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
        assert toy.run("build") == 0
        toy.edit("a.c", "a2\n")
        capsys.readouterr()
        assert toy.run("which") == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "out of date" in captured.err

    def test_uncommitted_edits(
        self, toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        edited = apply.Tree("c" * 40, "b" * 40, toy.source(), dirty=("a.c",))
        for module, name in ((apply, "ensure_tree"), (freshness, "standing")):
            monkeypatch.setattr(module, name, lambda project, pin, tree: edited)
        assert toy.run("build") == 0
        assert "with uncommitted edits" in capsys.readouterr().out
        assert toy.run("which") == 0
        (toy.source() / "a.c").write_text("edited again\n")
        assert toy.run("which") == 1
        assert toy.run("build") == 0
        assert toy.lines("log.compiled") == ["a", "b", "a"]
        assert toy.run("which") == 0

    def test_changed_inputs(
        self, toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert toy.run("build") == 0
        monkeypatch.setattr(freshness, "standing", lambda project, pin, tree: None)
        assert toy.run("which") == 1
        assert "the overlay, the series or the pin changed" in capsys.readouterr().err
