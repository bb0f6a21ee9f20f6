"""headers: what is read from the table and from compilers, and what counts as a difference."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from buildtoy import fake_program, make_toy
from cpatch.base import tables
from cpatch.base.errors import CpatchError
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.headers import building, judging, layouts, page, session, table
from cpatch.headers.building import Built, Interpreter
from cpatch.headers.judging import Outcome, Run
from cpatch.headers.table import Difference, Group, Row, Table

ROOT = Path(__file__).parents[3]
GROUP = Group("C", ("gcc",), {"C99": ["-std=c99"]}, source="work.c")
ROW = Row(GROUP, "gcc", "C99")
GOOD = Built(True, {"a.c: warning: old": 1}, "")
DOES = [{"counts": [1, 0]}, {"counts": [1, 0]}]
RUNS = {who: Run(0, DOES) for who in judging.WHO}
SAME = Outcome(ROW, "", dict.fromkeys(judging.SETS, GOOD), dict.fromkeys(judging.SETS, RUNS))


def patched(built: Built = GOOD, **runs: Run) -> Outcome:
    """Return a row whose patched headers gave something else."""
    return replace(
        SAME,
        built={"stock": GOOD, "patched": built},
        runs={"stock": RUNS, "patched": {**RUNS, **runs}},
    )


def test_the_projects_table_is_read() -> None:
    known = table.load(ROOT / "tools" / "headers" / "rows.toml")
    for branch in load_pins(Project(ROOT, ROOT / "build")).table:
        rows = known.rows(branch, quick=False)
        assert len({(row.group.title, row.name) for row in rows}) == len(rows)
        assert {"gcc", "clang", "tcc", "g++", "clang++"} <= {row.compiler for row in rows}
        quick = known.rows(branch, quick=True)
        assert sum(bool(row.group.broken) for row in quick) == 3
        assert {row.group.tool for row in quick} == {"", "structures"}
    sources = ROOT / "tools" / "headers" / "sources"
    controls = ROOT / "tools" / "headers" / "controls"
    for group in known.groups:
        assert group.tool or (sources / group.source).exists()
        if group.broken:
            assert {each.name for each in controls.iterdir()} == set(group.variants)


@pytest.mark.parametrize(
    "text",
    [
        'title = "A"\ncompilers = []\nvariants = {}',
        'title = "A"\ncompilers = []\nvariants = {}\nsource = "a.c"\nquick = ["no"]',
        'title = "A"\ncompilers = []\nvariants = {}\nsource = "a.c"\ncolour = "red"',
        'title = "A"\ncompilers = []\nvariants = {a = []}\nsource = "a.c"\nbroken = {b = "c"}',
    ],
)
def test_an_entry_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.toml"
    path.write_text(f"[[group]]\n{text}\n")
    with pytest.raises(CpatchError, match="A"):
        table.load(path)


def test_complaints_are_compared_without_lines_and_folders() -> None:
    text = (
        "In file included from /x/stock/Include/Python.h:44:\n"
        "/x/stock/Include/object.h:12:5: warning: old [-Wold]\n"
        "/x/stock/Include/object.h:99:1: warning: old [-Wold]\n"
        "/y/venv/a.hpp:3: warning: other\n"
        "work.c:1: fatal error: no\n"
        "/usr/bin/ld: warning: /tmp/cc123.o: odd\n"
    )
    assert building.complaints(text, ["/x/stock/Include"]) == Counter(
        {
            "object.h: warning: old [-Wold]": 2,
            "a.hpp: warning: other": 1,
            "work.c: fatal error: no": 1,
            "ld: warning: FILE odd": 1,
        }
    )


def test_what_is_the_same_is_no_difference() -> None:
    assert judging.told(SAME) == []
    assert page.tally([session.Result(SAME, judging.judge(SAME, [], "9.8"))]) == (1, {}, {})


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (
            patched(Built(True, {"a.c: warning: old": 2}, "")),
            "a.c: warning: old (+1)",
        ),
        (
            patched(Built(False, {"a.h: error: no": 1}, "")),
            "does not compile: a.h: error: no",
        ),
        (
            patched(stock=Run(0, [DOES[0], {"counts": [1, 1]}])),
            "patched headers on stock: counts: [1, 1] (stock: [1, 0])",
        ),
        (
            patched(call=Run(-11, said="Fatal Python error\n")),
            "patched headers on call: ended with -11: Fatal Python error",
        ),
        (
            replace(
                SAME,
                built={
                    "stock": replace(GOOD, structures={"a": "8 (x 0)"}),
                    "patched": replace(GOOD, structures={"a": "16 (y 0, x 8)", "b": "1 ()"}),
                },
            ),
            "a moved: 16 (y 0, x 8) (stock: 8 (x 0))",
        ),
        (
            patched(call=Run(0, DOES, 0, "odd\n")),
            "patched headers on call: said 'odd' (stock: '')",
        ),
        (
            replace(SAME, built=dict.fromkeys(judging.SETS, Built(False, {}, "no such\n"))),
            "neither compiles: no such",
        ),
    ],
)
def test_each_difference_is_told(outcome: Outcome, line: str) -> None:
    assert judging.told(outcome) == [line]
    verdict = judging.judge(outcome, [], "9.8")
    assert page.tally([session.Result(outcome, verdict)]) == (0, {"C: gcc C99": [line]}, {})
    why = Difference(
        "C", ("gcc *",), (line.replace("[", "?")[:20] + "*",), cause="Because.", pins=("9.9",)
    )
    assert judging.judge(outcome, [why], "9.9").known == ((line, why),)
    assert judging.judge(outcome, [why], "9.8").lines == (line,)


def test_a_header_that_is_broken_on_purpose_has_to_be_found() -> None:
    wanted = "patched headers on call: counts: *"
    broken = Row(replace(GROUP, broken={"C99": wanted}), "gcc", "C99")
    found = patched(call=Run(0, [DOES[0], {"counts": [1, 1]}]))
    assert judging.judge(replace(found, row=broken), [], "9.8") == judging.Verdict()
    missed = f"broken on purpose, and not told: {wanted}"
    assert judging.judge(replace(SAME, row=broken), [], "9.8").lines == (missed,)
    # Something else that is told does not show that this would be.
    neither = replace(SAME, built=dict.fromkeys(judging.SETS, Built(False, {}, "no gcc\n")))
    for other in (neither, patched(call=Run(1, said="no module\n"))):
        lines = judging.judge(replace(other, row=broken), [], "9.8").lines
        assert lines == (missed, *judging.told(other))


def test_layouts_that_nobody_read_are_not_the_same() -> None:
    row = Row(replace(GROUP, source="", tool="structures", loads=False), "gcc", "C99")
    empty = replace(SAME, row=row)
    assert judging.told(empty) == ["no structure was read of stock's headers"]
    read = replace(GOOD, structures={"a": "8 (x 0)"})
    assert judging.told(replace(empty, built=dict.fromkeys(judging.SETS, read))) == []
    one = {"stock": read, "patched": GOOD}
    assert judging.told(replace(empty, built=one)) == ["a moved: gone (stock: 8 (x 0))"]


# What the headers in controls/ gave on an interpreter, by GCC 12 and by a newer one.
@pytest.mark.parametrize(
    ("variant", "line"),
    [
        ("leaks", "patched headers on patched: results: [1000, 0] (stock: [1000, 1000])"),
        (
            "warns",
            "Python.h: warning: comparison of integer expressions of different signedness: "
            "'int' and 'long unsigned int' [-Wsign-compare] (+1)",
        ),
        (
            "refuses",
            "Python.h: warning: implicit declaration of function 'asm' "
            "[-Wimplicit-function-declaration] (+1)",
        ),
        (
            "refuses",
            "does not compile: Python.h: error: implicit declaration of function 'asm' "
            "[-Wimplicit-function-declaration]",
        ),
    ],
)
def test_the_controls_name_what_they_give(variant: str, line: str) -> None:
    known = table.load(ROOT / "tools" / "headers" / "rows.toml")
    (group,) = (group for group in known.groups if group.broken)
    assert tables.matches(line, [group.broken[variant]])


@pytest.mark.skipif(not shutil.which("cc"), reason="no compiler")
def test_layouts_are_read_from_debugging_information(tmp_path: Path) -> None:
    source = (
        "typedef struct { char a; union { int b; long c; }; struct { short d, e; } f; } one;\n"
        "struct two { unsigned g : 3, h : 5; struct two *next; };\n"
    )
    found = []
    for text in (source, source.replace("d, e", "e, d")):
        (tmp_path / "all.c").write_text(text)
        flags = ["-g", "-fno-eliminate-unused-debug-types", "-c", "all.c"]
        subprocess.run(["cc", *flags], cwd=tmp_path, check=True)
        found.append(layouts.structures(tmp_path / "all.o"))
    assert set(found[0]) == {"one", "structure two"}
    one = "24 (a 0,  8 8 (b 0, c 0), f 16 4 (d 0, e 2))"
    assert found[0]["one"] == one
    assert found[1]["one"] == one.replace("d 0, e 2", "e 0, d 2")
    assert found[0]["structure two"].startswith("16 (g 0, h 3, next 8")


def test_what_is_not_here_is_skipped_and_said(tmp_path: Path, monkeypatch) -> None:
    toy = make_toy(tmp_path / "toy", monkeypatch)
    both = {name: Interpreter(name, Path(sys.executable), ()) for name in judging.SETS}
    rows = [
        Row(GROUP, "no-such-compiler", "C99"),
        Row(replace(GROUP, source="", tool="cython"), "sh", "C99"),
        Row(replace(GROUP, source="", tool="pip"), "", "C99"),
    ]
    found = session.Session(toy.project, toy.pin, 1, Table((GROUP,)), both).rows(rows)
    assert page.tally(found) == (
        0,
        {},
        {
            "C: no-such-compiler C99": "no no-such-compiler here",
            "C: sh C99": "no cython here",
            "C: C99": "no environment with setuptools and maturin",
        },
    )


def test_a_row_is_built_and_loaded_by_both(tmp_path: Path, monkeypatch) -> None:
    """With a compiler that writes Python, and headers that make it write something else."""
    toy = make_toy(tmp_path / "toy", monkeypatch)
    shutil.copytree(ROOT / "tools" / "headers", toy.root / "tools" / "headers")
    compiler = (
        'for last; do case "$last" in -I*broken) echo "a.h:1: warning: new" >&2; what=3;; esac; '
        'done; printf "def ways(obj):\\n return ${what:-2}\\n" > "${last%.so}.py"'
    )
    programs = tmp_path / "bin"
    programs.mkdir()
    fake_program(programs, "toycc", compiler)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    python = tmp_path / "python"
    python.write_text(
        f"#!{sys.executable}\nimport gc, runpy, sys\n"
        "gc.immortalize_heap = lambda: None\ndel sys.argv[0]\n"
        'runpy.run_path(sys.argv[0], run_name="__main__")\n'
    )
    python.chmod(0o755)
    lines = []
    for folder in ("whole", "broken"):
        both = {
            "stock": Interpreter("stock", python, (tmp_path / "stock",)),
            "patched": Interpreter("patched", python, (tmp_path / folder,)),
        }
        job = session.Session(toy.project, toy.pin, 2, Table((GROUP,)), both)
        (result,) = job.rows([Row(GROUP, "toycc", "C99")])
        lines.append(result.verdict.lines)
    ran = [f"patched headers on {who}: ways: 3 (stock: 2)" for who in judging.WHO]
    assert lines == [(), ("a.h: warning: new (+1)", *ran)]


def record(**changes: object) -> dict[str, object]:
    """Return what is kept of a run."""
    side = {"tree_id": "c" * 40, "flags": {}}
    row = session.record_of(session.Result(SAME, judging.Verdict()))
    return {
        "pin": "9.8",
        "begun": "2026-01-01",
        "sides": {"stock": side, "patched": side},
        "programs": {"gcc": "gcc 12"},
        "packages": ["cffi==2"],
        "rows": [{**row, **changes}],
    }


@pytest.mark.parametrize(
    ("changes", "cells"),
    [
        ({}, "| C | C99 | gcc | |"),
        ({"lines": ["one", "two"]}, "| C | C99 | | gcc: **2 lines** |"),
        ({"known": [["neither compiles: x", "Why."]]}, "| C | C99 | | gcc: neither compiles (1) |"),
        ({"skipped": "no gcc here"}, "| C | C99 | | gcc: not run, no gcc here |"),
        ({"broken": True}, "| C | C99 | | found |"),
    ],
)
def test_the_page_has_a_line_for_each(changes: dict[str, object], cells: str) -> None:
    text = page.report(record(**changes))
    assert cells in text.splitlines()
    assert ("(1) Why." in text) == ("known" in changes)


def test_a_record_comes_back_and_is_put_on_the_page(tmp_path: Path) -> None:
    path = session.write(record(), tmp_path / "run")
    first = path.read_bytes()
    found = session.read(tmp_path / "run")
    assert found["rows"][0]["complaints"]["stock"] == {"a.c: warning: old": 1}
    assert session.write(found, tmp_path / "run").read_bytes() == first
    empty = "a\n<!-- 9.8: written by make results -->\n<!-- 9.8: end -->\nb\n"
    once = page.put(empty, found, "NAME")
    assert "(../results/NAME/report.md)" in once
    assert page.put(once, found, "NAME") == once
    assert page.put("no marks", found, "NAME") == "no marks"
