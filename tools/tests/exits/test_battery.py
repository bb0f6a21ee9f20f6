"""The verb packages: running, normalising, comparing; programs of a few lines, no packages."""

from __future__ import annotations

import ast
import json
import sys
import textwrap
import time
from pathlib import Path

import pytest
from cpatch import cli
from cpatch.base.errors import CpatchError
from cpatch.exits import battery as packages
from cpatch.exits import differences, programs, report
from cpatch.exits.differences import DIFFERS, SAME, STATED, Difference, Verdict
from cpatch.exits.programs import HANGS, MODES, Outcome, Program
from cpatch.measuring.interpreters import Side

HOME = Path(__file__).parents[2] / "exitpackages"


def program(tmp_path: Path, text: str, doc: str = "Does it.") -> Program:
    path = tmp_path / "programs" / "toy_it.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'"""{doc}"""\n' + textwrap.dedent(text))
    return programs.load(path.parent)["toy_it"]


def go(tmp_path: Path, text: str, mode: str = "default", *, seconds: float = 20.0) -> Outcome:
    made = program(tmp_path, text)
    return programs.run(made, Path(sys.executable), mode, native=tmp_path, seconds=seconds)


def outcome(status: int | str = 0, out: str = "", err: str = "", **files: int) -> Outcome:
    return Outcome(status, out, err, files)


def stated(part: str, added: str = "-", lost: str = "-") -> Difference:
    return Difference(("toy_*",), ("call",), part, (added,), (lost,), f"for {part}")


# --- one run


def test_a_run_tells_status_streams_and_files(tmp_path: Path) -> None:
    found = go(
        tmp_path,
        """
        import os, sys
        print("out", object(), os.getcwd())
        print("err", file=sys.stderr)
        open("left.txt", "w").write("12345")
        sys.exit(3)
        """,
    )
    assert found.status == 3
    assert found.stdout == "out <object object at 0xADDRESS> SCRATCH\n"
    assert found.stderr == "err\n"
    assert found.files == {"left.txt": 5}
    assert Outcome.of_json(json.loads(json.dumps(found.as_json()))) == found


def test_modes_reach_the_program_and_its_children(tmp_path: Path) -> None:
    text = """
        import os, sys
        print(sys._xoptions, os.environ.get("PYTHONIMMORTALHEAP"), os.environ.get("PACKS_CALL"))
        """
    assert [go(tmp_path, text, mode).stdout.strip() for mode in MODES] == [
        "{} None None",
        "{'immortal_heap': 'off'} 0 None",
        "{} None immortalize_heap",
    ]


def test_a_hang_is_killed_with_its_children(tmp_path: Path) -> None:
    text = f"""
        import subprocess, sys, time
        print("begun", flush=True)
        code = "import time; time.sleep(1.5); open({str(tmp_path / "survived")!r}, 'w')"
        subprocess.run([sys.executable, "-c", code])
        """
    found = go(tmp_path, text, seconds=0.7)
    assert (found.status, found.stdout) == (HANGS, "begun\n")
    time.sleep(1.5)
    assert not (tmp_path / "survived").exists()


def test_a_signal_is_a_status(tmp_path: Path) -> None:
    assert go(tmp_path, "import os; os.abort()").status == -6


def test_tracebacks_are_the_same_with_and_without_source() -> None:
    with_source = 'T:\n  File "/a/lib/python3.11/b.py", line 5, in f\n    g()\n    ^^^\nE: x\n'
    without = 'T:\n  File "/c/Lib/b.py", line 6, in f\nE: x\n'
    found = programs.normalise(with_source, {})
    assert found == programs.normalise(without, {})
    assert found == 'T:\n  File "LIB/b.py", line NUMBER, in f\nE: x\n'


def test_numbers_that_mean_something_stay() -> None:
    text = "3 of 500 rows, exit 120\n"
    assert programs.normalise(text, {}) == text


def test_settings_are_read_and_unknown_ones_refused(tmp_path: Path) -> None:
    made = program(tmp_path, "", "Does\nit.\n\nvenv: old\nfiles: names\n")
    assert (made.about, made.venv, made.files) == ("Does it.", "old", "names")
    with pytest.raises(CpatchError, match="unknown setting 'files: none'"):
        program(tmp_path, "", "Does it.\n\nfiles: none\n")


# --- comparing


def judge(stock: Outcome | list[Outcome], found: Outcome, *rows: Difference) -> Verdict:
    many = stock if isinstance(stock, list) else [stock]
    return differences.judge("toy_it", "call", many, found, rows)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (outcome(1, "a\n", "b\n", f=1), "+ status: 1"),
        (outcome(0, "", "b\n", f=1), "- stdout: a"),
        (outcome(0, "a\n", "b\nb\n", f=1), "+ stderr: b"),
        (outcome(0, "a\n", "b\n", f=0), "+ files: f 0"),
        (outcome(0, "a\n", "b\n"), "- files: f 1"),
    ],
)
def test_each_part_is_compared(found: Outcome, line: str) -> None:
    verdict = judge(outcome(0, "a\n", "b\n", f=1), found)
    assert verdict.kind == DIFFERS
    assert line in verdict.lines
    assert not verdict.good


def test_order_counts() -> None:
    verdict = judge(outcome(0, "a\nb\n"), outcome(0, "b\na\n"))
    assert (verdict.kind, verdict.lines) == (
        DIFFERS,
        ("  stdout: the same lines in another order",),
    )


def test_any_outcome_of_stock_will_do() -> None:
    assert judge([outcome(0, "a"), outcome(0, "b")], outcome(0, "b")).kind == SAME


def test_what_is_stated_is_no_difference_and_its_reason_is_told() -> None:
    verdict = judge(outcome(0, "a\n"), outcome(0, "a\nmore 7\n"), stated("stdout", r"more \d"))
    assert (verdict.kind, verdict.reasons) == (STATED, ("for stdout",))
    assert judge(outcome(0, "a\n"), outcome(0, "\n"), stated("stdout", "|b", "a")).kind == STATED


def test_what_is_stated_covers_no_other_line_part_mode_or_program() -> None:
    row = stated("stdout", "more")
    assert judge(outcome(), outcome(0, "more\nelse\n"), row).lines == ("+ stdout: else",)
    assert judge(outcome(), outcome(0, "", "more\n"), row).kind == DIFFERS
    assert judge(outcome(0, "more"), outcome(), row).kind == DIFFERS
    for name, mode in (("toy_it", "off"), ("else_it", "call")):
        found = differences.judge(name, mode, [outcome()], outcome(0, "more\n"), [row])
        assert found.kind == DIFFERS


def test_a_hang_is_never_the_same() -> None:
    assert judge(outcome(HANGS), outcome(HANGS)).kind == HANGS


def test_a_status_cannot_be_stated(tmp_path: Path) -> None:
    path = tmp_path / "differences.toml"
    path.write_text('[[difference]]\nprograms = ["*"]\npart = "status"\nreason = "r"\n')
    with pytest.raises(CpatchError, match="is no difference"):
        differences.load(path)
    path.write_text('[[difference]]\nprograms = ["*"]\npart = "stderr"\n')
    with pytest.raises(CpatchError, match="is no difference"):
        differences.load(path)


# --- a battery of toys


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


# --- what is in the repository


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
