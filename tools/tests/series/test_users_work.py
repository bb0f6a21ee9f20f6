"""apply and the user's work: nothing is lost, not even when we are killed half-way."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from conftest import OVERLAY, UPSTREAM, make_world
from cpatch.base.errors import CpatchError
from cpatch.series.apply import ensure_tree
from cpatch.sources import upstream, worktree


def dirty_edit(world):
    world.edit("Modules/gc.c", "gc 7", "mine 7")


def dirty_new_file(world):
    (world.src / "Modules/new.c").write_text("mine\n")


def own_commit(world):
    world.edit("Modules/gc.c", "gc 7", "mine 7")
    world.commit("-m", "gc: mine")


def reset_back(world):
    world.git("reset", "-q", "--hard", "HEAD~1")


@pytest.mark.parametrize("work", [dirty_edit, dirty_new_file, own_commit, reset_back])
@pytest.mark.parametrize("changed", [False, True], ids=["same inputs", "other inputs"])
def test_work_in_the_tree_is_refused_and_kept(world, said, work, changed):
    world.apply()
    work(world)
    if changed:
        (world.root / "Objects/immortal.c").write_text("int immortal = 2;\n")
    before = world.tree(), world.git("rev-parse", "HEAD")
    said()
    assert world.apply() == 1
    text = said()
    assert "holds work that applying would lose" in text
    assert "make refresh" in text
    assert "--discard" in text
    assert (world.tree(), world.git("rev-parse", "HEAD")) == before


def test_build_uses_edits_when_inputs_are_the_same(world):
    world.apply()
    dirty_edit(world)
    tree = ensure_tree(world.project, world.pin, "patched")
    assert tree.dirty == ("Modules/gc.c",)
    assert "edited" in tree.label
    world.commit("-m", "gc: mine")
    own_commit_id = world.git("rev-parse", "HEAD")
    tree = ensure_tree(world.project, world.pin, "patched")
    assert (tree.commit, tree.own, tree.dirty) == (own_commit_id, 1, ())
    (world.root / "Objects/immortal.c").write_text("int immortal = 2;\n")
    with pytest.raises(CpatchError, match="would lose"):
        ensure_tree(world.project, world.pin, "patched")


def test_discard_keeps_the_work_where_git_finds_it(world):
    world.apply()
    clean = world.tree()
    own_commit(world)
    mine = world.git("rev-parse", "HEAD")
    (world.src / "Modules/new.c").write_text("mine\n")
    world.edit("Python/ceval.c", "eval 20", "mine 20")
    assert world.apply("--discard") == 0
    assert world.tree() == clean
    assert mine in world.git("for-each-ref", "refs/discarded")
    world.git("stash", "pop")
    assert (world.src / "Modules/new.c").read_text() == "mine\n"
    assert b"mine 20" in world.tree()["Python/ceval.c"]


def test_unfinished_rebase_is_refused(world, said):
    world.apply()
    subprocess.run(
        [
            "git",
            "-c",
            "user.name=U",
            "-c",
            "user.email=u@e",
            "rebase",
            "-q",
            "-x",
            "false",
            "HEAD~1",
        ],
        cwd=world.src,
        capture_output=True,
    )
    (world.root / "Objects/immortal.c").write_text("int immortal = 2;\n")
    said()
    assert world.apply("--discard") == 1
    assert "a rebase is going on" in said()


def test_foreign_directory_is_refused(world, said):
    world.src.mkdir(parents=True)
    (world.src / "thesis.txt").write_text("mine\n")
    assert world.apply() == 1
    assert "is not a source tree made by cpatch" in said()
    assert (world.src / "thesis.txt").exists()


def test_moved_checkout_still_works(world, tmp_path, monkeypatch):
    world.apply()
    moved = tmp_path / "elsewhere"
    world.root.rename(moved)
    monkeypatch.setenv("CPATCH_ROOT", str(moved))
    monkeypatch.setenv("CPATCH_BUILD", str(moved / "build"))
    world.root = moved
    assert world.apply() == 0
    assert world.git("status", "--porcelain") == ""


def test_removed_tree_is_made_again(world):
    world.apply()
    ids = world.git("rev-parse", "HEAD")
    shutil.rmtree(world.src)
    assert world.apply() == 0
    assert world.git("rev-parse", "HEAD") == ids


@pytest.mark.parametrize("when", ["before", "during", "fresh"])
def test_killed_while_moving_the_tree_is_completed(world, monkeypatch, when):
    if when != "fresh":
        world.apply()
        (world.root / "Objects/immortal.c").write_text("int immortal = 2;\n")
        (world.root / "Objects/more.c").write_text("more\n")

    def killed(self, commit):
        if when == "during":
            (self.path / "Objects/immortal.c").write_text("int imm")
            (self.path / "Objects/more.c").write_text("mo")
        (self.admin / "index.lock").write_text("")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(worktree.Worktree, "_reset", killed)
        assert world.apply() == 130
    assert world.apply() == 0
    expected = b"int immortal = 1;\n" if when == "fresh" else b"int immortal = 2;\n"
    assert world.tree()["Objects/immortal.c"] == expected
    assert world.git("status", "--porcelain") == ""


def test_killed_half_way_and_edited_since_is_refused(world, monkeypatch, said):
    world.apply()
    (world.root / "Objects/immortal.c").write_text("int immortal = 2;\n")

    def killed(self, commit):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(worktree.Worktree, "_reset", killed)
        assert world.apply() == 130
    dirty_edit(world)
    assert world.apply() == 1
    assert "Modules/gc.c" in said()
    assert b"mine 7" in world.tree()["Modules/gc.c"]


def test_killed_while_unpacking_starts_again(tmp_path, monkeypatch):
    world = make_world(tmp_path / "repo", tmp_path / "toy.tgz", monkeypatch)
    real = upstream._stream

    def half(tarball, ref):
        for n, chunk in enumerate(real(tarball, ref)):
            if n > 4:
                raise KeyboardInterrupt
            yield chunk

    with monkeypatch.context() as patched:
        patched.setattr(upstream, "_stream", half)
        assert world.apply() == 130
    assert world.apply() == 0
    assert set(world.tree()) == set(UPSTREAM) | set(OVERLAY)
