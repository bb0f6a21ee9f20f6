"""variants: what is run, kept and told; nothing is built."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from buildtoy import Toy, make_toy
from cpatch.base.errors import CpatchError
from cpatch.building import build, flavors, make
from cpatch.series import apply
from cpatch.suite import choice, expected, legs, variants, variants_page
from cpatch.suite.variants import Difference, Record


class State:
    """What the made-up builds and tests do."""

    def __init__(self) -> None:
        self.broken: set[tuple[str, str]] = set()
        self.without: set[str] = set()  # flavors whose compiler is not here
        self.failing: list[str] = []
        self.ran: list[str] = []

    def build(self, project, pin, tree, flavor, *, jobs):
        if flavor.name in self.without:
            raise CpatchError("this host lacks what a build needs")
        if (tree, flavor.name) in self.broken:
            raise make.NotBuiltError(f"{tree} {flavor.name}: no\nlast line")
        return SimpleNamespace(compiler="cc 1", settings={"configure": f"--{flavor.name}"})

    def test(self, leg, context):
        self.ran.append(leg.name)
        result = legs.Result(leg.name, passed=3, skipped=1)
        result.verdict = expected.Verdict(self.failing, ["both"], [], [])
        result.tell_flaky("sometimes")
        return result


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = make_toy(tmp_path, monkeypatch)
    tests = made.source() / "Lib" / "test"
    tests.mkdir(parents=True)
    (tests / "test_gc.py").touch()
    (tmp_path / "docs").mkdir()
    page = "# x\n<!-- 9.8: written by make variants -->\nold\n<!-- 9.8: end -->\n"
    (tmp_path / "docs" / "builds.md").write_text(page)
    return made


@pytest.fixture
def state(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> State:
    made = State()
    monkeypatch.setattr(build, "ensure_built", made.build)
    monkeypatch.setattr(legs.Regrtest, "run", lambda leg, context: made.test(leg, context))
    ours = ["test_ours", "test_words", "test_immortal_exit_stuck"]
    monkeypatch.setattr(legs.Context, "ours", lambda context: ours)
    return made


def test_runs_keeps_and_does_not_run_again(toy, state, capsys):
    assert toy.run("variants", "--only", "clang,malloc") == 0
    assert state.ran == ["variant-malloc", "variant-clang"]
    assert "clang" in capsys.readouterr().out
    assert toy.run("variants", "--only", "clang") == 0
    assert len(state.ran) == 2
    assert toy.run("variants", "--only", "clang", "--fresh") == 0
    toy.edit("a.c", "a2\n")
    assert toy.run("variants", "--only", "clang") == 0
    assert len(state.ran) == 4


@pytest.mark.parametrize("what", ["options", "compiler", "environment", "files"])
def test_what_was_asked_for_otherwise_is_run_again(toy, state, monkeypatch, what):
    assert toy.run("variants", "--only", "clang") == 0
    clang, flavor = variants.VARIANTS["clang"], flavors.get("clang")
    if what == "options":
        monkeypatch.setitem(flavors.ODD, "clang", replace(flavor, configure=("--with-it",)))
    elif what == "compiler":
        monkeypatch.setenv("CFLAGS", "-O3")
    elif what == "environment":
        monkeypatch.setitem(variants.VARIANTS, "clang", replace(clang, env={"A": "1"}))
    else:
        monkeypatch.setattr(choice, "LONG", ["test_words"])
    for _ in range(2):
        assert toy.run("variants", "--only", "clang") == 0
    assert state.ran == ["variant-clang"] * 2


def test_a_tree_with_edits_is_its_own_and_is_not_published(toy, state, monkeypatch, capsys):
    assert toy.run("variants", "--only", "clang,musl") == 0
    assert toy.run("variants", "--write") == 0
    first = (toy.root / "docs" / "builds-9.8.json").read_text()
    clean = apply.ensure_tree(toy.project, toy.pin, "patched")
    monkeypatch.setattr(apply, "ensure_tree", lambda *given: replace(clean, dirty=("a.c",)))
    for text in ("edited\n", "edited once more\n", "edited once more\n"):
        (toy.source() / "a.c").write_text(text)
        assert toy.run("variants", "--only", "clang") == 0
    assert state.ran == ["variant-clang", "variant-musl", *["variant-clang"] * 2]
    capsys.readouterr()
    assert toy.run("variants", "--write") == 0
    assert "left out clang: its tree had edits" in capsys.readouterr().out
    assert (toy.root / "docs" / "builds-9.8.json").read_text() == first


def test_a_record_without_a_key_is_run_again_and_what_was_published_stays(toy, state, capsys):
    old = {"name": "clang", "tree": "d" * 40, "compiler": "cc 0", "configure": "", "files": 7}
    old |= {"passed": 5, "skipped": 0, "seconds": 1.0, "differs": [], "both": [], "flaky": []}
    shelf = toy.root / "docs" / "builds-9.8.json"
    shelf.write_text(json.dumps([{**old, "error": ""}]))
    home = variants.home(toy.project, toy.pin)
    home.mkdir(parents=True)
    for name, tree in (("clang", "d" * 40), ("musl", "b" * 40)):
        (home / f"{name}.json").write_text(json.dumps({**old, "name": name, "tree": tree}))
    assert toy.run("variants", "--write") == 0
    said = capsys.readouterr().out
    assert "left out musl" in said
    assert "left out clang" not in said
    assert [(row["name"], row["tree"]) for row in json.loads(shelf.read_text())] == [
        ("clang", "d" * 40)
    ]
    assert (
        "| clang | compiled by clang | dddddddddddd | 7 | 5 | 0 | the same |"
        in (toy.root / "docs" / "builds.md").read_text()
    )
    assert toy.run("variants", "--only", "musl") == 0
    assert state.ran == ["variant-musl"]
    assert toy.run("variants", "--write") == 0
    assert [row["name"] for row in json.loads(shelf.read_text())] == ["clang", "musl"]


def test_what_is_selected(toy, state):
    context = legs.Context(toy.project, toy.pin, 1)
    assert variants.VARIANTS["clang"].selected(context) == ["test_ours", "test_words", "test_gc"]
    assert variants.VARIANTS["arm64"].selected(context) == ["test_words", "test_gc"]
    assert variants.VARIANTS["tsan"].selected(context) == ["test_gc"]


def test_difference_counts_until_it_has_a_cause(toy, state, capsys):
    state.failing = ["test.test_gc.C.test_a"]
    assert toy.run("variants", "--only", "clang") == 4
    said = capsys.readouterr()
    assert "test.test_gc.C.test_a (stock does not fail it)" in said.out
    assert "1 DIFFER" in said.out
    (toy.root / "tools" / "expected").mkdir(parents=True)
    (toy.root / "tools" / "expected" / "variants.toml").write_text(
        '[[difference]]\nvariants = ["clang"]\ntests = ["*.test_a"]\ncause = "So it is."\n'
    )
    assert toy.run("variants", "--only", "clang") == 0
    assert "1 known" in capsys.readouterr().out
    assert toy.run("variants", "--only", "clang", "--write") == 0
    page = (toy.root / "docs" / "builds.md").read_text()
    assert (
        "| clang | compiled by clang | bbbbbbbbbbbb | 3 | 3 | 1 | 1 differ, known; 1 passed alone |"
        in page
    )
    assert "- clang 1: So it is." in page
    assert "- clang: `both`" in page
    assert "Not run yet: debug, tracerefs," in page
    assert "old" not in page


def test_rows_of_another_day_stay(toy, state):
    toy.run("variants", "--only", "musl,clang")
    toy.run("variants", "--write")
    for record in (toy.project.build).rglob("variants/*.json"):
        record.unlink()
    state.failing = ["test.test_gc.C.test_a"]
    assert toy.run("variants", "--only", "clang") == 4
    assert toy.run("variants", "--write") == 0
    page = (toy.root / "docs" / "builds.md").read_text()
    assert "| with musl as the C library | bbbbbbbbbbbb | 3 | 3 | 1 | the same; 1 passed al" in page
    assert (
        "| clang | compiled by clang | bbbbbbbbbbbb | 3 | 3 | 1 | **1 differ**; 1 passed alone |"
        in page
    )
    kept = json.loads((toy.root / "docs" / "builds-9.8.json").read_text())
    assert [row["name"] for row in kept] == ["clang", "musl"]


def test_where_nothing_was_run_nothing_is_written(toy, state, capsys):
    docs = toy.root / "docs"
    shelf, page = docs / "builds-9.8.json", docs / "builds.md"
    toy.run("variants", "--only", "musl,clang")
    capsys.readouterr()
    toy.run("variants", "--write")
    said = capsys.readouterr().out.split()
    assert said == ["wrote", "docs/builds-9.8.json", "wrote", "docs/builds.md"]
    # A row of an older driver: it has no such fields.
    rows = json.loads(shelf.read_text())
    shelf.write_text(json.dumps([{k: row[k] for k in row if k != "edits"} for row in rows]))
    before = shelf.read_text(), page.read_text()
    for record in (toy.project.build).rglob("variants/*.json"):
        record.unlink()
    assert toy.run("variants", "--write") == 1
    said = capsys.readouterr()
    assert "fix:   make variants PIN=9.8" in said.err
    assert "wrote" not in said.out
    assert (shelf.read_text(), page.read_text()) == before
    # The page follows what it is made of.
    page.write_text(before[1].replace("| clang |", "| clan |"))
    assert toy.run("variants", "--write") == 0
    assert capsys.readouterr().out.split() == ["wrote", "docs/builds.md"]
    assert (shelf.read_text(), page.read_text()) == before
    toy.run("variants", "--only", "clang")
    toy.run("variants", "--write")
    assert ["edits" in row for row in json.loads(shelf.read_text())] == [True, False]


def test_a_sanitizer_s_leg_is_its_row(toy, state, capsys):
    state.failing = ["test.test_gc.C.test_a", "test.test_gc.C.test_b"]
    (toy.root / "tools" / "expected").mkdir(parents=True)
    (toy.root / "tools" / "expected" / "variants.toml").write_text(
        '[[difference]]\nvariants = ["asan"]\ntests = ["*.test_a"]\ncause = "So it is."\n'
    )
    assert toy.run("test", "--only", "asan") == 4
    said = capsys.readouterr().out
    assert "asan: FAILED: test.test_gc.C.test_b (stock does not fail it)" in said
    assert "test_a" not in said
    assert "3 passed, 1 failed, 1 skipped" in said
    assert state.ran == ["variant-asan"]
    toy.run("variants", "--only", "asan")
    assert state.ran == ["variant-asan"]  # the leg's record is the row's
    state.broken = {("patched", "ubsan")}
    assert toy.run("test", "--only", "ubsan") == 4
    assert "ubsan: FAILED: not built: patched ubsan: no" in capsys.readouterr().out


@pytest.mark.parametrize("trees", [("patched",), ("patched", "stock")])
def test_a_sanitizer_s_leg_that_tested_nothing_failed(toy, state, capsys, trees):
    state.broken = {(tree, "asan") for tree in trees}
    assert toy.run("test", "--only", "asan") == 4
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "0 passed, 1 failed"
    for line in ("asan: FAILED: not built: patched asan: no", "asan:   last line"):
        assert said.count(line) == 2
    state.without = {"asan"}
    assert toy.run("test", "--only", "asan") == 4
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 1 failed"


def test_what_does_not_build_is_asked_of_stock(toy, state, capsys):
    state.broken = {("patched", "musl")}
    assert toy.run("variants", "--only", "musl") == 4
    state.broken.add(("stock", "musl"))
    assert toy.run("variants", "--only", "musl") == 0
    toy.run("variants", "--write")
    assert "does not build either" in (toy.root / "docs" / "builds.md").read_text()
    assert state.ran == []


def test_a_compiler_that_is_not_here_says_nothing_of_the_source(toy, state, capsys):
    state.without = {"clang"}
    assert toy.run("variants", "--only", "clang,musl") == 1
    said = capsys.readouterr()
    assert "not run: error: this host lacks what a build needs" in said.out
    assert "--only clang'" in said.err
    assert state.ran == ["variant-musl"]  # the others go on
    toy.run("variants", "--write")
    kept = json.loads((toy.root / "docs" / "builds-9.8.json").read_text())
    assert [row["name"] for row in kept] == ["musl"]


def test_names_and_entries_are_checked(toy, state, capsys):
    assert toy.run("variants", "--only", "none") == 2
    (toy.root / "tools" / "expected").mkdir(parents=True)
    (toy.root / "tools" / "expected" / "variants.toml").write_text(
        '[[difference]]\nvariants = ["clang"]\ntests = ["a"]\n'
    )
    assert toy.run("variants", "--only", "clang") == 1
    assert "required keyword-only argument: 'cause'" in capsys.readouterr().err
    (toy.root / "tools" / "expected" / "variants.toml").write_text(
        '[[difference]]\nvariants = ["clang"]\ntests = ["a"]\ncause = "b"\nwhy = "c"\n'
    )
    assert toy.run("variants", "--only", "clang") == 1
    assert "unexpected keyword argument 'why'" in capsys.readouterr().err


def test_an_entry_is_of_its_pins_and_told_when_nothing_needs_it(toy, state, capsys):
    path = toy.root / "tools" / "expected" / "variants.toml"
    path.parent.mkdir(parents=True)
    text = '[[difference]]\nvariants = ["clang"]\ntests = ["*.test_a"]\ncause = "So it is."\n'
    note = "    nothing differs any more for this cause: So it is."
    path.write_text(text + 'pins = ["9.9"]\n')
    state.failing = ["test.test_gc.C.test_a"]
    assert toy.run("variants", "--only", "clang") == 4
    path.write_text(text + 'pins = ["9.9", "9.8"]\n')
    assert toy.run("variants", "--only", "clang") == 0
    assert note not in capsys.readouterr().out
    state.failing = []
    assert toy.run("variants", "--only", "musl") == 0
    assert note not in capsys.readouterr().out
    assert toy.run("variants", "--only", "clang", "--fresh") == 0
    assert note in capsys.readouterr().out
    state.broken = {("patched", "clang"), ("stock", "clang")}
    assert toy.run("variants", "--only", "clang", "--fresh") == 0
    assert note not in capsys.readouterr().out


def test_an_entry_is_of_its_variants_only():
    row = Difference(("m32",), ("test.x.*",), cause="c")
    assert list(variants.unexplained(Record("m32", "t", differs=("test.x.C.y",)), [row])) == []
    assert list(variants.unexplained(Record("musl", "t", differs=("test.x.C.y",)), [row]))
    row = variants_page.line(Record("m32", "t", error="one\ntwo", both=("build",)), [])
    assert "not built: one" in row


def test_a_build_that_fails_here_alone_is_not_blamed_on_stock():
    rows = [Record("m32", "t", error="bad.c:1\nmore", differs=("build",))]
    page = variants_page.render(rows, [])
    assert "**stock builds**" in page
    assert page.endswith("What does not build, and stock does:\n\n- m32: bad.c:1")
    rows = [Record("m32", "t", error="bad.c:1\nmore", both=("build",))]
    assert variants_page.render(rows, []).endswith("pass or build either:\n\n- m32: bad.c:1")
    why = Difference(("m32",), ("build of both",), cause="Stock's fault.")
    assert variants_page.render(rows, [why]).endswith("either:\n\n- m32: Stock's fault.")
    assert list(variants.unexplained(Record("m32", "a", differs=("build",)), [why])) == ["build"]
