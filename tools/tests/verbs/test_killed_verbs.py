"""Killed at any point of fetch, build, bench and report: the next run ends as an undisturbed one.

What a point is, forked.py says. CPATCH_ALL_POINTS=1 tries each, with each signal; otherwise a few
of them, spread over the whole run. Of apply and refresh: series/test_killed.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import benchtoy
import psutil
import pyperf
import pytest
from buildtoy import make_toy
from conftest import copy_world, make_world
from cpatch.base import leftovers
from cpatch.measuring import archive, packing
from cpatch.measuring.resultdir import Results
from cpatch.report import drawing, rows
from forked import SIGNALS, Driver, drive
from roundstoy import make_rounds
from webtoy import serving

ALL = bool(os.environ.get("CPATCH_ALL_POINTS"))
SOME = 5

Left = Callable[[], object]


def killed_anywhere(
    said: Path, make: Callable[[str], Left], *argv: str, laters: tuple[float, ...] = (0.0, 0.004)
) -> None:
    """Kill the driver at points, each in what *make* lays out anew; then run it once more.

    *make* returns what is called for what is left, which has to be that of an undisturbed run.
    """
    left = make("whole")
    done = drive(*argv, said=said)
    assert done.code == 0, done.said
    assert done.passed > 1
    wanted = left()
    step = 1 if ALL else max(done.passed // SOME, 1)
    for at in range(1, done.passed + 1, step):
        for number in SIGNALS if ALL else (SIGNALS[at // step % len(SIGNALS)],):
            for later in laters if ALL else (laters[at // step % len(laters)],):
                where = f"{at}-{number.name}-{later}"
                left = make(where)
                first = drive(*argv, said=said, at=at, number=number, later=later)
                again = drive(*argv, said=said)
                assert again.code == 0, (where, first.said, again.said)
                assert left() == wanted, (where, first.said, again.said)


def files(root: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said"


@pytest.mark.parametrize("given", [False, True], ids=["web", "file"])
def test_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path, given: bool) -> None:
    template = make_world(tmp_path / "t" / "repo", tmp_path / "t" / "toy.tgz", monkeypatch)
    with serving(template, monkeypatch):

        def make(where: str) -> Left:
            world = copy_world(tmp_path / "t", tmp_path / where, monkeypatch)
            return lambda: files(world.project.cache)

        source = ["--source", str(template.tarball)] if given else []
        killed_anywhere(said, make, "fetch", *source, laters=(0.0, 0.0, 0.001))


def test_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path) -> None:
    def make(where: str) -> Left:
        toy = make_toy(tmp_path / where, monkeypatch)

        def left() -> object:
            built = toy.built()
            assert built is not None
            assert drive("build", "-j1", said=said).said.startswith("up to date: ")
            names = ("a.o", "b.o", "Modules/getbuildinfo.o")
            return built.tree_id, [(toy.obj() / name).read_text() for name in names]

        return left

    killed_anywhere(said, make, "build", "-j1", laters=(0.0, 0.02))


def test_make_of_a_killed_build_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path
) -> None:
    toy = make_toy(tmp_path / "p", monkeypatch)
    toy.edit("b-hangs", "")
    driver = Driver("build", "-j1", said=said)
    wait_for(toy.obj() / "b-hung")
    driver.kill(signal.SIGKILL)
    driver.end()
    (toy.source() / "b-hangs").unlink()
    left = makes_in(toy.obj())
    assert left
    again = drive("build", "-j1", said=said)
    assert again.code == 0, again.said
    assert "left running" in again.said
    assert not [each for each in left if each.is_running()]


def test_only_what_was_left_is_ended(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        begun = psutil.Process(child.pid).create_time()
        with leftovers.noted(tmp_path, child.pid):
            leftovers.end(tmp_path)  # ours: another driver finds it while we are here
            (note,) = tmp_path.iterdir()
            assert child.poll() is None
        # One that has the number by chance, and notes that say nothing.
        for text in (f"[{child.pid}, {begun - 1}, 1]", "[", "[999999999, 1.0, 1]"):
            note.write_text(text)
            leftovers.end(tmp_path)
            assert not note.exists()
            assert child.poll() is None
        note.write_text(f"[{child.pid}, {begun}, 1]")
        leftovers.end(tmp_path)
        assert child.poll() is not None


def makes_in(directory: Path) -> list[psutil.Process]:
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if each.cwd() == str(directory):
                found.append(each)
    return found


def wait_for(path: Path) -> None:
    limit = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path) -> None:
    def make(where: str) -> Left:
        world = make_rounds(tmp_path / where, monkeypatch)

        def left() -> object:
            (found,) = (world.toy.root / "build" / "results").glob("*/run.json")
            results = Results(found.parent)
            assert rows.load(results.root).waiting == []
            left = [path for path in results.root.rglob("*") if path.name != ".lock"]
            names = {str(path.relative_to(results.root)) for path in left}
            runs = {
                name: [run.get_metadata()["round"] for run in bench_of(results, name).get_runs()]
                for name in results.names("times", "stock")
            }
            return names, runs, results.record()["measured"], results.failures()

        return left

    killed_anywhere(said, make, "bench", *pythons(), "--rounds", "2")


def bench_of(results: Results, name: str) -> pyperf.Benchmark:
    found = results.load("times", "stock", name)
    assert found is not None
    return found


def pythons() -> list[str]:
    return ["--stock-python", os.sys.executable, "--patched-python", os.sys.executable]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the plots out: they take seconds, and no file."""
    monkeypatch.setattr(drawing, "forest", lambda *args, **kwargs: "")


@pytest.mark.usefixtures("undrawn")
def test_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path) -> None:
    template = make_rounds(tmp_path / "t", monkeypatch)
    done = drive("bench", *pythons(), "--rounds", "2", said=said)
    assert done.code == 0, done.said
    (found,) = (template.toy.root / "build" / "results").glob("*/run.json")

    def make(where: str) -> Left:
        make_toy(tmp_path / where, monkeypatch)
        home = tmp_path / where / "build" / "results"
        shutil.copytree(found.parent, home / "one")
        return lambda: set(files(home))

    killed_anywhere(said, make, "report")


@pytest.mark.usefixtures("undrawn")
def test_report_of_a_packed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path
) -> None:
    run = benchtoy.make(tmp_path / "run", {"nbody": 1.1}, rounds=2)
    packing.pack(make_toy(tmp_path / "t", monkeypatch).project, run.root, tmp_path / "packed")

    def make(where: str) -> Left:
        toy = make_toy(tmp_path / where, monkeypatch)
        home = toy.root / "results" / "one"
        home.mkdir(parents=True)
        archive.write(tmp_path / "packed", home / archive.NAME)
        monkeypatch.chdir(toy.root)
        return lambda: set(files(toy.root / "build" / "kept")) | set(files(home))

    killed_anywhere(said, make, "report", "results/one")
