"""session: which kept runs count, and which are told to be left out."""

from __future__ import annotations

import fcntl
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import compattoy
import pytest
from buildtoy import Toy
from compattoy import TABLE, Runs
from cpatch.compat import page, session
from cpatch.compat.running import LIMIT
from cpatch.kept.keeping import keep

toy = compattoy.toy
runs = compattoy.runs


def change(toy: Toy, name: str, **more: Any) -> None:
    path = session.place(toy.project, toy.pin) / "runs" / f"{name}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))


def limit(toy: Toy, seconds: int) -> None:
    path = toy.root / "tools" / "compat" / "packages.toml"
    path.write_text(TABLE.replace('imports = ["toy"]', f'imports = ["toy"]\nseconds = {seconds}'))


def test_a_run_that_was_cut_is_void_when_it_may_take_longer(toy: Toy, runs: Runs) -> None:
    runs.status = {"patched": LIMIT, "stock": LIMIT}
    limit(toy, 20)
    assert toy.run("compat", "--only", "toy") == 0
    for seconds in (20, 10):
        limit(toy, seconds)
        toy.run("compat", "--only", "toy")
        assert len(runs.asked) == 3
    limit(toy, 30)
    assert toy.run("compat", "--only", "toy") == 0
    assert [each[1] for each in runs.asked[3:]] == ["stock", "patched"]


def test_runs_with_other_packages_installed_are_not_compared(toy: Toy, runs: Runs) -> None:
    toy.run("compat", "--only", "toy")
    runs.installed = ["toy==1", "tie==3"]
    # All is kept and the same: there is nothing to run, and no environment is asked for.
    assert toy.run("compat", "--only", "toy") == 0
    assert len(runs.asked) == 3
    (session.place(toy.project, toy.pin) / "runs" / "toy.call.json").unlink()
    assert toy.run("compat", "--only", "toy") == 0
    assert [each[1] for each in runs.asked[3:]] == ["stock", "patched", "call"]
    # Found in files of two sides, it is the same as with one that is missing.
    change(toy, "toy.stock", installed=["toy==1"])
    assert toy.run("compat", "--only", "toy") == 0
    assert [each[1] for each in runs.asked[6:]] == ["stock"]


def test_what_is_run_again_is_not_compared_with_other_packages(toy: Toy, runs: Runs) -> None:
    toy.run("compat", "--only", "toy")
    change(toy, "toy.call", runs=[{"tests": {"a": "failed"}, "seconds": 1.0, "status": 1}])
    runs.installed = ["toy==1", "tie==3"]
    assert toy.run("compat", "--only", "toy") == 0
    assert [each[1:] for each in runs.asked[3:]] == [("stock", 0), ("patched", 0), ("call", 0)]


def test_what_does_not_count_is_named(
    toy: Toy, runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = tmp_path / "immortal_heap-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("immortal_heap/__init__.py", "")
    toy.run("compat", "--wheel", str(wheel))
    place = session.place(toy.project, toy.pin)
    kept = json.loads((place / "runs" / "toy.wheel.json").read_text())
    change(toy, "toy.wheel", key={**kept["key"], "package": "another"})
    change(toy, "tie.call", installed=["toy==2"])
    assert toy.run("compat", "--write") == 0
    text = (toy.root / "docs" / "compat.md").read_text()
    assert "| toy 1 | wheel | 1 | same | same |" in text
    assert "| tie" not in text
    said = capsys.readouterr().err
    assert "toy is left out, wheel: its entry is another one since" in said
    assert "tie is left out, call: other packages were installed than for stock" in said


def test_what_did_not_run_is_named(toy: Toy, runs: Runs) -> None:
    toy.run("compat", "--only", "tie")
    toy.run("compat", "--write")
    text = (toy.root / "docs" / "compat.md").read_text()
    assert "1 of 1 packages" in text
    assert "\n\nNot run yet: toy.\n\n| package |" in text
    toy.run("compat", "--only", "toy")
    toy.run("compat", "--write")
    assert "Not run yet" not in (toy.root / "docs" / "compat.md").read_text()


def test_of_several_trees_each_has_its_packages(toy: Toy, runs: Runs) -> None:
    toy.run("compat")
    toy.run("compat", "--write")
    path = toy.root / "docs" / "compat.md"
    old = json.loads((session.place(toy.project, toy.pin) / "runs" / "toy.call.json").read_text())
    assert f"\nPatched: tree {old['tree'][:12]}.  \n" in path.read_text()
    for name in ("toy.patched", "toy.call", "tie.call"):
        change(toy, name, tree="0" * 40)
    change(toy, "toy.stock", tree="1" * 40)
    toy.run("compat", "--write")
    text = " ".join(path.read_text().split())
    assert f"{old['tree'][:12]} (tie's patched), 000000000000 (all other runs)." in text
    assert "Stock: tree 111111111111 (toy), " in text
    (row, _) = session.kept_rows(toy.project, toy.pin)
    many = [replace(row, trees=dict.fromkeys(row.trees, f"{n:040}"[::-1])) for n in range(1, 40)]
    assert all(len(line) <= 100 for line in page.render(many).splitlines())


def test_what_was_built_of_edited_sources_is_not_published(
    toy: Toy, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.more = {"edits": "0123"}
    toy.run("compat")
    before = (toy.root / "docs" / "compat.md").read_text()
    assert toy.run("compat", "--write") == 1
    said = capsys.readouterr().err
    assert "toy is left out, stock: the sources had edits" in said
    assert "no package's runs are kept" in said
    assert (toy.root / "docs" / "compat.md").read_text() == before
    place = session.place(toy.project, toy.pin)
    assert toy.run("results", "--keep", str(place)) == 1
    assert "no package's runs are kept" in capsys.readouterr().err


def test_with_nothing_kept_the_page_stays(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    before = (toy.root / "docs" / "compat.md").read_text()
    assert toy.run("compat", "--write") == 1
    assert "fix:   make compat" in capsys.readouterr().err
    assert (toy.root / "docs" / "compat.md").read_text() == before


def test_a_kept_folder_says_of_which_flavor_it_is(toy: Toy, runs: Runs) -> None:
    runs.more = {"flags": {"CONFIG_ARGS": "'--enable-optimizations'"}}
    toy.run("compat")
    assert "-pgo-" in keep(toy.project, session.place(toy.project, toy.pin)).name


def test_a_file_that_is_no_wheel_is_refused_first(
    toy: Toy, runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, other = tmp_path / "README.md", tmp_path / "other.whl"
    text.write_text("# x")
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("other/__init__.py", "")
    for path in (text, other):
        assert toy.run("compat", "--wheel", str(path)) == 2
        assert f"{path} is not the wheel" in capsys.readouterr().err
    assert not runs.asked


def test_a_package_runs_in_one_driver_at_a_time(
    toy: Toy, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = session.Session.row

    def locked(made: session.Session, *args: Any) -> session.Row:
        with (made.work / ".cpatch-lock").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return row(made, *args)

    monkeypatch.setattr(session.Session, "row", locked)
    assert toy.run("compat", "--only", "toy") == 0
