"""apply: the same commits everywhere, all or nothing, and no work of the user's lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import BRANCH, OVERLAY, PATCHES, UPSTREAM, make_patch, make_tarball, make_world
from cpatch.base.git import Repo
from cpatch.series import export

FIRST, MIDDLE, LAST = PATCHES


def test_tree_is_upstream_plus_overlay_plus_patches(world):
    assert world.apply() == 0
    tree = world.tree()
    assert set(tree) == set(UPSTREAM) | set(OVERLAY)
    assert b"patched 5\n" in tree["Objects/object.c"]
    assert b"patched 30\n" in tree["Objects/object.c"]
    assert b"patched 10\n" in tree["Python/ceval.c"]
    assert os.access(world.src / "configure", os.X_OK)
    assert not os.access(world.src / "README", os.X_OK)
    assert world.git("log", "--format=%s").splitlines() == [
        "object: change the thirtieth line",
        "ceval: change the tenth line",
        "object: change the fifth line",
        "overlay: add this repository's own files",
        "CPython 9.8.7, pristine",
    ]


def test_message_keeps_the_trailers(world):
    world.apply()
    trailers = world.git("log", "-1", "--format=%(trailers:key=Applies,valueonly)")
    assert trailers == BRANCH


def test_stock_tree_has_neither_overlay_nor_patches(world):
    assert world.apply("--tree", "stock") == 0
    stock = world.project.src(world.pin, "stock")
    assert not (stock / "Objects/immortal.c").exists()
    assert (stock / "Objects/object.c").read_text() == UPSTREAM["Objects/object.c"]


def test_empty_series_and_empty_overlay(world):
    for path in OVERLAY:
        (world.root / path).unlink()
    for name in PATCHES:
        world.patch(name).unlink()
    world.series.write_text("# nothing yet\n")
    assert world.apply() == 0
    assert set(world.tree()) == set(UPSTREAM)
    assert world.run("refresh") == 0
    assert world.run("status") == 0


def test_two_clones_give_the_same_ids(tmp_path, monkeypatch):
    ids = []
    for n, umask in enumerate((0o022, 0o077)):
        old = os.umask(umask)
        try:
            world = make_world(tmp_path / f"clone{n}", tmp_path / "toy.tgz", monkeypatch)
            monkeypatch.setenv("TZ", f"UTC+{n}")
            assert world.apply() == 0
        finally:
            os.umask(old)
        ids.append(world.git("log", "--format=%H %T"))
    assert ids[0] == ids[1]


def test_users_git_configuration_is_ignored(world, tmp_path, monkeypatch):
    world.apply()
    expected = world.git("rev-parse", "HEAD")
    exported = export.formatted(Repo(world.project.store), expected)
    home = tmp_path / "home"
    hooks = tmp_path / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    (hooks / "post-checkout").chmod(0o755)
    home.mkdir()
    (home / ".gitconfig").write_text(
        f"[commit]\ngpgsign = true\n[core]\nautocrlf = true\nhooksPath = {hooks}\n"
        "[apply]\nwhitespace = fix\n[diff]\nnoprefix = true\nmnemonicPrefix = true\n"
        "[format]\nsignOff = true\n[user]\nname = Other\nemail = other@example.org\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Env")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    other = make_world(tmp_path / "other", world.tarball, monkeypatch)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert other.apply() == 0
    assert export.formatted(Repo(other.project.store), expected) == exported
    monkeypatch.delenv("GIT_DIR")
    assert other.git("rev-parse", "HEAD") == expected
    assert b"\r" not in (other.src / "Objects/object.c").read_bytes()
    assert not (tmp_path / "hooked").exists()


def test_apply_twice_is_apply_once(world):
    world.apply()
    before = world.git("rev-parse", "HEAD"), world.tree(), mtimes(world.src)
    assert world.apply() == 0
    assert (world.git("rev-parse", "HEAD"), world.tree(), mtimes(world.src)) == before


def test_files_that_do_not_change_keep_their_mtime(world):
    world.apply()
    past = time.time() - 1000
    for path in world.src.rglob("*"):
        if path.is_file() and path.name != ".git":
            os.utime(path, (past, past))
    (world.root / "Objects/immortal.c").write_text("int immortal = 2;\n")
    assert world.apply() == 0
    young = {path for path, at in mtimes(world.src).items() if at > past + 1}
    assert young == {"Objects/immortal.c"}


def mtimes(src: Path) -> dict[str, float]:
    return {
        str(p.relative_to(src)): p.stat().st_mtime
        for p in src.rglob("*")
        if p.is_file() and p.name != ".git"
    }


def test_build_inside_an_ignored_directory_of_another_repository(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("*\n")
    world = make_world(tmp_path / "repo", tmp_path / "toy.tgz", monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert world.apply() == 0
    assert b"patched 5\n" in world.tree()["Objects/object.c"]


def test_unpacked_tree_is_checked_against_the_pin(world, said):
    world.apply()
    right = world.git("rev-parse", "HEAD~4^{tree}")
    world.pin_text(tree=right)
    assert world.apply() == 0
    world.pin_text(tree="1" * 40)
    (world.root / "Objects/immortal.c").write_text("int immortal = 2;\n")
    said()
    assert world.apply() == 1
    text = said()
    assert f"wanted {'1' * 40}" in text
    assert right in text


# --- the series


@pytest.mark.parametrize(("name", "number"), [(FIRST, 1), (MIDDLE, 2), (LAST, 3)])
def test_conflict_names_the_patch_and_changes_nothing(world, said, name, number):
    world.apply()
    head, tree = world.git("rev-parse", "HEAD"), world.tree()
    patch = world.patch(name)
    patch.write_text(
        patch.read_text().replace("\n line ", "\n lime ").replace("\n eval ", "\n evil ")
    )
    said()
    assert world.apply() == 3
    text = said()
    assert f"patches/{name} ({number}/3) does not apply" in text
    assert "the hunk at line" in text
    assert "fix:" in text
    assert (world.git("rev-parse", "HEAD"), world.tree()) == (head, tree)


def test_context_may_not_be_fuzzy(world, said):
    patch = world.patch(FIRST)
    patch.write_text(patch.read_text().replace(" line 2\n", " line two\n"))
    assert world.apply() == 3
    assert not world.src.exists()


def test_patch_to_a_file_that_is_not_there(world, said):
    patch = world.patch(MIDDLE)
    patch.write_text(patch.read_text().replace("Python/ceval.c", "Python/gone.c"))
    assert world.apply() == 3
    assert "Python/gone.c: does not exist" in said()


def test_patch_missing(world, said):
    world.patch(MIDDLE).unlink()
    assert world.apply() == 2
    assert f"series.{BRANCH}:3: patches/{MIDDLE} is missing" in said()


def test_patch_listed_twice(world, said):
    world.series.write_text(world.series.read_text() + f"{FIRST}\n")
    assert world.apply() == 2
    assert f"series.{BRANCH}:5: {FIRST} is listed twice" in said()


def test_line_that_is_no_patch_name(world, said):
    world.series.write_text("../elsewhere.patch\n")
    assert world.apply() == 2
    assert f"series.{BRANCH}:1: not the name of a patch" in said()


def test_series_missing(world, said):
    world.series.unlink()
    assert world.apply() == 2
    assert f"series.{BRANCH} is missing" in said()


def test_patch_without_a_diff(world, said):
    world.patch(MIDDLE).write_text("Subject: ceval: do nothing\n\nnothing\n")
    assert world.apply() == 3
    assert f"patches/{MIDDLE} (2/3)" in said()


@pytest.mark.parametrize(
    "path", ["Objects/object.c", "Objects/object.c/inner.c", "Lib/test"], ids=lambda p: p
)
def test_overlay_that_exists_upstream(world, said, path):
    if path == "Lib/test":  # upstream a directory, here a file: found through Objects
        make_tarball(world.tarball, {**UPSTREAM, "Objects/sub/deep.c": "x\n"})
        world.pin_text()
        (world.project.cache / world.pin.tarball).write_bytes(world.tarball.read_bytes())
        path = "Objects/sub"
    (world.root / path).parent.mkdir(parents=True, exist_ok=True)
    (world.root / path).write_text("mine\n")
    assert world.apply() == 2
    text = said()
    assert f"overlay {path} shadows upstream" in text
    assert not world.src.exists()


def test_patch_that_touches_the_overlay(world, said):
    body = make_patch(
        "immortal: change it",
        "Objects/immortal.c",
        "int immortal = 1;\n",
        "int immortal = 2;\n",
        files=OVERLAY,
    )
    world.patch(LAST).write_text(body)
    assert world.apply() == 2
    assert f"patches/{LAST} touches overlay file Objects/immortal.c" in said()


def test_junk_beside_the_overlay_stays_out(world):
    (world.root / "Lib/test/__pycache__").mkdir(parents=True)
    (world.root / "Lib/test/__pycache__/x.pyc").write_text("x")
    (world.root / "Objects/.immortal.c.swp").write_text("x")
    assert world.apply() == 0
    assert set(world.tree()) == set(UPSTREAM) | set(OVERLAY)


def test_unwritable_build_directory(world, said, monkeypatch):
    blocked = world.root / "file"
    blocked.write_text("not a directory\n")
    monkeypatch.setenv("CPATCH_BUILD", str(blocked / "build"))
    assert world.apply() == 1
    text = said()
    assert "cannot write to file/build: Not a directory" in text
    assert "CPATCH_BUILD" in text


def test_second_driver_waits_for_the_first(world):
    script = "import sys; from cpatch.cli import main; main(['apply'])"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    both = [
        subprocess.Popen([sys.executable, "-c", script], env=env, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for child in both:
        _, err = child.communicate(timeout=60)
        assert child.returncode == 0, err
    assert world.git("status", "--porcelain") == ""


def test_sigterm_ends_the_driver_and_its_child(tmp_path):
    script = (
        "import signal, sys; from pathlib import Path; from cpatch import cli\n"
        "from cpatch.base import proc\n"
        "signal.signal(signal.SIGTERM, cli._terminated)\n"
        "proc.run(['sh', '-c', 'echo $$ > pid; exec sleep 60'], cwd=Path(sys.argv[1]))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=env)
    for _ in range(100):
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 128 + signal.SIGTERM
    stat = Path("/proc", (tmp_path / "pid").read_text().strip(), "stat")
    for _ in range(200):
        # An orphan that has ended stays there until init has time for it.
        if not stat.exists() or stat.read_text().rpartition(") ")[2].startswith("Z"):
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child still runs")
