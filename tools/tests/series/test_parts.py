"""Parts: trees of some of them, what these have, and that nobody takes one for another."""

from __future__ import annotations

import json

import pytest
from conftest import BRANCH, UPSTREAM, World, make_patch
from cpatch.base.errors import CONFLICT, CpatchError
from cpatch.base.pinfile import load_pins
from cpatch.series import lint as linter
from cpatch.series import parts, patchfiles
from cpatch.series.patchfiles import Part

ROWS = {
    "base": ("object: change the fifth line", "Objects/object.c", 5),
    "fast": ("ceval: change the tenth line", "Python/ceval.c", 10),
    "low": ("gc: change the tenth line", "Modules/gc.c", 10),
    "high": ("ceval: change the twelfth line", "Python/ceval.c", 12),
    "last": ("gc: change the thirtieth line", "Modules/gc.c", 30),
}
FILES = {"base": "base", "fast": "fast/fast", "low": "low/low", "high": "high/high"}
FILES["last"] = "last/last"
NAMES = {row: f"{BRANCH}/{stem}.patch" for row, stem in FILES.items()}
SERIES = f"""\
# every tree
{NAMES["base"]}

[fast] a faster toy; needs: none
{NAMES["fast"]}

[low] the ground; needs: none
{NAMES["low"]}

[high] what stands on it; needs: low
{NAMES["high"]}

[last] what is seen last; needs: low
{NAMES["last"]}
"""
PARTS = (
    Part("fast", "", ()),
    Part("low", "", ()),
    Part("high", "", ("low",)),
    Part("last", "", ("low",)),
)


def word(path: str) -> str:
    return UPSTREAM[path].split(" ")[0]


@pytest.fixture
def split(world: World) -> World:
    """Return a world whose series has four parts, with an overlay file and a test each."""
    for path in sorted(world.patch("").rglob("*.patch")):
        path.unlink()
    files = dict(UPSTREAM)
    for part, (subject, path, number) in ROWS.items():
        old, new = f"{word(path)} {number}\n", f"{part} {number}\n"
        text = make_patch(subject, path, old, new, files=files)
        files[path] = files[path].replace(old, new)
        own = f"Python/{part}.c Lib/test/{part}_support.py"
        text = text.replace(
            "Needs: Objects/immortal.c Include/internal/immortal.h", f"Needs: {own}"
        )
        text = text.replace("Tests: none", f"Tests: Lib/test/test_{part}.py")
        if part == "base":
            text = text.replace("Needs: ", "Needs: Objects/immortal.c Include/internal ")
        world.patch(NAMES[part]).parent.mkdir(parents=True, exist_ok=True)
        world.patch(NAMES[part]).write_text(text)
        for name, line in {
            f"Python/{part}.c": f'#include "Python.h"\nint {part};\n',
            f"Lib/test/{part}_support.py": "import sys\n",
            f"Lib/test/test_{part}.py": f"from test import {part}_support\n",
        }.items():
            (world.root / name).parent.mkdir(parents=True, exist_ok=True)
            (world.root / name).write_text(line)
    world.series.write_text(SERIES)
    return world


def subjects(world: World, tree: str) -> list[str]:
    src = world.project.src(world.pin, tree)
    said = world.git("log", "--format=%s", cwd=src).splitlines()
    return [subject for subject in reversed(said) if " line" in subject]


def test_tree_has_its_parts_and_what_they_need_of_the_overlay(split):
    assert split.apply("--parts", "low,fast") == 0
    src = split.project.src(split.pin, "fast-low")
    assert subjects(split, "fast-low") == [ROWS[part][0] for part in ("base", "fast", "low")]
    assert (src / "Python/low.c").exists()
    assert (src / "Lib/test/base_support.py").exists()
    assert (src / "Include/internal/immortal.h").exists()
    for gone in ("Python/high.c", "Lib/test/test_last.py", "Lib/test/high_support.py"):
        assert not (src / gone).exists()
    assert not split.src.exists()


def test_all_parts_are_the_patched_tree(split):
    assert split.apply("--parts", "last low high,fast") == 0
    assert subjects(split, "patched") == [row[0] for row in ROWS.values()]
    assert set(parts.own_tests(split.project, split.pin, "patched")) == {
        f"test_{part}" for part in ROWS
    }
    assert parts.own_tests(split.project, split.pin, "low") == ["test_base", "test_low"]


def test_part_that_is_left_out_before_others_is_merged(split):
    """The patch of high has the line of fast in its context."""
    assert split.apply("--parts", "low,high") == 0
    text = (split.project.src(split.pin, "low-high") / "Python/ceval.c").read_text()
    assert text == UPSTREAM["Python/ceval.c"].replace("eval 12\n", "high 12\n")


def test_commits_do_not_depend_on_what_was_made_before(split, tmp_path):
    split.apply("--parts", "low,high")
    src = split.project.src(split.pin, "low-high")
    first = split.git("rev-parse", "HEAD", cwd=src)
    split.apply()
    split.series.write_text(SERIES.replace("the ground", "what others stand on"))
    assert split.apply("--parts", "low,high") == 0
    assert split.git("rev-parse", "HEAD", cwd=src) == first


def test_merge_that_conflicts_is_refused(split, said):
    path = split.patch(NAMES["high"])
    text = path.read_text()
    path.write_text(text.replace(" fast 10\n", "-fast 10\n+fast ten\n"))
    assert split.apply() == 0
    assert split.apply("--parts", "low,high") == CONFLICT
    assert "high.patch" in said()
    assert not split.project.src(split.pin, "low-high").exists()


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("high", "PARTS=low,high"),
        ("slow", "fast, low, high, last"),
        ("low,slow", "slow is no part"),
        ("slow,low,fast", "fix:   PARTS=fast,low"),
        ("slow", "fix:   leave PARTS out"),
    ],
)
def test_choice_that_cannot_be(split, said, wanted, told):
    assert split.apply("--parts", wanted) == 2
    assert told in said()
    assert not list(split.project.pin_build(split.pin).glob("src-*"))


def test_stock_has_no_parts(split, said):
    assert split.apply("--tree", "stock", "--parts", "low") == 2
    assert split.apply("--parts", "low", "--stop", NAMES["low"]) == 2


def test_names_go_both_ways():
    names = ["fast", "fast-low", "fast-low-high", "patched", "low", "low-high", "low-last"]
    assert parts.offered(PARTS) == [name for name in names if name != "patched"]
    for name in names:
        assert parts.tree_of(PARTS, parts.parts_of(PARTS, name)) == name
    assert parts.parts_of(PARTS, "stock") == ()
    for wrong in ("low-fast", "high", "fast-fast", "sotck"):
        with pytest.raises(CpatchError):
            parts.parts_of(PARTS, wrong)


def test_state_and_status_say_which_parts(split, said):
    split.apply()
    split.apply("--parts", "low")
    record = json.loads((split.project.pin_build(split.pin) / "low.json").read_text())
    assert [row["name"] for row in record["rows"]] == [NAMES["base"], NAMES["low"]]
    said()
    assert split.run("status") == 0
    now = said()
    assert "parts    fast low high last" in now
    assert "src-low at " in now
    assert "not what the repository says now" not in now
    (split.root / "Python/low.c").write_text("int lower;\n")
    split.run("status")
    assert "not what the repository says now" in said()
    split.series.write_text(SERIES.replace("low", "deep"))
    for path in sorted(split.patch(BRANCH).glob("low/*")):
        (split.patch(BRANCH) / "deep").mkdir(exist_ok=True)
        path.rename(split.patch(BRANCH) / "deep" / path.name.replace("low", "deep"))
    assert split.run("status") == 0


def test_interpreters_of_other_parts_lie_elsewhere(split):
    places = {split.project.obj(split.pin, tree, "release") for tree in ("patched", "low", "stock")}
    assert len(places) == 3


def test_work_in_a_tree_of_parts_is_not_thrown_away(split, said):
    split.apply("--parts", "low")
    src = split.project.src(split.pin, "low")
    (src / "Modules/gc.c").write_text("edited\n")
    (split.root / "Python/low.c").write_text("int lower;\n")
    assert split.apply("--parts", "low") != 0
    assert "make apply PARTS=low ARGS=--discard" in said()
    assert split.apply("--parts", "low", "--discard") == 0


def test_clean_removes_trees_of_parts(split):
    split.apply("--parts", "low")
    assert split.run("clean", "trees") == 0
    assert not split.project.src(split.pin, "low").exists()


NEW = f"""low: change the twentieth line

The toy needs one more change, which belongs to the part that it was made in.

Touches: Modules/gc.c
Needs: none
Tests: none
Applies: {BRANCH}
Upstream-Status: Pending
Drop-when: never
"""


def test_refresh_puts_a_new_patch_in_the_part_before_it(split):
    split.apply()
    split.edit("Modules/gc.c", "gc 20\n", "twenty\n")
    split.commit("-m", NEW)
    assert split.run("refresh") == 0
    name = f"{BRANCH}/last/low-change-the-twentieth-line.patch"
    assert split.patch(name).exists()
    listed = patchfiles.load_series(split.project, split.pin)
    assert listed.part_of(name) == "last"
    assert split.run("lint") == 0


def test_refresh_moves_no_patch_to_another_part(split, said):
    split.apply()
    order = [split.find(ROWS[part][0]) for part in ("low", "last", "high")]
    split.git("reset", "-q", "--hard", split.find(ROWS["fast"][0]))
    for commit in order:
        split.git("cherry-pick", commit)
    before = split.snapshot()
    assert split.run("refresh") != 0
    assert "has moved from part" in said()
    assert split.snapshot() == before


@pytest.mark.parametrize(
    "line",
    [
        "[fast] a faster toy",
        "[Fast] a faster toy; needs: none",
        "[fast] a faster toy; needs: low",
        "[fast] a faster toy; needs:",
        "[stock] a faster toy; needs: none",
    ],
)
def test_heading_that_says_nothing_clear(split, said, line):
    split.series.write_text(SERIES.replace("[fast] a faster toy; needs: none", line))
    assert split.apply() == 2
    assert f"series.{BRANCH}:4: not the heading of a part" in said()


def found(world: World) -> dict[str, str]:
    pins = load_pins(world.project)
    every = linter.lint(world.project, pins, list(pins.table.values()))
    return {finding.rule: f"{finding.where}: {finding.text}" for finding in every}


def test_split_series_is_clean(split):
    assert found(split) == {}


def test_patch_in_another_folder(split):
    there = NAMES["low"].replace("low/", "high/")
    split.patch(NAMES["low"]).rename(split.patch(there))
    split.series.write_text(SERIES.replace(NAMES["low"], there))
    assert found(split) == {"P1": f"patches/{there}: the series lists it for {BRANCH}/low/"}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("Objects/more.c", "no patch names it in Needs: or Tests:"),
        ("Lib/test/test_more.py", "no patch names it in Needs: or Tests:"),
    ],
)
def test_overlay_file_that_no_patch_names(split, path, told):
    (split.root / path).write_text("\n")
    assert found(split) == {"P2": f"{path}: {told}"}


def test_test_that_is_needed_only(split):
    text = split.patch(NAMES["low"]).read_text()
    text = text.replace("Tests: Lib/test/test_low.py", "Tests: none")
    split.patch(NAMES["low"]).write_text(text.replace("_support.py", "_support.py Lib/test"))
    assert found(split)["P2"] == "Lib/test/test_low.py: no patch names it in Tests:"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Python/low.c", '#include "high.h"\n'),
        ("Lib/test/test_low.py", "from test import high_support\n"),
        ("Lib/test/test_low.py", "from test.high_support import sys\n"),
        ("Lib/test/test_low.py", "import test.high_support\n"),
    ],
)
def test_part_that_uses_what_it_does_not_need(split, path, text):
    (split.root / "Include/high.h").write_text("int high;\n")
    patch = split.patch(NAMES["high"])
    patch.write_text(patch.read_text().replace("Needs: ", "Needs: Include/high.h "))
    assert found(split) == {}
    (split.root / path).write_text(text)
    assert found(split)["P3"].startswith(f"{path}: part low needs ")
    (split.root / path).write_text(text.replace("#include", "#  include") + "\n")
    if path.endswith(".c"):
        assert found(split) == {}


def test_makefile_lists_what_there_is(split):
    for part in ROWS:
        assert (split.root / f"Python/{part}.c").exists()
    lines = [f"$(srcdir)/Python/{part}.c \\\n" for part in ROWS]
    lines += ["$(srcdir)/Objects/immortal.c \\\n", "$(srcdir)/Include/internal/immortal.h \\\n"]
    patch = split.patch(NAMES["base"])
    patch.write_text(patch.read_text().replace("Needs: ", "Needs: Python/overlay.mk "))
    mk = split.root / "Python/overlay.mk"
    mk.write_text("".join(lines))
    assert found(split) == {}
    mk.write_text("".join(lines[1:]))
    assert found(split) == {"P4": "Python/overlay.mk: lacks Python/base.c"}
    mk.write_text("".join([*lines, "$(srcdir)/Python/gone.c\n"]))
    assert "lists Python/gone.c" in found(split)["P4"]


def test_part_that_does_not_apply_without_another(split):
    path = split.patch(NAMES["high"])
    path.write_text(path.read_text().replace(" fast 10\n", "-fast 10\n+fast ten\n"))
    assert found(split)["P5"].startswith(f"patches/{NAMES['high']}: with high low only")


@pytest.fixture
def second(split: World) -> World:
    """Return the world with a second pin of the same version, whose series is empty."""
    path = split.project.pins_file
    text = path.read_text()
    table = text.split("\n", 1)[1].replace(f'["{BRANCH}"]', '["9.9"]')
    path.write_text(text + table)
    split.patch("series.9.9").write_text("# nobody has begun\n")
    return split


def test_series_that_is_empty_is_no_fault(second, said):
    (second.root / "patches" / "port-names").write_text("_PyPort_Somewhere()\n")
    own = second.patch(f"{BRANCH}/Include/own.h")
    own.parent.mkdir(parents=True)
    own.write_text("#define _PyPort_Somewhere() 1\n")
    patch = second.patch(NAMES["base"])
    patch.write_text(patch.read_text().replace("Needs: ", "Needs: Include/own.h "))
    assert found(second) == {"S3": "patches/series.9.9: has no patch yet"}
    assert second.run("lint", "--pin", "9.9") == 0


def test_what_pins_share_is_named_by_one_of_them(second):
    text = make_patch("gc: change the tenth line", "Modules/gc.c", "gc 10\n", "gc ten\n")
    other = second.patch("9.9/gc-change-the-tenth-line.patch")
    other.parent.mkdir()
    text = text.replace(f"Applies: {BRANCH}", "Applies: 9.9")
    other.write_text(text)
    second.patch("series.9.9").write_text(f"{other.parent.name}/{other.name}\n")
    assert found(second) == {}
    pins = load_pins(second.project)
    assert parts.own_tests(second.project, pins.get("9.9"), "patched") == []
    assert len(parts.own_tests(second.project, pins.get(), "patched")) == 5
    # What is the pin's alone has to be named by a patch of its own.
    for branch in (BRANCH, "9.9"):
        own = second.patch(f"{branch}/Include/own.h")
        own.parent.mkdir(parents=True)
        own.write_text("")
    assert found(second) == {"P2": "Include/own.h: no patch names it in Needs: or Tests:"}
    patch = second.patch(NAMES["base"])
    patch.write_text(patch.read_text().replace("Needs: ", "Needs: Include/own.h "))
    assert "P2" in found(second)
    other.write_text(other.read_text().replace("Needs: ", "Needs: Include/own.h "))
    assert found(second) == {}
