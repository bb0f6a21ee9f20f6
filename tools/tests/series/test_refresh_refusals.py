"""refresh refuses what would lose work, and writes all or nothing."""

from __future__ import annotations

import pytest
from conftest import BRANCH, NEW_MESSAGE, PATCHES, changes, stands
from cpatch.series import refresh

FIRST, MIDDLE, LAST = PATCHES
S_FIRST = "object: change the fifth line"
S_MIDDLE = "ceval: change the tenth line"


def refused(world, said, code=1) -> str:
    before = world.snapshot(), world.tree(), world.git("rev-parse", "HEAD")
    said()
    assert world.run("refresh") == code
    assert (world.snapshot(), world.tree(), world.git("rev-parse", "HEAD")) == before
    return said()


@pytest.mark.parametrize("path", ["Objects/object.c", "Objects/immortal.c", "Objects/new.c"])
def test_uncommitted_edit(applied, said, path):
    (applied.src / path).write_text("mine\n")
    text = refused(applied, said)
    assert path in text
    assert "commit --fixup" in text


@pytest.mark.parametrize("back", [3, 4], ids=["overlay", "pristine"])
def test_empty_range_would_delete_everything(applied, said, back):
    applied.git("reset", "-q", "--hard", f"HEAD~{back}")
    assert "would delete all 3" in refused(applied, said)


def test_unrelated_history(applied, said):
    applied.git("checkout", "-q", "--orphan", "other")
    applied.git("commit", "-q", "-m", "other")
    assert "not based on the pristine commit" in refused(applied, said)


def test_merge_commit(applied, said):
    applied.git("checkout", "-q", "-b", "side", "HEAD~1")
    applied.edit("Modules/gc.c", "gc 9\n", "patched 9\n")
    applied.commit("-m", NEW_MESSAGE)
    applied.git("merge", "-q", "-m", "merge", f"{BRANCH}/patched")
    assert "is a merge" in refused(applied, said)


def test_fixup_that_conflicts(applied, said):
    applied.edit("Objects/object.c", "patched 5", "patched five")
    applied.commit("-m", "object: more\n\nlater change of the same line")
    applied.edit("Objects/object.c", "patched five", "patched 5.0")
    applied.commit("-m", f"fixup! {S_FIRST}")
    text = refused(applied, said)
    assert "conflict in Objects/object.c" in text
    assert "rebase -i --autosquash" in text
    assert list(applied.project.build.glob("rebase-*")) == []


def test_fixup_without_target(applied, said):
    applied.edit("Objects/object.c", "patched 5", "patched five")
    applied.commit("-m", "fixup! nothing like that")
    assert "no commit matches" in refused(applied, said)


def test_patch_edited_on_both_sides(applied, said):
    applied.edit("Objects/object.c", "patched 5", "patched five")
    applied.commit("-m", f"fixup! {S_FIRST}")
    applied.patch(FIRST).write_text(PATCHES[FIRST].replace("+patched 5", "+patched V"))
    text = refused(applied, said)
    assert f"since the last apply: {FIRST}" in text


def test_patch_that_becomes_empty(applied, said):
    applied.edit("Objects/object.c", "patched 30", "line 30")
    applied.commit("-m", "fixup! object: change the thirtieth line")
    assert "would leave a patch without any change" in refused(applied, said)


def test_patch_whose_change_is_undone_by_a_rebase(applied, said):
    message = applied.git("log", "-1", "--format=%B")
    applied.git("reset", "-q", "--hard", "HEAD~1")
    applied.git("commit", "-q", "--allow-empty", "-m", message)
    assert f"patches/{LAST} no longer changes" in refused(applied, said)


def test_no_tree_yet(world, said):
    assert world.run("refresh") == 1
    assert "make apply" in said()


def test_check_writes_nothing_and_fails(applied, said):
    applied.edit("Objects/object.c", "patched 5", "patched five")
    applied.commit("-m", f"fixup! {S_FIRST}")
    head = applied.git("rev-parse", "HEAD")
    assert applied.run("refresh", "--check") == 1
    assert f"patches/{FIRST}" in said()
    assert changes(applied) == set()
    assert applied.git("rev-parse", "HEAD") == head


def test_failing_write_leaves_everything(applied, said, monkeypatch):
    applied.edit("Objects/object.c", "patched 5", "patched five")
    applied.edit("Objects/immortal.c", "= 1", "= 3")
    applied.edit("Python/ceval.c", "patched 10", "patched ten")
    applied.git("commit", "-q", "-m", f"fixup! {S_FIRST}", "Objects")
    applied.git("commit", "-q", "-m", f"fixup! {S_MIDDLE}", "Python")
    real, calls = refresh.Path.replace, []

    def failing(self, target):
        calls.append(target)
        if len(calls) == 2 and self.name.startswith(".cpatch-"):
            raise OSError(28, "No space left on device", str(target))
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(refresh.Path, "replace", failing)
        text = refused(applied, said)
    assert "No space left on device" in text
    assert "nothing was changed" in text
    assert changes(applied) == set()
    assert applied.run("refresh") == 0
    assert changes(applied) == {f"patches/{FIRST}", f"patches/{MIDDLE}", "Objects/immortal.c"}
    stands(applied)


def test_interrupted_between_writing_and_recording_is_repeated(applied, monkeypatch):
    applied.edit("Objects/object.c", "patched 5", "patched five")
    applied.edit("Objects/immortal.c", "= 1", "= 3")
    applied.commit("-m", f"fixup! {S_FIRST}")

    def killed(self, record):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("cpatch.sources.worktree.Worktree.follow", killed)
        assert applied.run("refresh") == 130
    assert applied.run("refresh") == 0
    assert changes(applied) == {f"patches/{FIRST}", "Objects/immortal.c"}
    stands(applied)
