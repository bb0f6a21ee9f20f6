"""lint: each rule has an input that breaks it, and only it."""

from __future__ import annotations

import pytest
from conftest import BRANCH, PATCHES, UPSTREAM, make_patch, make_tarball
from cpatch.base.pinfile import load_pins
from cpatch.series import lint as linter
from cpatch.series.patchfiles import paths_in

FIRST, MIDDLE, LAST = PATCHES


@pytest.fixture
def linted(world):
    """Return a function that lints and gives the rules found, fatal ones only."""

    def run() -> set[str]:
        pins = load_pins(world.project)
        found = linter.lint(world.project, pins, list(pins.table.values()))
        return {finding.rule for finding in found if finding.fatal}

    world.lint = run
    return world


def test_toy_is_clean(linted, said):
    assert linted.run("lint") == 0
    assert "clean" in said()
    assert linted.run("lint", "--all-pins") == 0


def test_findings_give_exit_code_2_and_name_the_rule(linted, said):
    text = PATCHES[FIRST].replace("object: change", "Change")
    linted.patch(FIRST).write_text(text)
    assert linted.run("lint") == 2
    assert f"patches/{FIRST}: H1: " in said()


BODY = "The toy needs this line changed so that a test can see that it was changed."


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("H1", "Subject: object: change the fifth line", "Subject: change the fifth line"),
        ("H1", "Subject: object: change", "Subject: object: [x] change"),
        ("H1", "the fifth line", "the fifth line" + " and more" * 5),
        ("H2", BODY, "Because."),
        ("H3", "From: cpatch <cpatch@localhost>", "From: Me <me@example.org>"),
        ("H3", "From 0000000", "From 1234567"),
        ("H3", "Date: Mon, 17 Sep 2001", "Date: Tue, 18 Sep 2001"),
        ("H4", "Drop-when: the toy is dropped\n", ""),
        ("H4", "Tests: none\n", ""),
        ("H4", "Needs: Objects/immortal.c Include/internal/immortal.h\n", ""),
        ("H4", "Tests: none\n", "Tests: none\nReviewed-by: nobody\n"),
        ("H4", "Tests: none\n", "Tests: none\nTests: none\n"),
        ("H5", "Touches: Objects/object.c", "Touches: Objects/other.c"),
        ("H5", "Touches: Objects/object.c", "Touches: Objects/object.c Python/ceval.c"),
        ("H6", "Needs: Objects/immortal.c", "Needs: Objects/mortal.c"),
        ("H7", "Tests: none", "Tests: Lib/test/test_gone.py"),
        ("H8", f"Applies: {BRANCH}", "Applies: 1.2"),
        ("H9", "Inappropriate [toy]", "Never [toy]"),
        ("H9", "Inappropriate [toy]", "Inappropriate"),
        ("H9", "Inappropriate [toy]", "Inappropriate toy"),
        ("D1", " line 4\n", " line four\n"),
        ("D2", "+patched 5\n", "+patched 5 \n"),
        ("D2", "+patched 5\n", "+patched 5\t\n"),
    ],
)
def test_each_rule(linted, rule, old, new):
    text = PATCHES[FIRST]
    assert old in text
    linted.patch(FIRST).write_text(text.replace(old, new))
    assert rule in linted.lint()


@pytest.mark.parametrize(
    "value",
    ["Pending", "Pending [not sent]", "Submitted [gh-1]", "Backport [1.2]", "Denied",
     "Inactive-Upstream [last commit 1999]", "Inappropriate [design]"],
)  # fmt: skip
def test_status_words(linted, value):
    text = PATCHES[FIRST].replace("Inappropriate [toy]", value)
    linted.patch(FIRST).write_text(text)
    assert linted.lint() == set()


def test_function_names_and_continuations_in_touches(linted):
    text = PATCHES[FIRST].replace(
        "Touches: Objects/object.c", "Touches: Objects/object.c _Py_Dealloc(),\n  and more()"
    )
    linted.patch(FIRST).write_text(text)
    assert linted.lint() == set()


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ("none", []),
        (
            "Python/ceval.c main() _PyEval_Eval, Makefile.pre.in",
            ["Python/ceval.c", "Makefile.pre.in"],
        ),
        ("configure configure.ac", ["configure", "configure.ac"]),
        ("Objects/a.c (both branches)", ["Objects/a.c"]),
    ],
)
def test_paths_in_a_trailer(value, paths):
    assert paths_in(value) == paths


def test_body_that_reads_like_a_diff(linted):
    text = PATCHES[FIRST].replace(BODY, BODY + "\n\n---\n\nMore words after a rule line of dashes.")
    linted.patch(FIRST).write_text(text)
    assert linted.lint() != set()


def test_patch_listed_by_no_series(linted):
    linted.patch("common/stray.patch").write_text(PATCHES[FIRST])
    assert linted.lint() == {"S2"}


def test_series_that_lists_a_missing_patch(linted):
    linted.series.write_text(linted.series.read_text() + "common/gone.patch\n")
    assert linted.lint() == {"S1"}


def test_overlay_that_shadows(linted):
    (linted.root / "Objects/object.c").write_text("mine\n")
    assert "O1" in linted.lint()


def test_long_overlay_file_is_a_warning(linted, said):
    (linted.root / "Objects/immortal.c").write_text("int x;\n" * 401)
    assert linted.run("lint") == 0
    assert "O2 (warning): 401 lines" in said()


WIDE = "int " + "x" * 75


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("Objects/immortal.c", f"{WIDE};\n", True),
        ("Include/internal/immortal.h", f"int x;\n{WIDE};", True),
        ("Objects/immortal.c", "\tint " + "x" * 67 + ";\n", True),
        ("Objects/immortal.c", f"{WIDE}\n", False),
        ("Objects/immortal.c", "/* " + "…" * 73 + " */\n", False),
        ("Objects/clinic/immortal.c.h", f"{WIDE};\n", False),
        (f"patches/{BRANCH}/Objects/own.c", f"{WIDE};\n", True),
        ("wheel/src/module.c", f"{WIDE};\n", True),
        ("wheel/include/internal/immortal.h", f"{WIDE};\n", True),
        ("wheel/src/module.c", f"{WIDE}\n", False),
        ("wheel/README.md", f"{WIDE};\n", False),
    ],
)
def test_c_line_of_more_columns_than_pep_7_allows(linted, said, path, text, found):
    file = linted.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert ("O5" in linted.lint()) == found
    linted.run("lint")
    assert (f"{path}:{len(text.splitlines())}: O5: 80 columns" in said()) == found


def test_new_file_in_a_patch_belongs_to_the_overlay(linted):
    text = PATCHES[FIRST].replace("Touches: Objects/object.c", "Touches: Objects/new.c")
    head = text.split("diff --git", 1)[0]
    linted.patch(FIRST).write_text(
        head + "diff --git a/Objects/new.c b/Objects/new.c\nnew file mode 100644\n"
        "--- /dev/null\n+++ b/Objects/new.c\n@@ -0,0 +1 @@\n+int x;\n"
    )
    assert linted.lint() == {"D4"}


def test_trial_patches_apply_to_the_finished_tree(linted):
    # The series' own diff applies to the tree before the series, so not to the one after.
    diff = PATCHES[LAST][PATCHES[LAST].index("diff --git") :]
    trial = linted.root / "tools/measure/encodings/9.8/stale.patch"
    other = linted.root / "tools/measure/encodings/9.9/of_another_pin.patch"
    for path in (trial, other):
        path.parent.mkdir(parents=True)
        path.write_text(diff)
    assert linted.lint() == {"D5"}
    linted.series.write_text(f"{FIRST}\n{MIDDLE}\n")
    assert linted.lint() == {"S2"}


def test_upstream_tests_change_only_with_the_reason(linted):
    path, old = "Lib/test/test_toy.py", "assert getrefcount(None) == 3\n"
    text = make_patch("test_toy: expect more", path, old, "assert True\n")
    linted.patch(LAST).write_text(text)
    assert linted.lint() == {"D3"}
    body = "Each hunk is a refcount assertion on an immortal object, which no longer counts."
    text = make_patch("test_toy: expect more", path, old, "assert True\n", body=body)
    linted.patch(LAST).write_text(text)
    assert linted.lint() == set()


def test_edit_in_the_tree_that_refresh_would_write(linted):
    linted.apply()
    linted.edit("Objects/object.c", "patched 30", "patched thirty")
    linted.commit("--amend", "--no-edit")
    assert linted.lint() == {"R1"}


@pytest.mark.parametrize(
    ("path", "line", "found"),
    [
        ("Makefile", f"PIN = {BRANCH}\n", True),
        ("tools/x.py", f'VERSION = "{BRANCH}.7"\n', True),
        (".ci/run", f"cd build/{BRANCH}/obj\n", True),
        ("tools/x.py", "N = 19.81\n", False),
        ("tools/x.py", f"N = 1.{BRANCH}\n", False),
        ("tools/x.py", f"N = {BRANCH}1\n", False),
        ("README.md", f"CPython {BRANCH}\n", False),
    ],
)
def test_version_is_written_once(linted, path, line, found):
    (linted.root / path).parent.mkdir(exist_ok=True)
    (linted.root / path).write_text(line)
    assert linted.lint() == ({"V1"} if found else set())


def test_common_patch_is_tried_on_every_pin(linted, said, tmp_path):
    other = {**UPSTREAM, "Objects/object.c": "all different\n"}
    tarball = make_tarball(tmp_path / "other.tgz", other, top="toy-9.9.0")
    path = linted.root / "patches/upstream.toml"
    first = path.read_text()
    mine, linted.tarball = linted.tarball, tarball
    linted.pin_text(version="9.9.0")
    second = path.read_text().split("\n", 1)[1].replace(f'["{BRANCH}"]', '["9.9"]')
    linted.tarball = mine
    path.write_text(first + second)
    (linted.project.cache / "toy-9.9.0.tgz").write_bytes(tarball.read_bytes())
    linted.patch("series.9.9").write_text(f"{FIRST}\n")
    assert linted.run("lint") == 0
    said()
    assert linted.run("lint", "--all-pins") == 2
    text = said()
    assert f"patches/{FIRST}: D1: 9.9: Objects/object.c" in text
    assert f"patches/{FIRST}: H8: Applies: lacks 9.9" in text


def test_rules_are_listed(linted, said):
    assert linted.run("lint", "--rules") == 0
    assert set(linter.RULES) <= {line.split(" ")[0] for line in said().splitlines()}


# --- a pin's own overlay, and the port

PORT = "Include/internal/port.h"


def own(linted, path: str, text: str) -> None:
    """Write a file of the pin's own overlay, and have a patch need it."""
    file = linted.root / "patches" / BRANCH / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    patch = linted.patch(FIRST)
    patch.write_text(patch.read_text().replace("Needs: ", f"Needs: {path} "))


def test_needs_may_name_a_file_of_the_pins_own(linted):
    own(linted, PORT, "")
    assert linted.lint() == set()


def test_path_that_is_shared_and_the_pins_own(linted, said):
    own(linted, "Objects/immortal.c", "int immortal = 5;\n")
    assert linted.lint() == {"O3"}
    linted.run("lint")
    assert f"Objects/immortal.c and patches/{BRANCH}/Objects/immortal.c" in said()


@pytest.mark.parametrize(
    ("listed", "header", "told"),
    [
        ("_PyPort_A\n_PyPort_B\n", "int\n_PyPort_A(void)\n", "no header defines _PyPort_B"),
        ("_PyPort_A\n", "    _PyPort_A(arg);\n", "no header defines _PyPort_A"),
        ("# _PyPort_A\n", "int\n_PyPort_A(void)\n", "defines _PyPort_A, which"),
        ("", "#define _PyPort_A(x) (x)\n", "defines _PyPort_A, which"),
        ("", "typedef void (*_PyPort_A)(int);\n", "defines _PyPort_A, which"),
    ],
)
def test_port_that_lacks_a_name_or_has_one_more(linted, said, listed, header, told):
    own(linted, PORT, header)
    (linted.root / "patches/port-names").write_text(listed)
    assert linted.lint() == {"O4"}
    linted.run("lint")
    assert told in said()


def test_port_that_provides_what_is_listed(linted):
    own(linted, PORT, "int\n_PyPort_A(void)\n\n#define _PyPort_B _PyPort_A\n")
    (linted.root / "patches/port-names").write_text("# all\n_PyPort_A\n_PyPort_B\n")
    assert linted.lint() == set()
