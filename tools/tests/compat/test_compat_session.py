"""session and page: toys that are run once, again when they differ, and told."""

from __future__ import annotations

import json
import lzma
import zipfile
from pathlib import Path

import compattoy
import pytest
from buildtoy import Toy
from compattoy import PAGE, TABLE, Runs
from cpatch.base.errors import CpatchError
from cpatch.compat import page, record, session
from cpatch.compat.running import END, LIMIT
from cpatch.kept import entries
from cpatch.kept.entry import read_json
from cpatch.kept.keeping import keep

toy = compattoy.toy
runs = compattoy.runs


def test_a_second_time_nothing_runs(toy: Toy, runs: Runs) -> None:
    assert toy.run("compat") == 0
    assert [each[:2] for each in runs.asked[:3]] == [
        ("toy", "stock"), ("toy", "patched"), ("toy", "call"),
    ]  # fmt: skip
    assert len(runs.asked) == 6
    assert toy.run("compat") == 0
    assert len(runs.asked) == 6
    assert toy.run("compat", "--short", "--fresh") == 0
    assert len(runs.asked) == 9


def test_what_a_killed_run_did_is_there(toy: Toy, runs: Runs) -> None:
    toy.run("compat", "--only", "toy")
    (session.place(toy.project, toy.pin) / "runs" / "toy.call.json").unlink()
    assert toy.run("compat", "--only", "toy") == 0
    assert [each[1] for each in runs.asked] == ["stock", "patched", "call", "call"]


def test_what_differs_runs_again_on_both_and_only_that(
    toy: Toy, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.by_who = {
        "call": [{"a": "failed", "b": "passed"}],
        "stock": [{"a": "passed", "b": "passed"}],
    }
    runs.by_who["patched"] = runs.by_who["stock"]
    assert toy.run("compat", "--only", "toy") == 4
    assert runs.asked[3:] == [("toy", who, 1) for who in ("stock", "call") * session.AGAIN]
    said = capsys.readouterr()
    assert "call: a: failed (stock: passed)" in said.out
    assert "packages differ" in said.err
    assert toy.run("compat", "--only", "toy") == 4
    assert len(runs.asked) == 3 + 2 * session.AGAIN


def test_chance_is_no_difference_and_is_told(
    toy: Toy, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.by_who = {"call": [{"a": "failed"}, {"a": "passed"}]}
    assert toy.run("compat", "--only", "toy") == 0
    assert "    call: varies: a: failed/passed (stock: passed)\n" in capsys.readouterr().out
    toy.run("compat", "--only", "tie")
    toy.run("compat", "--write")
    text = (toy.root / "docs" / "compat.md").read_text()
    assert "\nVary from run to run: toy 1.\n" in text


def test_each_is_compared_with_all_that_stock_did(toy: Toy, runs: Runs) -> None:
    # Stock's crash is seen when call is run again; patched had it before.
    crash = {"a": "crashed: SIGSEGV"}
    runs.by_who = {
        "stock": [{"a": "passed"}] * 3 + [crash],
        "patched": [crash],
        "call": [{"a": "failed"}, {"a": "passed"}],
    }
    assert toy.run("compat", "--only", "toy") == 0


def test_after_a_crash_all_is_run_again_and_it_still_counts(
    toy: Toy, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.by_who["call"] = [{"a": "crashed: SIGSEGV"}, {"a": "passed"}]
    assert toy.run("compat", "--only", "toy") == 4
    assert runs.asked[3:] == [("toy", who, 0) for who in ("stock", "call") * session.AGAIN]
    assert "call: a: crashed: SIGSEGV/passed (stock: passed)" in capsys.readouterr().out


def test_a_run_that_is_cut_says_of_how_many(
    toy: Toy, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.status = dict.fromkeys(("stock", "patched", "call"), LIMIT)
    runs.by_who["stock"] = [{"a": "passed", "b": "passed"}]
    assert toy.run("compat", "--only", "toy") == 0
    said = capsys.readouterr().out
    assert "patched same, of 1  call same, of 1\n" in said
    runs.status = {"patched": LIMIT}
    assert toy.run("compat", "--only", "toy", "--fresh") == 4
    said = capsys.readouterr().out
    assert "patched: (exit): time limit (stock: ended)" in said
    assert "call: b: missing" in said


def test_tests_that_cannot_run_are_told(
    toy: Toy, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.status = dict.fromkeys(("stock", "patched", "call"), 4)
    runs.by_who = {who: [{END: "status 4"}] for who in runs.status}
    assert toy.run("compat", "--only", "toy") == 4
    said = capsys.readouterr().out
    assert "patched: no test ran on stock" in said
    assert "call: no test ran on stock" in said
    assert len(runs.asked) == 3  # another time would say the same


def test_the_page_has_what_is_kept(toy: Toy, runs: Runs) -> None:
    runs.by_who = {who: [{"a": "passed", "count": "passed"}] for who in ("stock", "patched")}
    runs.by_who["call"] = [{"a": "passed", "count": "failed"}]
    assert toy.run("compat") == 4  # tie has no entry for its count
    assert ("toy", "call", 1) not in runs.asked
    assert toy.run("compat", "--write") == 0
    text = (toy.root / "docs" / "compat.md").read_text()
    assert "| toy 1 | wheel | 2 | same | 1 known |" in text
    assert "| tie 2 | wheel, in part | 2 | same | **1 differ** |" in text
    assert "- **tie**: most." in text
    assert "- **toy** (exact count; call 1): Asserts the count" in text
    assert "1 of 2 packages without an unexplained difference" in text
    assert text.endswith("<!-- " + toy.pin.branch + ": end -->\nrest\n")
    assert "old" not in text
    toy.run("compat", "--write")
    assert (toy.root / "docs" / "compat.md").read_text() == text


def test_the_page_says_what_stock_does_not_pass(toy: Toy, runs: Runs) -> None:
    runs.by_who["stock"] = [{"a": "passed", "b": "failed", "c": "error", "d": "skipped"}]
    runs.by_who["patched"] = runs.by_who["call"] = runs.by_who["stock"]
    toy.run("compat")
    toy.run("compat", "--write")
    text = (toy.root / "docs" / "compat.md").read_text()
    assert "8 tests, of which stock passes 2." in text
    assert "\nFail on stock: toy 2, tie 2.\n" in text


def test_runs_are_kept_in_one_file(toy: Toy, runs: Runs) -> None:
    runs.by_who["call"] = [{"a": "failed"}]
    assert toy.run("compat") == 4
    root = keep(toy.project, session.place(toy.project, toy.pin))
    assert root.name.endswith(f"-compat-{toy.pin.branch}")
    (row,) = entries.every(toy.project)
    assert (row.mean, row.verdict.partition(" ")[0]) == ("2 packages, 2 tests", "2")
    assert "| toy 1 | wheel | 1 | same | **1 differ** |" in (root / "report.md").read_text()
    found = read_json(root / record.NAME)["runs"]["toy.call"]["runs"][0]
    assert found["tests"] == {"a": "failed"}
    assert "texts" not in found
    with pytest.raises(CpatchError, match="is there already"):
        keep(toy.project, session.place(toy.project, toy.pin))


def test_kept_runs_are_put_back_where_none_are(toy: Toy, runs: Runs) -> None:
    toy.run("compat")
    place = session.place(toy.project, toy.pin)
    kept = keep(toy.project, place)
    toy.run("compat", "--write")
    text = (toy.root / "docs" / "compat.md").read_text()
    (place / "runs" / "toy.stock.json").unlink()
    (place / "runs" / "tie.call.json").write_text("newer")
    assert toy.run("compat", "--restore", str(kept)) == 0
    assert (place / "runs" / "tie.call.json").read_text() == "newer"
    (place / "runs" / "tie.call.json").unlink()
    assert toy.run("compat", "--restore", str(kept)) == 0
    (toy.root / "docs" / "compat.md").write_text(PAGE.replace("9.8", toy.pin.branch))
    toy.run("compat", "--write")
    assert (toy.root / "docs" / "compat.md").read_text() == text
    assert toy.run("compat", "--restore", str(place)) == 2


def test_runs_of_another_pin_are_not_put_back(
    toy: Toy, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.run("compat")
    place = session.place(toy.project, toy.pin)
    kept = keep(toy.project, place)
    found = read_json(kept / record.NAME)
    (kept / record.NAME).write_bytes(lzma.compress(json.dumps({**found, "pin": "9.9"}).encode()))
    (place / "runs" / "toy.stock.json").unlink()
    assert toy.run("compat", "--restore", str(kept)) == 2
    assert "9.9" in capsys.readouterr().err
    assert not (place / "runs" / "toy.stock.json").exists()


def test_another_end_than_on_stock_is_a_difference(toy: Toy, runs: Runs) -> None:
    runs.by_who["call"] = [{"a": "passed", END: "time limit"}]
    assert toy.run("compat", "--only", "toy") == 4
    # The whole of it is run again: no test alone leads there.
    assert runs.asked[3:] == [("toy", who, 0) for who in ("stock", "call") * session.AGAIN]


def test_the_wheel_is_one_more_run_on_stock(toy: Toy, runs: Runs, tmp_path: Path) -> None:
    wheel = tmp_path / "immortal_heap-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("immortal_heap/__init__.py", "")
    toy.run("compat", "--only", "tie")
    runs.by_who["wheel"] = [{"a": "failed"}]
    assert toy.run("compat", "--only", "toy", "--wheel", str(wheel)) == 4
    assert [each[1] for each in runs.asked[3:7]] == ["stock", "patched", "call", "wheel"]
    place = session.place(toy.project, toy.pin)
    (unpacked,) = place.glob("wheel-*")
    assert [bench.wheel for bench in runs.benches] == [None] * 6 + [unpacked] + [
        None, unpacked, None, unpacked,
    ]  # fmt: skip
    toy.run("compat", "--write")
    text = (toy.root / "docs" / "compat.md").read_text()
    assert "| toy 1 | wheel | 1 | same | same | **1 differ** |" in text
    assert "| tie 2 | wheel, in part | 1 | same | same | not run |" in text
    assert f"Wheel, on stock: SHA-256 {unpacked.name.partition('-')[2]}." in text
    # Another wheel is run anew, and only that.
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    before = len(runs.asked)
    runs.by_who["wheel"] = [{"a": "passed"}]
    assert toy.run("compat", "--only", "toy", "--wheel", str(wheel)) == 0
    assert [each[1] for each in runs.asked[before:]] == ["wheel"]


def test_a_page_without_a_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("# Page\n")
    with pytest.raises(CpatchError, match="has no place for"):
        page.write(path, "9.8", [], [])


def test_results_of_another_entry_do_not_count(toy: Toy, runs: Runs) -> None:
    toy.run("compat", "--only", "tie")
    path = toy.root / "tools" / "compat" / "packages.toml"
    path.write_text(TABLE.replace('imports = ["tie"]', 'imports = ["tie.more"]'))
    with pytest.raises(CpatchError, match="no package's runs are kept"):
        session.kept_rows(toy.project, toy.pin)
    toy.run("compat", "--only", "tie")
    assert len(runs.asked) == 6
    kept = json.loads((session.place(toy.project, toy.pin) / "runs" / "tie.stock.json").read_text())
    assert kept["installed"] == ["toy==1"]
