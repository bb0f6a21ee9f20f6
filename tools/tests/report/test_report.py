"""report: what it refuses, what it computes, and what the page says."""

from __future__ import annotations

import json
import math
import random
import re

import benchtoy
import pytest
from cpatch import cli
from cpatch.base import errors
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.measuring import stats
from cpatch.measuring.resultdir import Failure, dump
from cpatch.report import content, rows, verdicts

# --- refusals


def test_different_flags_are_refused(tmp_path):
    sides = {
        "stock": benchtoy.side("stock"),
        "patched": benchtoy.side("patched", flags={**benchtoy.FLAGS, "CC": "clang"}),
    }
    benchtoy.make(tmp_path, {"nbody": 1.0}, sides=sides)
    with pytest.raises(CpatchError, match="not built alike: flags CC"):
        rows.load(tmp_path)


@pytest.mark.parametrize("key", ["tree_id", "binary"])
def test_runs_of_another_tree_or_build_are_refused(tmp_path, key):
    results = benchtoy.make(tmp_path, {"nbody": 1.0, "chaos": 1.0})
    path = results.file("times", "patched", "nbody")
    mine = benchtoy.side("patched")[key]
    path.write_text(path.read_text().replace(mine, "e" * len(mine)))
    with pytest.raises(CpatchError, match=r"nbody\.json holds runs of another") as caught:
        rows.load(tmp_path)
    assert mine in (caught.value.wanted or "")


def test_missing_raw_file_is_refused(tmp_path):
    results = benchtoy.make(tmp_path, {"nbody": 1.0, "chaos": 1.0})
    results.file("times", "patched", "chaos").unlink()
    with pytest.raises(CpatchError, match="raw files are missing") as caught:
        rows.load(tmp_path)
    assert caught.value.got == "no times/patched/chaos.json"


def test_raw_files_missing_on_both_sides_are_missed_too(tmp_path):
    measured = {"times": {"nbody": ["patched", "stock"], "chaos": ["patched", "stock"]}}
    benchtoy.make(tmp_path, {"nbody": 1.0}, measured=measured)
    with pytest.raises(CpatchError, match="raw files are missing"):
        rows.load(tmp_path)


def test_directory_without_results(tmp_path, capsys):
    assert cli.run(["report", str(tmp_path)]) == 1
    assert "holds no results" in capsys.readouterr().err


def test_no_results_at_all(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CPATCH_BUILD", str(tmp_path))
    monkeypatch.setattr(Project, "kept_results", tmp_path / "none")
    assert cli.run(["report"]) == 1
    assert "make bench" in capsys.readouterr().err


def test_same_directory_twice(tmp_path, capsys):
    benchtoy.make(tmp_path, {"nbody": 1.0})
    assert cli.run(["report", str(tmp_path), str(tmp_path)]) == 2


# --- statistics


def test_interval_of_six_rounds_is_all_of_them():
    found = stats.estimate([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert found.log == pytest.approx(0.35)
    assert (found.low, found.high) == (0.1, 0.6)  # 2 / 2^6 is 3 %, just within 5 %


def test_intervals_are_wilcoxons():
    # The critical values of tables, two-sided at 5 %.
    assert [stats._cut(rounds) for rounds in (6, 8, 10, 20)] == [0, 3, 8, 52]
    assert stats._cut(2) == 0


def test_one_round_gone_wrong_moves_little():
    calm = [0.02, 0.021, 0.019, 0.02, 0.022, 0.018, 0.02, 0.021, 0.019]
    assert stats.estimate([*calm, 5.0]).log == pytest.approx(0.02, abs=0.002)


def test_interval_covers_what_it_says():
    rng = random.Random(3)
    hits = sum(
        found.low <= 0.1 <= found.high
        for found in (
            stats.estimate([rng.gauss(0.1, 0.05) for _ in range(10)]) for _ in range(1000)
        )
    )
    assert 930 <= hits <= 985


def test_noise_does_not_take_a_drift_for_a_difference():
    # Every first run of a round takes 10 % longer than the last one.
    found = stats.estimate(stats.noise([(1.1, 1.0)] * 20))
    assert found.log == pytest.approx(0)


def test_ratio_is_stock_over_patched(tmp_path):
    benchtoy.make(tmp_path, {"nbody": 1.25}, spread=0.002)
    (row,) = rows.load(tmp_path).times
    assert row.main.change.ratio == pytest.approx(1.25, abs=0.005)
    assert row.main.significant
    assert row.beyond()
    assert row.noise.ratio == pytest.approx(1, abs=0.005)
    assert row.main.memory == 0


def test_within_the_noise_is_no_difference(tmp_path):
    benchtoy.make(tmp_path, {"nbody": 1.0}, spread=0.05)
    (row,) = rows.load(tmp_path).times
    assert verdicts.verdict(row) == "noise"


def test_few_rounds_decide_nothing(tmp_path):
    benchtoy.make(tmp_path, {"nbody": 0.5}, rounds=5, spread=0.001)
    run = rows.load(tmp_path)
    found = verdicts.means(run)
    assert found is not None
    assert (verdicts.verdict(run.times[0]), found.verdict()) == ("noise", "noise")
    assert verdicts.slow(run, "patched") == []


def test_geometric_mean(tmp_path):
    benchtoy.make(tmp_path, {"nbody": 1.1, "chaos": 1 / 1.1, "go": 1.03}, spread=0.001)
    found = verdicts.means(rows.load(tmp_path))
    assert found is not None
    assert found.main.ratio == pytest.approx(1.03 ** (1 / 3), abs=0.002)
    assert found.main.low <= found.main.log <= found.main.high
    assert found.noise.ratio == pytest.approx(1, abs=0.002)


def test_reference_of_2022():
    published = rows.reference()
    assert published["python_startup"] == pytest.approx(1.05, abs=0.01)
    assert published["deltablue"] is None
    assert content._published(published)["mean"] == pytest.approx(1.00, abs=0.005)


# --- the page


def test_what_another_project_published_is_called_theirs(tmp_path):
    benchtoy.make(tmp_path, {"nbody": 1.2})
    for page in pages(tmp_path):
        assert "not measured here: " in page
        assert rows.REFERENCE_URL in page
        assert "original" not in page


def test_failure_on_patched_is_told_and_is_no_failure_of_the_report(tmp_path, capsys):
    results = benchtoy.make(tmp_path, {"nbody": 1.0})
    results.fail(Failure("telco", "patched", "exit code 1", "", "now"))
    assert cli.run(["report", str(tmp_path)]) == 0
    assert "telco on patched: exit code 1" in capsys.readouterr().out


def test_every_code_that_the_verbs_raise_is_documented(capsys):
    codes = {errors.FAILURE, errors.USAGE, errors.CONFLICT, errors.REGRESSION}
    assert codes <= set(errors.EXIT_CODES)
    assert cli.run(["--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for text in errors.EXIT_CODES.values():
        assert text in said


def pages(*roots, **options: str) -> tuple[str, str]:
    more = [word for name, value in options.items() for word in (f"--{name}", value)]
    assert cli.run(["report", *map(str, roots), *more]) == 0
    home = options.get("output", roots[0])
    return tuple((type(roots[0])(home) / f"report.{kind}").read_text() for kind in ("md", "html"))


def test_page_says_everything_and_needs_nothing_else(tmp_path, capsys):
    results = benchtoy.make(
        tmp_path,
        {"nbody": 1.2, "deltablue": 0.9, "unpack_sequence": 1.0},
        spread=0.004,
        unfit={"dask": "needs Python >=9.9"},
    )
    benchtoy.probe(results, "memory_pass", "byte", {"stock": [8e6] * 20, "patched": [8.2e6] * 20})
    benchtoy.probe(results, "shutdown_1e6", "second", {"stock": [0.2] * 20, "patched": [0.1] * 20})
    benchtoy.count(results, "nbody", {"stock": 1000000, "patched": 980000})
    results.fail(Failure("telco", "patched", "exit code 1", "Boom: <b>it</b> broke", "now"))
    markdown, page = pages(tmp_path)
    for text in (markdown, page):
        assert "telco" in text
        assert "needs Python >=9.9" in text.replace("&gt;", ">")
        assert "b" * 40 in text
        assert "cpatch bench" in text
        assert "−2.00 %" in text
        assert "2.000" in text  # shutdown
    assert "| nbody |" in markdown
    assert "**1.2" in markdown
    assert re.search(r"Hidden because not significant.*unpack_sequence", markdown)
    assert "| deltablue |" in markdown
    assert "n. s. |" in markdown
    assert "Slower by more than 3 % beyond their noise: deltablue." in markdown
    assert "&lt;b&gt;it" in page
    # Self-contained: nothing is loaded from anywhere.
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "@import" not in page
    assert page.count("data:image/svg+xml;base64,") == 3
    assert "3 benchmarks" in capsys.readouterr().out


def test_page_is_the_same_for_the_same_data(tmp_path):
    benchtoy.make(tmp_path, {"nbody": 1.2, "chaos": 1.0})
    assert pages(tmp_path) == pages(tmp_path)


def test_several_machines_are_put_together(tmp_path):
    one = tmp_path / "one"
    benchtoy.make(one, {"nbody": 1.21, "chaos": 1.0}, spread=0.001, name="Big")
    benchtoy.make(tmp_path / "two", {"nbody": 1.0}, spread=0.001, seed=2, name="Small")
    markdown, page = pages(one, tmp_path / "two", output=str(tmp_path / "both"))
    # Means of 1.1 and 1.0, each machine counting alike.
    found = re.search(r"All 2 runs together: ([\d.]+)", markdown)
    assert found
    assert float(found[1]) == pytest.approx(math.sqrt(1.1), abs=0.003)
    assert "Big: stock" in markdown
    assert "Small: stock" in markdown
    assert page.count('colspan="4">Big') == 2
    assert not (one / "report.md").exists()


def test_heap_off_is_a_column_of_its_own(tmp_path):
    roles = ("stock", "patched", "off")
    benchtoy.make(tmp_path, {"nbody": 1.1, "chaos": 1.1}, roles=roles, spread=0.001)
    markdown, _ = pages(tmp_path)
    assert "| patched, `PYTHONIMMORTALHEAP=0` | 1.1" in markdown
    assert "| memory | off |" in markdown


def test_each_tree_of_parts_is_a_column_and_a_mean(tmp_path):
    results = benchtoy.with_parts(
        tmp_path, {"nbody": 1.2, "chaos": 1.2}, {"speed": {"nbody": 1.1, "chaos": 0.9}}
    )
    benchtoy.count(results, "nbody", {"stock": 100, "patched": 90, "speed": 95})
    found = verdicts.means(rows.load(tmp_path))
    assert found is not None
    assert found.roles["speed"].change.ratio == pytest.approx(math.sqrt(1.1 * 0.9), abs=0.002)
    assert found.main.ratio == pytest.approx(1.2, abs=0.002)
    assert found.verdict("patched") == "faster"
    markdown, page = pages(tmp_path)
    assert "| only speed | 0.99" in markdown
    assert "beyond their noise: none.\nWith only speed: chaos.\n" in markdown
    assert "| patched | noise | memory | speed | 2022 |" in markdown
    assert re.search(r"\| chaos \|.*\| \*\*0\.9\d\d\*\* \|", markdown)
    assert "| −10.00 % | −5.00 % |" in markdown
    assert f"| tree_id | {'a' * 40} | {'b' * 40} | {'d' * 40} |" in markdown
    assert "only speed" in page


def test_what_differs_in_a_tree_of_parts_alone_is_shown(tmp_path):
    benchtoy.with_parts(tmp_path, {"nbody": 1.0, "go": 1.0}, {"speed": {"nbody": 1.1, "go": 1.0}})
    markdown, _ = pages(tmp_path)
    assert "| nbody |" in markdown
    assert "(1): go (1.00" in markdown or "(1): go (0.99" in markdown


def test_a_run_without_all_parts_is_about_the_first_tree_it_has(tmp_path):
    benchtoy.make(
        tmp_path,
        {"nbody": 1.1, "go": 1.1},
        roles=("stock", "speed"),
        spread=0.001,
        sides={name: benchtoy.side(name) for name in ("stock", "speed")},
    )
    markdown, page = pages(tmp_path)
    assert "| **only speed** | **1.1" in markdown
    assert "| benchmark | stock | speed | noise | memory | 2022 |" in markdown
    assert "patched" not in page.replace("Stock against patched", "")


def test_parts_of_another_tree_are_refused(tmp_path):
    results = benchtoy.with_parts(tmp_path, {"nbody": 1.2}, {"speed": {"nbody": 1.1}})
    record = json.loads(results.record_file.read_text())
    record["sides"]["speed"]["tree_id"] = "e" * 40
    results.write_record(record)
    with pytest.raises(CpatchError, match="holds runs of another tree"):
        rows.load(tmp_path)
    record["sides"]["speed"]["flags"] = {**benchtoy.FLAGS, "CC": "clang"}
    results.write_record(record)
    with pytest.raises(CpatchError, match="stock and speed were not built alike: flags CC"):
        rows.load(tmp_path)


def test_a_tree_of_parts_that_is_behind_is_waited_for(tmp_path):
    results = benchtoy.with_parts(
        tmp_path, {"nbody": 1.2}, {"speed": {"nbody": 1.1}}, scripts=["nbody"]
    )
    dump(results.root / "loops" / "nbody.json", benchtoy.bench("nbody", [1.0], "stock"))
    path = results.file("times", "speed", "nbody")
    dump(path, benchtoy.bench("nbody", [1.0] * 18, "speed"))
    assert rows.load(tmp_path).waiting == ["nbody (9 of 10 rounds)"]
    path.unlink()
    with pytest.raises(CpatchError, match="raw files are missing"):
        rows.load(tmp_path)


def test_a_brief_run_says_so(tmp_path):
    benchtoy.make(tmp_path, {"nbody": 1.0}, brief=True)
    assert any("each process gave one value" in note for note in content.notes(rows.load(tmp_path)))


def test_unfinished_and_trial_runs_say_so(tmp_path):
    results = benchtoy.make(
        tmp_path, {"nbody": 1.0}, rounds=3, flavor="release", scripts=["nbody", "chaos"]
    )
    record = json.loads(results.record_file.read_text())
    results.write_record({**record, "rounds": 5})
    path = results.root / "loops" / "nbody.json"
    dump(path, benchtoy.bench("nbody", [1.0], "stock"))
    benchtoy.count(results, "float", {"stock": 100})
    markdown, page = pages(tmp_path)
    assert "waiting: nbody (3 of 5 rounds), chaos, instructions of float" in markdown
    assert "Fewer than six rounds of 1 of 1 benchmarks" in markdown
    for text in (markdown, page):
        assert "beyond their noise: not told for 1 of 1, of which there are too few rounds." in text
    assert "no claim rests on these" in page


def test_results_without_benchmarks_still_make_a_page(tmp_path):
    results = benchtoy.make(tmp_path, {})
    record = json.loads(results.record_file.read_text())
    record.pop("rounds", None)  # --instructions alone has none
    results.write_record(record)
    benchtoy.count(results, "nbody", {"stock": 100, "patched": 101})
    markdown, _ = pages(tmp_path)
    assert "+1.00 %" in markdown
