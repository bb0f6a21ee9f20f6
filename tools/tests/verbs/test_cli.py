"""status, diff, bump, and the command line itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BRANCH, PATCHES, UPSTREAM, VERSION, make_tarball
from cpatch import cli
from cpatch.base import console
from cpatch.base.errors import EXIT_CODES, CpatchError
from cpatch.verbs.table import VERBS

FIRST, MIDDLE, LAST = PATCHES


# --- status


def test_status_of_nothing(world, said):
    assert world.run("status") == 0
    text = said()
    assert "series   0/3 applied" in text
    assert "patched  not made yet" in text
    assert "next     make build" in text  # as README.md begins


def test_status_after_apply_and_edits(world, said):
    world.apply()
    said()
    world.run("status")
    text = said()
    assert "overlay  2 files  0 changed since last apply" in text
    assert "series   3/3 applied" in text
    assert "next     make build" in text
    assert world.git("rev-parse", "--short=12", "HEAD") in text
    world.edit("Modules/gc.c", "gc 7", "mine 7")
    world.run("status")
    text = said()
    assert "uncommitted: Modules/gc.c" in text
    assert "commit -a --fixup" in text
    world.commit("-m", "gc: mine")
    world.run("status")
    text = said()
    assert "not in patches/: " in text
    assert "gc: mine" in text
    assert "next     make refresh" in text


def test_status_names_changed_overlay_files(world, said):
    world.apply()
    (world.root / "Objects/immortal.c").write_text("int immortal = 2;\n")
    said()
    world.run("status")
    text = said()
    assert "1 changed since last apply  Objects/immortal.c" in text
    assert "next     make apply" in text


def test_patch_ids_change_with_content_only(world, said):
    def ids() -> dict[str, str]:
        said()
        world.run("status", "-v")
        rows = [line.split() for line in said().splitlines() if line.endswith(".patch")]
        return {row[1]: row[0] for row in rows if len(row) == 2}

    try:
        before = ids()
        assert set(before) == set(PATCHES)
        world.patch(FIRST).write_text(PATCHES[FIRST].replace("so that", "in order that"))
        assert ids() == before
        world.patch(FIRST).write_text(PATCHES[FIRST].replace("+patched 5", "+patched V"))
        after = ids()
        assert {name for name in after if after[name] != before[name]} == {FIRST}
    finally:
        console.set_verbose(False)


# --- diff


def test_diff_shows_overlay_and_patches(world, capfdbinary):
    assert world.run("diff") == 0
    out = capfdbinary.readouterr().out.decode()
    assert "+++ b/Objects/immortal.c" in out
    assert "+patched 5" in out
    assert world.run("diff", "--stat") == 0
    assert "4 files changed" in capfdbinary.readouterr().out.decode()


@pytest.mark.parametrize("name", [MIDDLE, "ceval-middle.patch", "ceval-middle"])
def test_diff_of_one_patch(world, capfdbinary, name):
    assert world.run("diff", "--patch", name) == 0
    out = capfdbinary.readouterr().out.decode()
    assert out.count("diff --git") == 1
    assert "+patched 10" in out


def test_diff_of_an_unknown_patch(world, said):
    assert world.run("diff", "--patch", "nope") == 2
    assert FIRST in said()


def test_full_diff_is_one_mailbox_for_git_am(world, capfdbinary, tmp_path):
    world.apply()
    capfdbinary.readouterr()
    assert world.run("diff", "--full") == 0
    mailbox = capfdbinary.readouterr().out
    clone = tmp_path / "clone"
    world.git("clone", "-q", str(world.project.store), str(clone), cwd=tmp_path)
    world.git("checkout", "-q", world.git("rev-parse", "HEAD~4"), cwd=clone)
    (tmp_path / "full.mbox").write_bytes(mailbox)
    world.git("am", "-q", str(tmp_path / "full.mbox"), cwd=clone)
    assert world.git("rev-parse", "HEAD^{tree}", cwd=clone) == world.git("rev-parse", "HEAD^{tree}")


# --- bump


def new_version(tmp_path: Path, **changes: str) -> Path:
    files = dict(UPSTREAM)
    files.update({name.replace("__", "/") + ".c": text for name, text in changes.items()})
    return make_tarball(tmp_path / "new.tgz", files, top="toy-9.8.8")


def bump(world, tarball: Path, *more: str) -> int:
    return world.run("bump", BRANCH, "9.8.8", "--source", str(tarball), *more)


def test_bump_takes_a_version(world, said):
    assert world.run("bump", BRANCH, "x.y") == 2
    assert "that is no version of CPython" in said()


def words(text: str) -> dict[str, str]:
    rows = [line.split() for line in text.splitlines() if line.startswith("  ")]
    return {row[1]: row[0] for row in rows if len(row) > 1 and row[1].endswith(".patch")}


def test_bump_reports_each_kind_and_changes_nothing(world, said, tmp_path):
    world.apply()
    before = world.snapshot(), world.tree(), world.git("rev-parse", "HEAD")
    tarball = new_version(
        tmp_path,
        # first: context changed at a distance of two lines: exact fails, 3-way merges;
        # last: pushed down by one line.
        Objects__object=UPSTREAM["Objects/object.c"].replace("line 2\n", "line two\nline 2b\n"),
        Python__ceval=UPSTREAM["Python/ceval.c"].replace("eval 10\n", "patched 10\n"),
    )
    said()
    assert bump(world, tarball) == 0
    text = said()
    assert f"{VERSION} -> 9.8.8" in text
    assert words(text) == {FIRST: "3-way", MIDDLE: "already-upstream", LAST: "offset"}
    assert (world.snapshot(), world.tree(), world.git("rev-parse", "HEAD")) == before
    assert list(world.project.build.glob("bump-*")) == []


def test_bump_with_conflict_and_shadow(world, said, tmp_path):
    tarball = new_version(
        tmp_path,
        Python__ceval=UPSTREAM["Python/ceval.c"].replace("eval 10\n", "other 10\n"),
        Objects__immortal="theirs\n",
    )
    assert bump(world, tarball) == 3
    text = said()
    assert words(text) == {FIRST: "clean", MIDDLE: "conflict", LAST: "clean"}
    assert "Python/ceval.c" in text
    assert "shadows          Objects/immortal.c" in text


def test_bump_write_moves_the_pin_and_apply_follows(world, said, tmp_path):
    world.apply()
    path = world.root / "patches/upstream.toml"
    path.write_text("# a comment\n" + path.read_text() + "\n# the end\n")
    assert bump(world, new_version(tmp_path, Modules__more="more\n"), "--write") == 0
    text = path.read_text()
    assert text.startswith("# a comment\n")
    assert text.endswith("# the end\n")
    assert world.pin.version == "9.8.8"
    assert world.pin.tree
    assert world.apply() == 0
    assert "Modules/more.c" in world.tree()


def test_bump_checks_a_given_hash(world, said, tmp_path):
    assert bump(world, new_version(tmp_path), "--sha256", "0" * 64) == 1
    assert f"wanted {'0' * 64}" in said()


def test_bump_with_no_source(world, said):
    assert world.run("bump", BRANCH, "9.8.8") == 1
    assert "cannot download toy-9.8.8.tgz" in said()


# --- the command line


def test_unknown_verb(world, said):
    assert world.run("aply") == 2
    text = said()
    assert "unknown verb 'aply'" in text
    assert "apply" in text


@pytest.mark.parametrize(
    ("argv", "what"),
    [
        (["apply", "--nope"], "no such option '--nope'"),
        (["compat", "--lst"], "no such option '--lst'. (Did you mean one of: '--list', "),
        (["dist", "--flavor", "debug"], "invalid value for '--flavor': 'debug' is not one of "),
        (["test", "--minutes"], "option '--minutes' requires an argument"),
        (["bump"], "missing argument '[BRANCH] VERSION'"),
        (["audit", "gone.py"], "invalid value for '[APPLICATION]': File 'gone.py' does not "),
        (["dist", "more"], "got unexpected extra argument (more)"),
    ],
)
def test_what_click_refuses_is_said_as_make_is_typed(world, said, argv, what):
    assert world.run(*argv) == 2
    first, fix = said().splitlines()
    assert first.startswith(f"error: make {argv[0]}: {what}")
    assert fix == f"  fix:   make {argv[0]} ARGS=--help"


@pytest.mark.parametrize("value", [",", "", " , "])
@pytest.mark.parametrize(
    "argv",
    [
        ["variants", "--list", "--only"],
        ["compat", "--list", "--only"],
        ["packages", "--list", "--only"],
        ["servers", "--list", "--app"],
        ["apply", "--parts"],
        ["bench", "--parts"],
        ["dist", "--try"],
    ],
)
def test_a_list_that_names_nothing_is_not_all(world, said, argv, value):
    assert world.run(*argv, value) == 2
    assert f"invalid value for '{argv[-1]}': {value!r} names nothing" in said()


@pytest.mark.parametrize("argv", [[], ["--nope"]])
def test_without_a_verb_the_verbs_are_the_way_out(world, said, argv):
    assert world.run(*argv) == 2
    first, fix = said().splitlines()
    assert first.startswith("error: ")
    assert fix == "  fix:   make help"


def test_help_lists_every_verb_and_exit_code(capsys):
    assert cli.run(["--help"]) == 0
    text = capsys.readouterr().out
    for verb in VERBS:
        assert f"\n  {verb} " in text
    for code in EXIT_CODES:
        assert f"\n  {code} " in text


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_has_a_one_line_help(verb, capsys):
    assert cli.run([verb, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f'Usage: make {verb} ARGS="[OPTIONS]')


def test_error_has_wanted_got_and_fix_aligned():
    error = CpatchError("it failed", wanted="a", got="b\nc", fix="do d")
    assert error.render() == ("error: it failed\n  wanted a\n  got    b\n         c\n  fix:   do d")


def test_wrong_usage_has_a_way_out():
    """An error with the code of wrong usage names what to type, or what to leave out."""
    package = Path(cli.__file__).parent
    lacking = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "CpatchError":
                given = {each.arg: ast.unparse(each.value) for each in node.keywords}
                if given.get("code") == "USAGE" and "fix" not in given:
                    lacking.append(f"{path.relative_to(package)}:{node.lineno}")
    assert not lacking


def test_light_verbs_do_not_import_heavy_modules():
    code = (
        "import sys; from cpatch.verbs import apply, which\n"
        "heavy = {'httpx', 'rich', 'unidiff'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    env = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
