"""Packed results: small, public, the same bytes every time, and as good as the plain ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import benchtoy
import pyperf
import pytest
from cpatch import cli
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.measuring import resultdir
from cpatch.measuring.resultdir import Failure, Results
from cpatch.report import rows

ROOT = Path(__file__).parents[3]


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Results of every kind, in the build directory of a repository."""
    root = tmp_path / "repository"
    (root / "patches").mkdir(parents=True)
    shutil.copy(ROOT / "patches" / "upstream.toml", root / "patches")
    monkeypatch.setenv("CPATCH_ROOT", str(root))
    monkeypatch.setenv("CPATCH_BUILD", str(root / "build"))
    monkeypatch.chdir(root)
    made = benchtoy.make(
        root / "build" / "results" / "one", {"nbody": 1.2, "chaos": 0.9}, scripts=["nbody"]
    )
    benchtoy.probe(made, "memory_pass", "byte", {"stock": [8e6] * 20, "patched": [9e6] * 20})
    benchtoy.count(made, "float", {"stock": 1000, "patched": 990})
    resultdir.dump(made.calibration("nbody"), benchtoy.bench("nbody", [1.0], "stock"))
    made.fail(Failure("telco", "patched", "exit code 1", f"File {root}/build/x.py", "now"))
    (made.root / "log").mkdir()
    (made.root / "log" / "telco.patched.log").write_text(f"$ {root}")
    made.write_record({**made.record(), "measured": made.measured()})
    return made


def pages(home: Path) -> list[str]:
    return [(home / f"report.{kind}").read_text() for kind in ("md", "html")]


def test_packed_results_give_the_same_report(results, capsys):
    assert cli.run(["report", str(results.root)]) == 0
    before = pages(results.root)
    assert cli.run(["report", "--pack", "results/mine", str(results.root)]) == 0
    kept = Path("results/mine").absolute()
    assert "packed" in capsys.readouterr().out
    for old, new in zip(before, pages(kept), strict=True):
        assert old.replace(f"{Project.find().root}/", "") == new
    raw = [path for path in kept.rglob("*") if path.is_file() and "loops" not in path.parts]
    assert {path.suffix for path in raw if path.parts[-3] in resultdir.KINDS} == {".gz"}
    assert not (kept / "log").exists()
    assert Results(kept).measured() == results.measured()


def test_packed_files_are_pyperfs_own_form(results):
    assert cli.run(["report", "--pack", "results/mine"]) == 0
    path = Results(Path("results/mine")).file("times", "patched", "nbody")
    assert path.name == "nbody.json.gz"
    plain = results.load("times", "patched", "nbody")
    assert pyperf.Benchmark.load(str(path)).get_values() == plain.get_values()


def test_packing_gives_the_same_bytes_every_time(results):
    found = []
    for name in ("a", "b"):
        assert cli.run(["report", "--pack", f"results/{name}", str(results.root)]) == 0
        home = Path("results") / name
        files = sorted(path for path in home.rglob("*") if path.is_file())
        found.append([(str(path.relative_to(home)), path.read_bytes()) for path in files])
    assert found[0] == found[1]


def test_packed_results_tell_no_paths(results):
    assert cli.run(["report", "--pack", "results/mine"]) == 0
    (failure,) = Results(Path("results/mine")).failures()
    assert failure.tail == "File build/x.py"


def test_what_is_there_is_not_overwritten(results, capsys):
    kept = Path("results/mine")
    kept.mkdir(parents=True)
    (kept / "notes").write_text("mine")
    assert cli.run(["report", "--pack", str(kept)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (kept / "notes").read_text() == "mine"


def test_no_unfair_comparison_is_packed(results):
    results.file("times", "patched", "chaos").unlink()
    assert cli.run(["report", "--pack", "results/mine"]) == 1
    assert not Path("results/mine").exists()


def test_several_are_packed_one_at_a_time(results, tmp_path, capsys):
    benchtoy.make(tmp_path / "two", {"nbody": 1.0})
    arguments = [str(results.root), str(tmp_path / "two")]
    assert cli.run(["report", "--pack", "results/mine", *arguments]) == 2
    assert "one directory of results at a time" in capsys.readouterr().err


def test_packed_results_can_be_added_to(results):
    assert cli.run(["report", "--pack", "results/mine"]) == 0
    kept = Results(Path("results/mine"))
    new = benchtoy.bench("nbody", [1.0, 1.0], "stock", mem_max_rss=10**7).get_runs()
    new = [resultdir.stamped(run, round=10) for run in new]
    kept.add("times", "nbody", 10, {"stock": new})
    assert kept.rounds("times", "nbody", ["stock"]) == set(range(11))
    assert [path.name for path in kept.root.glob("times/stock/nbody*")] == ["nbody.json"]


def test_damaged_packed_file_is_named(results):
    assert cli.run(["report", "--pack", "results/mine"]) == 0
    path = Results(Path("results/mine").absolute()).file("times", "stock", "nbody")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(CpatchError, match=r"nbody\.json\.gz is not a raw pyperf file"):
        rows.load(path.parents[2])


def test_fresh_clone_with_nothing_built(results):
    """Only what is committed is there: the driver, the pins, and packed results."""
    assert cli.run(["report", "--pack", "results/mine"]) == 0
    root = Path.cwd()
    before = pages(root / "results" / "mine")
    for kind in ("md", "html"):
        (root / "results" / "mine" / f"report.{kind}").unlink()
    shutil.rmtree(root / "build")
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
    for arguments in (["results/mine"], []):
        command = [sys.executable, "-m", "cpatch", "report", *arguments]
        subprocess.run(command, cwd=root, env=env, check=True, capture_output=True)
        assert pages(root / "results" / "mine") == before
    assert not (root / "build").exists()


def test_newest_is_that_which_began_last(results):
    for name, begun in (("a", "2026-03-01"), ("b", "2026-02-01")):
        home = Path("results") / name
        shutil.copytree(results.root, home)
        record = json.loads((home / "run.json").read_text())
        record["sessions"][0]["begun"] = begun
        (home / "run.json").write_text(json.dumps(record))
    shutil.rmtree(results.root)
    Path("results/old").mkdir()
    Path("results/old/run.json").write_text(json.dumps({"format": 0}))
    assert cli.run(["report"]) == 0
    assert Path("results/a/report.md").exists()
    assert not Path("results/b/report.md").exists()
