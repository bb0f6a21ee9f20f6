"""clean: what is named goes, and nobody's work does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from buildtoy import Toy, make_toy
from cpatch.verbs import clean


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    return make_toy(tmp_path / "p", monkeypatch)


class TestClean:
    def test_removes_what_is_named(self, toy: Toy) -> None:
        assert toy.run("build") == 0
        toy.project.cache.mkdir()
        assert toy.run("clean", "obj", "logs") == 0
        assert not toy.obj().exists()
        assert not toy.project.logs(toy.pin).exists()
        assert toy.project.cache.exists()
        assert toy.source().exists()

    @pytest.fixture
    def measured(self, toy: Toy) -> Path:
        """What bench leaves behind; returns its results."""
        (toy.project.bench(toy.pin) / "inst").mkdir(parents=True)
        for name, pin in (("mine", toy.pin.branch), ("other", "1.2")):
            (toy.project.results / name).mkdir(parents=True)
            (toy.project.results / name / "run.json").write_text(json.dumps({"pin": pin}))
        return toy.project.results

    def test_bench_is_a_part_and_results_are_another(self, toy: Toy, measured: Path) -> None:
        assert toy.run("clean", "bench") == 0
        assert not toy.project.bench(toy.pin).exists()
        assert (measured / "mine").exists()
        assert toy.run("clean", "results") == 0
        assert not measured.exists()
        assert toy.source().exists()

    def test_results_of_one_pin(self, toy: Toy, measured: Path) -> None:
        assert toy.run("clean", "--pin", toy.pin.branch, "results") == 0
        assert [path.name for path in measured.iterdir()] == ["other"]

    def test_only_results_removes_results(self, toy: Toy, measured: Path) -> None:
        (toy.project.build / ".lock").touch()
        parts = [part for part in clean.PARTS if part != "results"]
        assert toy.run("clean", "--force", *parts) == 0
        assert list(toy.project.build.iterdir()) == [measured]
        assert len(list(measured.glob("*/run.json"))) == 2

    def test_all_and_results_is_everything(self, toy: Toy, measured: Path) -> None:
        assert toy.run("clean", "--force", "all", "results") == 0
        assert not toy.project.build.exists()

    @pytest.mark.parametrize("parts", [(), ("everything",)])
    def test_wants_a_known_name(
        self, toy: Toy, parts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert toy.run("clean", *parts) == 2
        assert "obj: objects" in capsys.readouterr().err

    @pytest.mark.parametrize("part", ["trees", "all"])
    def test_refuses_to_remove_work(
        self, toy: Toy, part: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # The toy's tree was not made by apply: nobody knows what is in it.
        assert toy.run("clean", part) == 1
        assert "no patch yet" in capsys.readouterr().err
        assert toy.source().exists()
        assert toy.run("clean", part, "--force") == 0
        assert not toy.source().exists()
