import subprocess
import sys
from pathlib import Path

import click
import pyperf
import pytest

MEASURE = Path(__file__).parent.parent / "measure"
sys.path.insert(0, str(MEASURE))

import pairs  # noqa: E402
import table  # noqa: E402

SCRIPT = """
import pyperf

def work(loops, text):
    print("worked", loops, text)
    return 1.0

if __name__ == "__main__":
    runner = pyperf.Runner()
    runner.argparser.add_argument("--text", default="x")
    text = runner.parse_args().text
    runner.metadata["description"] = "a benchmark"
    runner.bench_func("one", print, "called", text)
    runner.bench_time_func("two", work, text)
"""


def test_run_once_calls_each_function_once(tmp_path):
    script = tmp_path / "run_benchmark.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(MEASURE / "run_once.py"), str(script), "--text", "y"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["called y", "worked 1 y"]


def keep(directory, name, values):
    runs = [
        pyperf.Run([value], metadata={"name": "bench"}, collect_metadata=False) for value in values
    ]
    directory.mkdir(exist_ok=True)
    pyperf.BenchmarkSuite([pyperf.Benchmark(runs)]).dump(str(directory / f"{name}.json"))


def test_table_pairs_the_runs_of_a_round(tmp_path):
    keep(tmp_path / "a", "stock", [1.0, 2.0, 3.0, 4.0])
    assert table.load(tmp_path / "a") == {("bench", "stock"): [(1.0, 2.0), (3.0, 4.0)]}


def test_table_says_when_there_is_nothing(tmp_path):
    with pytest.raises(click.UsageError, match="holds no results"):
        table.load(tmp_path)


def test_report_is_times_faster_than_the_base(capsys):
    means = {("bench", "stock"): [(2.0, 2.0)] * 3, ("bench", "patched"): [(1.0, 1.0)] * 3}
    pairs.report(["stock", "patched"], means)
    assert "| bench | 2000 ms | 1.000 | 2.000 (2.000–2.000) |" in capsys.readouterr().out


def test_report_shows_what_the_base_differs_from_itself_by(capsys):
    means = {("bench", "stock"): [(2.2, 2.0)] * 3, ("bench", "patched"): [(2.1, 2.1)] * 3}
    pairs.report(["stock", "patched"], means)
    assert "| 1.100 | 1.000 (1.000–1.000) |" in capsys.readouterr().out


def test_identity_is_the_interpreters_own():
    facts = pairs.identity(Path(sys.executable))
    assert facts["version"] == sys.version
    assert facts["cpus"]
