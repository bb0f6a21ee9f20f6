"""counts: instructions, counted by a callgrind that is made up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import benchtoy
import pytest
from buildtoy import fake_program
from cpatch.base.errors import CpatchError
from cpatch.bench import counts
from cpatch.measuring.interpreters import Role, Side
from cpatch.measuring.resultdir import Results

TOOLS = Path(__file__).parents[2]

ONCE = TOOLS / "cpatch" / "bench" / "once.py"

SCRIPT = """
import pyperf

def work(loops, text):
    print("worked", loops, text)
    return 1.0

async def later(text):
    print("awaited", text)

if __name__ == "__main__":
    runner = pyperf.Runner()
    runner.argparser.add_argument("--text", default="x")
    text = runner.parse_args().text
    runner.metadata["description"] = "a benchmark"
    runner.bench_func("one", print, "called", text)
    runner.bench_time_func("two", work, text)
    runner.bench_async_func("three", later, text)
"""


def role(**env: str) -> Role:
    return Role("stock", Side(**{**benchtoy.side("stock"), "python": sys.executable}), env)


def test_once_calls_each_function_once(tmp_path):
    script = tmp_path / "run_benchmark.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(ONCE), str(script), "--text", "y"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["called y", "worked 1 y", "awaited y"]


@pytest.fixture
def callgrind(tmp_path, monkeypatch):
    """A valgrind that counts 123 instructions, always."""
    programs = tmp_path / "bin"
    fake_program(programs, "setarch", 'shift 2; exec "$@"')
    fake_program(programs, "valgrind", 'echo "==1== Collected : 123" >&2')
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return programs


def counting(tmp_path: Path, script: str) -> tuple[SimpleNamespace, Results]:
    path = tmp_path / "run_benchmark.py"
    path.write_text(script)
    results = Results(tmp_path / "out")
    scratch = results.root / "scratch"
    scratch.mkdir(parents=True)
    table = {"nbody": SimpleNamespace(runscript=str(path), extra_opts=())}
    bench = SimpleNamespace(
        results=results, roles=[role()], table=table, scratch=lambda: scratch,
        python=lambda role, name: Path(role.side.python),
    )  # fmt: skip
    return bench, results


def test_counts_are_kept_as_raw_files(tmp_path, monkeypatch, callgrind):
    monkeypatch.setattr(counts, "PROGRAMS", (counts.Program("nbody"),))
    bench, results = counting(tmp_path, SCRIPT)
    counts.run(bench, (), 1)
    found = results.load("counts", "stock", "nbody")
    assert found is not None
    assert found.get_values() == (123,)
    assert role().stamp.items() <= found.get_metadata().items()
    (callgrind / "valgrind").unlink()
    monkeypatch.setattr(counts, "check_host", lambda: None)
    counts.run(bench, (), 1)  # nothing left to count


def test_program_that_fails_is_recorded(tmp_path, monkeypatch, callgrind):
    monkeypatch.setattr(counts, "PROGRAMS", (counts.Program("nbody"),))
    bench, results = counting(tmp_path, "raise SystemExit('not today')")
    counts.run(bench, (), 1)
    (failure,) = results.failures()
    assert (failure.name, failure.tail) == ("counting-nbody", "not today")


def test_missing_callgrind_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CpatchError, match="needs valgrind") as caught:
        counts.check_host()
    assert caught.value.fix == "apt-get install -y valgrind"
