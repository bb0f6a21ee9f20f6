"""battery: toys that are run again, the report, and the programs of the repository."""

from __future__ import annotations

import ast
import sys
import textwrap
from pathlib import Path

import benchtoy
import pytest
from buildtoy import make_toy
from cpatch import cli
from cpatch.exits import battery as packages
from cpatch.exits import differences, programs, report
from cpatch.exits.differences import DIFFERS, SAME, STATED, Difference, Verdict
from cpatch.exits.programs import MODES, Program
from cpatch.measuring import interpreters
from cpatch.measuring.interpreters import Side

HOME = Path(__file__).parents[2] / "exitpackages"


def program(tmp_path: Path, text: str, doc: str = "Does it.") -> Program:
    path = tmp_path / "programs" / "toy_it.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'"""{doc}"""\n' + textwrap.dedent(text))
    return programs.load(path.parent)["toy_it"]


def battery(tmp_path: Path, patched: Path, rows: list[Difference]) -> packages.Battery:
    pythons = {("stock", "main"): Path(sys.executable), ("patched", "main"): patched}
    place = packages.Place(tmp_path / "results")
    return packages.Battery(pythons, tmp_path, 20.0, place, rows)


def counted(tmp_path: Path) -> int:
    return len((tmp_path / "runs").read_text())


def test_a_battery_continues_and_runs_stock_again_for_what_varies(tmp_path: Path) -> None:
    text = textwrap.dedent(f"""
        import os
        with open({str(tmp_path / "runs")!r}, "a") as stream:
            stream.write("x")
        if os.environ.get("PACKS_CALL"):
            print("more")
        """)
    made = program(tmp_path, text)
    here = battery(tmp_path, Path(sys.executable), [])
    assert here.judge(made, "off").kind == SAME
    assert counted(tmp_path) == 2
    assert here.judge(made, "call").lines == ("+ stdout: more",)
    assert counted(tmp_path) == 2 + 1 + (packages.STOCK_RUNS - 1)
    assert here.judge(made, "call").kind == DIFFERS
    assert counted(tmp_path) == 2 + packages.STOCK_RUNS
    changed = program(tmp_path, text + "\n# changed")
    assert here.judge(changed, "off").kind == SAME
    assert counted(tmp_path) == 4 + packages.STOCK_RUNS


def test_another_status_is_not_tried_again(tmp_path: Path) -> None:
    made = program(tmp_path, 'import os, sys; sys.exit(bool(os.environ.get("PACKS_CALL")))')
    here = battery(tmp_path, Path(sys.executable), [])
    assert here.judge(made, "call").lines == ("+ status: 1", "- status: 0")
    assert len(here.place.read(made, "stock")) == 1


def test_the_verb_runs_keeps_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toy = make_toy(tmp_path / "toy", monkeypatch)
    home = toy.root / "tools" / "exitpackages"
    home.mkdir(parents=True)
    program(home, 'import os; print(bool(os.environ.get("PACKS_CALL")))')
    (home / "differences.toml").write_text("")
    sides = [Side(**{**benchtoy.side(w), "python": sys.executable}) for w in ("stock", "patched")]
    pythons = {(name, "main"): Path(sys.executable) for name in ("stock", "patched")}
    monkeypatch.setattr(interpreters, "pair", lambda *args, **more: ("given", *sides))
    monkeypatch.setattr(packages, "prepare", lambda *args: (pythons, ["toy==1"], tmp_path))
    assert toy.run("packages") == 4
    said = capsys.readouterr()
    assert "1 of 3 runs differ from stock's" in said.err
    (report_file,) = (toy.project.results / "packages").glob("*/report.md")
    assert "toy_it" in report_file.read_text()
    assert len(list(report_file.parent.glob("toy_it.*.json"))) == 4
    assert toy.run("packages", "--mode", "default", "--fresh") == 0


def test_the_report_shows_what_differs_and_what_is_stated(tmp_path: Path) -> None:
    made = program(tmp_path, "")
    rows = {
        made: {
            "default": Verdict(SAME),
            "off": Verdict(STATED, (), ("It is so.",)),
            "call": Verdict(DIFFERS, tuple(f"+ stdout: {n}" for n in range(30))),
        }
    }
    side = Side("stock", "python", "9.8", "tree", "binary", "cc", {})
    text = report.render(rows, {"stock": side}, ["toy==1"], "release")
    assert "| toy_it | same | stated | **differs** |" in text
    assert "+ stdout: 24\n(5 more)" in text
    assert "- It is so. Seen in: toy_it (off)." in text
    assert "1 differs, 1 same, 1 stated" in text
    assert report.line(made, rows[made]).endswith("call differs")


def test_every_program_is_documented_marks_the_call_and_is_installed() -> None:
    found = programs.load(HOME / "programs")
    assert len(found) >= 50
    for each in found.values():
        text = each.path.read_text()
        assert text.count("# here\n") == 1, each.name
        assert each.about.endswith("."), each.name
        assert (HOME / f"requirements-{each.venv}.txt").exists()
        ast.parse(text)


def test_every_stated_difference_names_a_program() -> None:
    names = list(programs.load(HOME / "programs"))
    for row in differences.load(HOME / "differences.toml"):
        for pattern in row.programs:
            assert any(
                Difference((pattern,), row.modes, row.part, (), (), "").concerns(
                    name, row.modes[0], row.part
                )
                for name in names
            ), pattern
        assert set(row.modes) <= set(MODES)


def test_requirements_are_pinned() -> None:
    for path in HOME.glob("requirements-*.txt"):
        for line in path.read_text().splitlines():
            name, _, version = line.partition("==")
            assert name, path
            assert version, path


def test_list_and_wrong_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["packages", "--list", "--only", "gevent"]) == 0
    assert "gevent_suspended" in capsys.readouterr().out
    assert cli.run(["packages", "--only", "nothing-like-it"]) == 2
    assert cli.run(["packages", "--mode", "odd"]) == 2
