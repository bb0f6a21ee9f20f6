"""Fixes: a distribution's patches become commits below the overlay, in both trees alike."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from buildtoy import Toy, make_toy
from conftest import BRANCH, UPSTREAM, VERSION, World, make_tarball
from cpatch.base.pinfile import load_pins
from cpatch.building import check, make
from cpatch.series import fixes
from cpatch.sources import fetch

ARCHIVE = "toy_1-2.tar.xz"
FOLDER = "deb/patches"


def hunk(path: str, number: int, old: str, new: str) -> str:
    """Return a diff without git's own lines, as many distributions keep theirs."""
    lines = UPSTREAM[path].splitlines(keepends=True)
    before, after = lines[number - 2], lines[number]
    return (
        f"--- a/{path}\n+++ b/{path}\n@@ -{number - 1},3 +{number - 1},3 @@\n"
        f" {before}-{old}\n+{new}\n {after}"
    )


# The second stands on what the first wrote: the order matters.
FIXES = {
    "crash.diff": "Why: it crashed\n" + hunk("Objects/object.c", 20, "line 20", "fixed 20"),
    "CVE-1.patch": "From: a\nSubject: b\n\nWhy.\n---\n Objects/object.c | 2 +-\n\n"
    + hunk("Objects/object.c", 20, "fixed 20", "fixed 20 well"),
    "test.diff": "--- /dev/null\n+++ b/Lib/test/test_fix.py\n@@ -0,0 +1 @@\n+assert True\n",
    "other.diff": "not taken\n",
}
TAKEN = ["crash.diff", "CVE-1.patch", "test.diff"]


def make_archive(path: Path, patches: dict[str, str] = FIXES) -> bytes:
    series = "# a comment\n" + "".join(f"{name} -p1\n" for name in patches)
    with tarfile.open(path, "w:xz") as archive:
        for name, text in {**patches, "series": series}.items():
            info = tarfile.TarInfo(f"./{FOLDER}/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path.read_bytes()


def table(data: bytes, **changes: object) -> str:
    """Return the pin file's table of fixes."""
    values: dict[str, object] = {
        "revision": "1-2+toy3",
        "archive": ARCHIVE,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "folder": FOLDER,
        "patches": TAKEN,
        **changes,
    }
    rows = []
    for key, value in values.items():
        if key == "patches" and isinstance(value, list):
            rows += ["patches = [", *(f'  "{name}",' for name in value), "]"]
        elif value is not None:
            rows.append(f"{key} = {value!r}")
    return f'\n["{BRANCH}".fixes]\n' + "\n".join(rows) + "\n"


def pin(world: World, data: bytes, **changes: object) -> None:
    world.pin_text()
    path = world.root / "patches" / "upstream.toml"
    path.write_text(path.read_text() + table(data, **changes))


@pytest.fixture
def fixed(world: World, tmp_path: Path) -> World:
    """Return a world whose pin takes three of four fixes; the archive is in the cache."""
    data = make_archive(tmp_path / ARCHIVE)
    (world.project.cache / ARCHIVE).write_bytes(data)
    pin(world, data)
    return world


def subjects(world: World) -> list[str]:
    return world.git("log", "--reverse", "--format=%s").splitlines()


# --- the trees


def test_one_commit_each_between_pristine_and_overlay(fixed: World) -> None:
    assert fixed.apply() == 0
    assert subjects(fixed)[:5] == [
        f"CPython {VERSION}, pristine",
        *(f"fix: {name}" for name in TAKEN),
        "overlay: add this repository's own files",
    ]
    tree = fixed.tree()
    assert b"fixed 20 well\n" in tree["Objects/object.c"]
    assert b"patched 5\n" in tree["Objects/object.c"]
    assert tree["Lib/test/test_fix.py"] == b"assert True\n"


def test_stock_has_the_same_fixes_by_the_same_commits(fixed: World) -> None:
    assert fixed.apply() == 0
    assert fixed.apply("--tree", "stock") == 0
    stock = fixed.project.src(fixed.pin, "stock")
    head = fixed.git("rev-parse", "HEAD", cwd=stock)
    assert head == fixed.git("rev-parse", f"{fixed.find('fix: test.diff')}")
    assert fixed.git("status", "--porcelain", cwd=stock) == ""


def test_ids_are_the_same_from_an_empty_store(fixed: World) -> None:
    fixed.apply()
    before = fixed.git("rev-parse", "HEAD")
    assert fixed.run("clean", "trees") == 0
    assert fixed.apply() == 0
    assert fixed.git("rev-parse", "HEAD") == before


def test_dates_and_author_are_the_pins(fixed: World) -> None:
    fixed.apply()
    said = fixed.git("log", "-1", "--format=%an %ae %at %ct", fixed.find("fix: crash.diff"))
    assert said == "cpatch cpatch@localhost 1000000000 1000000000"


def test_a_pin_without_fixes_is_as_before(fixed: World) -> None:
    assert fixed.apply() == 0
    with_fixes = fixed.git("rev-parse", "HEAD")
    fixed.pin_text()
    assert fixed.apply() == 0
    assert not [s for s in subjects(fixed) if s.startswith("fix: ")]
    pin(fixed, (fixed.project.cache / ARCHIVE).read_bytes(), patches=[])
    assert fixed.pin.fixes is None
    assert fixed.apply() == 0
    pin(fixed, (fixed.project.cache / ARCHIVE).read_bytes())
    assert fixed.apply() == 0
    assert fixed.git("rev-parse", "HEAD") == with_fixes


def test_series_is_refreshed_and_linted_on_top(fixed: World) -> None:
    fixed.apply()
    before = fixed.snapshot()
    assert fixed.run("lint") == 0
    assert fixed.run("refresh") == 0
    assert fixed.snapshot() == before


def test_diff_is_against_the_fixed_tree(fixed: World, capfdbinary) -> None:
    assert fixed.run("diff") == 0
    assert b"fixed 20" not in capfdbinary.readouterr().out


def test_dropping_a_fix_takes_one_line(fixed: World) -> None:
    fixed.apply()
    pin(fixed, (fixed.project.cache / ARCHIVE).read_bytes(), patches=TAKEN[:1])
    assert fixed.apply() == 0
    assert b"fixed 20\n" in fixed.tree()["Objects/object.c"]


def test_fix_that_does_not_apply(fixed: World, said) -> None:
    pin(fixed, (fixed.project.cache / ARCHIVE).read_bytes(), patches=["CVE-1.patch"])
    assert fixed.apply() == 3
    text = said()
    assert "fix CVE-1.patch (1/1) does not apply" in text
    assert "Objects/object.c: the hunk at line 19 finds other text there" in text
    assert f"{BRANCH}.fixes.patches" in text
    assert not fixed.src.exists()


def test_fix_that_changes_nothing(fixed: World, said) -> None:
    assert fixed.apply() == 0
    pin(fixed, (fixed.project.cache / ARCHIVE).read_bytes(), patches=["other.diff"])
    assert fixed.apply() == 3
    assert "fix other.diff (1/1) does not apply" in said()


# --- the archive


@pytest.mark.parametrize("fetcher", ["fetch", "apply"])
@pytest.mark.parametrize("grow", [0, 3])
def test_tampered_archive(fixed: World, said, tmp_path: Path, fetcher: str, grow: int) -> None:
    wanted = (fixed.project.cache / ARCHIVE).read_bytes()
    bad = tmp_path / "bad"
    bad.write_bytes(wanted[:-1] + b"?" * (1 + grow))
    pin(fixed, wanted, urls=[f"file://{bad}"])
    (fixed.project.cache / ARCHIVE).unlink()
    assert fixed.run(fetcher) == 1
    text = said()
    what = "size" if grow else "sha256"
    assert f"{what} of {ARCHIVE} differs, from file://{bad}" in text
    assert f"wanted {len(wanted) if grow else hashlib.sha256(wanted).hexdigest()}" in text
    assert f"({'patches/upstream.toml'}: {BRANCH}.fixes.{what})" in text
    assert 'fix:   make fetch again, or make fetch ARGS="--fixes FILE"' in text
    assert not (fixed.project.cache / ARCHIVE).exists()
    assert not fixed.src.exists()


def test_tampered_cache_is_put_aside(fixed: World, said) -> None:
    path = fixed.project.cache / ARCHIVE
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert fixed.apply() == 1
    assert f"cannot download {ARCHIVE}" in said()
    assert path.with_name(f"{ARCHIVE}.bad").exists()


@pytest.mark.parametrize("verb", ["fetch", "apply"])
def test_archive_from_a_file(fixed: World, said, tmp_path: Path, verb: str) -> None:
    (fixed.project.cache / ARCHIVE).unlink()
    assert fixed.run(verb, "--fixes", str(tmp_path / ARCHIVE)) == 0
    assert (fixed.project.cache / ARCHIVE).exists()
    assert "fixes    3" in said()


def test_archive_from_apts_roots(fixed: World, tmp_path: Path, monkeypatch) -> None:
    data = (fixed.project.cache / ARCHIVE).read_bytes()
    (fixed.project.cache / ARCHIVE).unlink()
    monkeypatch.setattr(fetch, "apt_roots", lambda: [f"file://{tmp_path}"])
    pin(fixed, data, debian_pool=ARCHIVE)
    assert fixed.run("fetch") == 0
    assert (fixed.project.cache / ARCHIVE).read_bytes() == data


def test_damaged_archive_with_the_right_hash(fixed: World, said) -> None:
    (fixed.project.cache / ARCHIVE).write_bytes(b"no archive")
    pin(fixed, b"no archive")
    assert fixed.apply() == 1
    assert "cannot be unpacked" in said()


def test_fixes_given_to_a_pin_that_takes_none(world: World, said) -> None:
    assert world.run("fetch", "--fixes", str(world.tarball)) == 2
    assert "takes none" in said()


def test_fix_that_the_archive_lacks(fixed: World, said) -> None:
    pin(fixed, (fixed.project.cache / ARCHIVE).read_bytes(), patches=["CVE-2.patch"])
    assert fixed.apply() == 2
    assert f"{ARCHIVE} has no {FOLDER}/CVE-2.patch" in said()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sha256": "12"}, f"{BRANCH}.fixes.sha256: must be 64"),
        ({"size": 0}, f"{BRANCH}.fixes.size: must be the archive's"),
        ({"size": "1"}, f"{BRANCH}.fixes.size has the wrong type"),
        ({"folder": None, "foldr": "x"}, "did you mean folder?"),
        ({"revision": "two words"}, f"{BRANCH}.fixes.revision: must be a short word"),
        ({"revision": "1" * 21}, f"{BRANCH}.fixes.revision: must be a short word"),
        ({"archive": "../x"}, f"{BRANCH}.fixes.archive: must be a file name"),
        ({"patches": ["a", "a"]}, "'a' is listed twice"),
        ({"patches": ["a b"]}, "'a b' is no file name"),
        ({"makefile": ["a b"]}, "'a b' is no NAME=value"),
        ({"makefile": ["A=1 # 2"]}, "'A=1 # 2' is no NAME=value"),
    ],
)
def test_mistakes_in_the_pin_file(fixed: World, said, change, expected: str) -> None:
    pin(fixed, b"x", **change)
    assert fixed.run("status") == 2
    assert expected in said()


# --- status, lint, bump


def test_status_tells(fixed: World, said) -> None:
    assert fixed.run("status") == 0
    assert f"fixes    3 of {ARCHIVE}" in said()
    fixed.apply()
    assert "fixes    3 of" in said()


def test_lint_wants_the_archives_order(fixed: World, said) -> None:
    fixed.run("lint")
    assert "F1" not in said()
    pin(fixed, (fixed.project.cache / ARCHIVE).read_bytes(), patches=["test.diff", "crash.diff"])
    assert fixed.run("lint") == 2
    assert "F1: crash.diff comes before test.diff" in said()


def test_bump_tries_each_fix(fixed: World, said, tmp_path: Path) -> None:
    fixed.apply()
    new = dict(UPSTREAM)
    new["Objects/object.c"] = UPSTREAM["Objects/object.c"].replace("line 20\n", "fixed 20 well\n")
    new["Lib/test/test_fix.py"] = "assert 1\n"
    tarball = make_tarball(tmp_path / "new.tgz", new, top="toy-9.8.8")
    said()
    argv = ("bump", BRANCH, "9.8.8", "--source", str(tarball))
    assert fixed.run(*argv) == 3
    rows = [line.split() for line in said().splitlines() if line.startswith("  ")]
    assert {row[2]: row[0] for row in rows if row[1] == "fix"} == {
        "crash.diff": "conflict",
        "CVE-1.patch": "already-upstream",
        "test.diff": "conflict",
    }
    assert fixed.run(*argv, "--write") == 0
    now = load_pins(fixed.project).get()
    assert now.version == "9.8.8"
    assert now.fixes
    assert now.fixes.patches == ("crash.diff", "test.diff")


def test_bump_to_a_version_that_needs_them_all(fixed: World, said, tmp_path: Path) -> None:
    new = {**UPSTREAM, "Modules/more.c": "more\n"}
    tarball = make_tarball(tmp_path / "new.tgz", new, top="toy-9.8.8")
    assert fixed.run("bump", BRANCH, "9.8.8", "--source", str(tarball), "--write") == 0
    text = said()
    for name in TAKEN:
        assert f"clean            fix {name}" in text
    assert fixed.apply() == 0
    assert b"fixed 20 well\n" in fixed.tree()["Objects/object.c"]


# --- what the interpreter says


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = make_toy(tmp_path / "p", monkeypatch)
    path = made.root / "patches" / "upstream.toml"
    path.write_text(path.read_text() + table(b"x"))
    return Toy(made.root, made.project, load_pins(made.project).get())


def test_makefile_and_identity_tell(toy: Toy) -> None:
    fixes.tell_makefile(toy.root, toy.pin)
    path = toy.root / "Modules" / "Setup.local"
    lines = path.read_text().splitlines()
    assert f"{fixes.NAMES_VARIABLE}={' '.join(TAKEN)}" in lines
    assert f"{fixes.FROM_VARIABLE}=1-2+toy3" in lines
    assert "GITTAG=echo stock+3-fixes-of-1-2+toy3" in make.identity(toy.pin, "stock", "a" * 40)
    before = path.stat().st_mtime_ns
    fixes.tell_makefile(toy.root, toy.pin)
    assert path.stat().st_mtime_ns == before


def test_settings_reach_the_makefile_and_a_change_makes_the_modules_anew(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "interpreter", lambda *args, **more: check.Answers(*"1234", {}))
    path = toy.root / "patches" / "upstream.toml"
    text = path.read_text()
    assert toy.run("build") == 0
    module = toy.obj() / "build" / "module.so"
    module.parent.mkdir()
    module.touch()
    assert toy.run("build") == 0
    assert module.exists()
    path.write_text(text + "makefile = ['X_CFLAGS=-I$(srcdir)/x -DY']\n")
    assert toy.run("build") == 0
    assert "X_CFLAGS=-I$(srcdir)/x -DY" in toy.lines("Modules/Setup.local")
    assert not module.exists()
    assert toy.lines("log.compiled") == ["a", "b"]


def test_interpreter_that_says_otherwise_is_refused(toy: Toy, capsys, monkeypatch) -> None:
    monkeypatch.setattr("cpatch.series.apply.ensure_tree", toy.ensure_tree)
    assert toy.run("build") == 1
    text = capsys.readouterr().err
    assert "has the wrong list of fixes" in text
    assert f"wanted {' '.join(TAKEN)}" in text


def test_longest_label_fits_sys_version() -> None:
    """Its middle part holds 80 characters, date and time included."""
    label = "patched+999-fixes-of-" + "1" * 20
    assert len(f"{label}:{'a' * check.ID_LENGTH}, Nov 28 2026, 12:34:56") <= 80
