"""refresh: an identity, one edit changes one patch, and all or nothing."""

from __future__ import annotations

import pytest
from conftest import BRANCH, NEW_MESSAGE, PATCHES, changes, stands
from cpatch.base.git import Repo
from cpatch.series import export, patchfiles

FIRST, MIDDLE, LAST = PATCHES
S_FIRST = "object: change the fifth line"
S_MIDDLE = "ceval: change the tenth line"
S_OVERLAY = "overlay: add this repository's own files"


def test_nothing_changed_is_an_identity(applied):
    assert applied.run("refresh") == 0
    assert changes(applied) == set()
    stands(applied)


@pytest.mark.parametrize("name", list(PATCHES))
def test_exported_patch_is_the_canonical_form_of_ours(applied, name):
    """The toy's patches are hand-written; exporting them twice gives the same bytes."""
    repo = Repo(applied.project.store)
    number = len(PATCHES) - 1 - list(PATCHES).index(name)
    commit = applied.git("rev-parse", f"HEAD~{number}")
    once = export.formatted(repo, commit)
    message = patchfiles.normal(repo.message(commit))
    again = export.format_patch(repo, repo.tree_of(f"{commit}^"), repo.tree_of(commit), message)
    assert again == once
    text = once.decode()
    assert text.startswith("From 0000000000000000000000000000000000000000 ")
    assert "[PATCH" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "2.39" not in text


def test_fixup_changes_one_patch_only(applied):
    applied.edit("Objects/object.c", "patched 5", "patched five")
    applied.commit("-m", f"fixup! {S_FIRST}")
    assert applied.run("refresh") == 0
    assert changes(applied) == {f"patches/{FIRST}"}
    text = applied.patch(FIRST).read_text()
    assert "+patched five" in text
    assert text.split("\ndiff ")[0] == PATCHES[FIRST].split("\ndiff ")[0]
    assert applied.git("log", "--format=%s").count("\n") == 4
    stands(applied)


def test_lines_that_move_change_no_other_patch(applied):
    """The first patch grows by three lines: the last one, in the same file, keeps its bytes."""
    applied.edit("Objects/object.c", "patched 5\n", "patched 5\na\nb\nc\n")
    applied.commit("--fixup", applied.find(S_FIRST))
    assert applied.run("refresh") == 0
    assert changes(applied) == {f"patches/{FIRST}"}
    stands(applied)


def test_amend_of_the_last_commit(applied):
    applied.edit("Objects/object.c", "patched 30", "patched thirty")
    applied.commit("--amend", "--no-edit")
    assert applied.run("refresh") == 0
    assert changes(applied) == {f"patches/{LAST}"}
    stands(applied)


def test_reworded_message_changes_the_header_only(applied):
    message = applied.git("log", "-1", "--format=%B").replace("the thirtieth", "line thirty of")
    applied.git("commit", "-q", "--amend", "-m", message)
    assert applied.run("refresh") == 0
    assert changes(applied) == {f"patches/{LAST}"}
    text = applied.patch(LAST).read_text()
    assert "Subject: object: change line thirty of line\n" in text
    stands(applied)


def test_new_commit_becomes_a_new_patch_at_the_end(applied, said):
    applied.edit("Modules/gc.c", "gc 9\n", "patched 9\n")
    applied.commit("-m", NEW_MESSAGE)
    assert applied.run("refresh") == 0
    name = f"{BRANCH}/gc-change-the-ninth-line.patch"
    assert changes(applied) == {f"patches/{name}", f"patches/series.{BRANCH}"}
    assert applied.series.read_text() == f"# toy\n{FIRST}\n{MIDDLE}\n{LAST}\n{name}\n"
    assert "new      patches/" in said()
    stands(applied)


def test_new_patch_for_several_branches_goes_to_common(applied):
    applied.edit("Modules/gc.c", "gc 9\n", "patched 9\n")
    applied.commit("-m", NEW_MESSAGE.replace("Applies: 9.8", "Applies: 9.8 9.9"))
    assert applied.run("refresh") == 0
    assert applied.patch("common/gc-change-the-ninth-line.patch").exists()


def test_new_patch_does_not_overwrite_one_of_the_same_name(applied):
    taken = applied.patch(f"{BRANCH}/gc-change-the-ninth-line.patch")
    taken.write_text("something else\n")
    applied.edit("Modules/gc.c", "gc 9\n", "patched 9\n")
    applied.commit("-m", NEW_MESSAGE)
    assert applied.run("refresh") == 0
    assert taken.read_text() == "something else\n"
    assert f"{BRANCH}/gc-change-the-ninth-line-2.patch" in applied.series.read_text()


def test_reordered_commits_reorder_the_series(applied):
    first, middle, last = (applied.git("rev-parse", f"HEAD~{n}") for n in (2, 1, 0))
    applied.git("reset", "-q", "--hard", "HEAD~3")
    for commit in (middle, first, last):
        applied.git("cherry-pick", commit)
    assert applied.run("refresh") == 0
    assert changes(applied) == {f"patches/series.{BRANCH}"}
    assert applied.series.read_text() == f"# toy\n{MIDDLE}\n{FIRST}\n{LAST}\n"
    stands(applied)


def test_dropped_commit_drops_the_patch(applied, said):
    last = applied.git("rev-parse", "HEAD")
    applied.git("reset", "-q", "--hard", "HEAD~2")
    applied.git("cherry-pick", last)
    assert applied.run("refresh") == 0
    assert changes(applied) == {f"patches/series.{BRANCH}", f"patches/{MIDDLE}"}
    assert not applied.patch(MIDDLE).exists()
    assert f"dropped  {MIDDLE}" in said()
    stands(applied)


def test_dropped_patch_that_another_pin_lists_keeps_its_file(applied):
    text = (applied.root / "patches/upstream.toml").read_text()
    table = text.split("\n", 1)[1].replace(f'["{BRANCH}"]', '["9.9"]')
    (applied.root / "patches/upstream.toml").write_text(text + table)
    (applied.root / "patches/series.9.9").write_text(f"{MIDDLE}\n")
    last = applied.git("rev-parse", "HEAD")
    applied.git("reset", "-q", "--hard", "HEAD~2")
    applied.git("cherry-pick", last)
    assert applied.run("refresh") == 0
    assert applied.patch(MIDDLE).exists()
    assert MIDDLE not in applied.series.read_text()


# --- the overlay


def test_overlay_edit_goes_to_the_repository(applied):
    applied.edit("Objects/immortal.c", "= 1", "= 3")
    applied.commit("--fixup", applied.find(S_OVERLAY))
    assert applied.run("refresh") == 0
    assert changes(applied) == {"Objects/immortal.c"}
    assert (applied.root / "Objects/immortal.c").read_text() == "int immortal = 3;\n"
    stands(applied)


def test_overlay_edit_in_a_patch_commit_is_split_off(applied):
    applied.edit("Objects/immortal.c", "= 1", "= 3")
    applied.edit("Objects/object.c", "patched 30", "patched thirty")
    applied.commit("--amend", "--no-edit")
    assert applied.run("refresh") == 0
    assert changes(applied) == {"Objects/immortal.c", f"patches/{LAST}"}
    assert "immortal.c" not in applied.patch(LAST).read_text().split("\ndiff ")[1]
    stands(applied)


def test_commit_with_overlay_changes_only_makes_no_patch(applied, said):
    applied.edit("Objects/immortal.c", "= 1", "= 3")
    (applied.src / "Python/newfile.c").write_text("new\n")
    (applied.src / "Python/newfile.c").chmod(0o755)
    applied.commit("-m", "immortal: improve")
    assert applied.run("refresh") == 0
    assert changes(applied) == {"Objects/immortal.c", "Python/newfile.c"}
    assert (applied.root / "Python/newfile.c").stat().st_mode & 0o111
    assert "folded into overlay" in said()
    stands(applied)


def test_overlay_file_deleted_in_the_tree(applied):
    applied.git("rm", "-q", "Include/internal/immortal.h")
    applied.commit("-m", "immortal: no header")
    assert applied.run("refresh") == 0
    assert changes(applied) == {"Include/internal/immortal.h"}
    stands(applied)


def test_edit_of_the_pins_own_overlay_goes_below_the_pin(applied):
    kept = applied.root / "patches" / BRANCH / "Objects/own.c"
    kept.parent.mkdir(parents=True)
    kept.write_text("int own = 1;\n")
    applied.apply()
    assert (applied.src / "Objects/own.c").read_text() == "int own = 1;\n"
    applied.edit("Objects/own.c", "= 1", "= 2")
    applied.commit("--fixup", applied.find(S_OVERLAY))
    assert applied.run("refresh") == 0
    assert kept.read_text() == "int own = 2;\n"
    assert not (applied.root / "Objects/own.c").exists()
    stands(applied)


def test_overlay_edited_on_both_sides_is_refused(applied, said):
    applied.edit("Objects/immortal.c", "= 1", "= 3")
    applied.commit("-m", "immortal: three")
    (applied.root / "Objects/immortal.c").write_text("int immortal = 4;\n")
    before = applied.snapshot(), applied.tree()
    said()
    assert applied.run("refresh") == 1
    assert "since the last apply: Objects/immortal.c" in said()
    assert (applied.snapshot(), applied.tree()) == before


def test_other_overlay_file_edited_here_stays(applied, said):
    """An edit in the tree and one in the repository, to different files, do not meet."""
    applied.edit("Objects/immortal.c", "= 1", "= 3")
    applied.commit("-m", "immortal: three")
    (applied.root / "Include/internal/immortal.h").write_text("/* mine */\n")
    said()
    assert applied.run("refresh") == 0
    assert (applied.root / "Include/internal/immortal.h").read_text() == "/* mine */\n"
    assert (applied.root / "Objects/immortal.c").read_text() == "int immortal = 3;\n"
    assert "make apply" in said()
    stands_after = applied.apply()
    assert stands_after == 0
    assert applied.tree()["Include/internal/immortal.h"] == b"/* mine */\n"


# --- a conflict, resolved in the tree


def test_stop_redo_refresh_keeps_the_later_patches(applied, said):
    broken = PATCHES[MIDDLE].replace(" eval 8\n", " eval eight\n")
    applied.patch(MIDDLE).write_text(broken)
    applied.before = applied.snapshot()
    assert applied.apply() == 3
    assert f"--stop {MIDDLE}" in said()
    assert applied.apply("--stop", MIDDLE) == 0
    assert applied.git("log", "-1", "--format=%s") == S_FIRST
    message = PATCHES[MIDDLE].split("Subject: ")[1].split("\ndiff ")[0]
    applied.edit("Python/ceval.c", "eval 10\n", "patched ten\n")
    applied.commit("-m", message)
    assert applied.run("refresh") == 0
    assert changes(applied) == {f"patches/{MIDDLE}"}
    assert applied.apply() == 0
    assert applied.series.read_text() == f"# toy\n{FIRST}\n{MIDDLE}\n{LAST}\n"
    assert b"patched ten\n" in applied.tree()["Python/ceval.c"]
    assert b"patched 30\n" in applied.tree()["Objects/object.c"]
    stands(applied)


def test_bytes_that_are_no_utf8_and_crlf_survive(applied):
    path = applied.src / "Modules/gc.c"
    path.write_bytes(path.read_bytes().replace(b"gc 9\n", b"caf\xe9\r\n\tx \n"))
    applied.commit("-m", NEW_MESSAGE)
    assert applied.run("refresh") == 0
    data = applied.patch(f"{BRANCH}/gc-change-the-ninth-line.patch").read_bytes()
    assert b"+caf\xe9\r\n+\tx \n" in data
    stands(applied)


def test_long_and_foreign_subjects_round_trip(applied):
    subject = "gc: grüße ändern " + "wort " * 20
    applied.edit("Modules/gc.c", "gc 9\n", "patched 9\n")
    applied.commit("-m", subject + "\n\nDa ist ein Grund, und zwar ein guter: ß.\n")
    assert applied.run("refresh") == 0
    assert applied.git("log", "-1", "--format=%s").strip() == subject.strip()
    stands(applied)


def test_last_line_without_newline(applied):
    path = applied.src / "README"
    path.write_text("toy\nmore")
    applied.commit("-m", NEW_MESSAGE)
    assert applied.run("refresh") == 0
    assert (
        b"\\ No newline at end of file"
        in applied.patch(f"{BRANCH}/gc-change-the-ninth-line.patch").read_bytes()
    )
    stands(applied)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/1.patch", "a/2.patch"], "# h\na/1.patch  # one\n\n# i\na/2.patch\n"),
        (["a/2.patch"], "# h\n\n# i\na/2.patch\n"),
        (["a/2.patch", "a/1.patch"], "# h\na/2.patch\n\n# i\na/1.patch  # one\n"),
        (["a/1.patch", "n/3.patch", "a/2.patch"],
         "# h\na/1.patch  # one\nn/3.patch\n\n# i\na/2.patch\n"),
        (["n/3.patch", "a/1.patch", "a/2.patch"],
         "# h\nn/3.patch\na/1.patch  # one\n\n# i\na/2.patch\n"),
    ],
)  # fmt: skip
def test_series_keeps_headings_and_comments(names, expected):
    text = "# h\na/1.patch  # one\n\n# i\na/2.patch\n"
    assert patchfiles.edit_series(text, names) == expected
