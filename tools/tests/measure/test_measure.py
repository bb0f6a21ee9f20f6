from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

MEASURE = Path(__file__).parents[2] / "measure"
sys.path.insert(0, str(MEASURE))

import asked  # noqa: E402
import embedding  # noqa: E402
import exits  # noqa: E402
import heap_cost  # noqa: E402
import look_cost  # noqa: E402
import pages  # noqa: E402


@pytest.fixture(scope="module")
def python():
    return asked.interpreter("mine", Path(sys.executable))


def test_facts_are_the_interpreters_own_and_no_host_name(python):
    facts = asked.facts(python)
    assert facts["version"] == sys.version.split()[0]
    assert facts["machine"]["cpus"]
    assert os.uname().nodename not in json.dumps(list(facts["machine"].values()))
    assert sys.executable not in json.dumps(facts)


def test_interpreters_are_named():
    with pytest.raises(click.UsageError, match="want NAME=PYTHON"):
        asked.interpreters((sys.executable,))
    assert list(asked.interpreters((f"a={sys.executable}",))) == ["a"]


@pytest.mark.parametrize("program", exits.PROGRAMS)
def test_exits_are_timed(python, program):
    assert 0 < exits.seconds_to_exit(python, exits.PROGRAMS[program], 10) < 10


def test_time_to_exit_is_that_after_the_last_statement(python):
    held = "class A:\n  def __del__(s, sleep=time.sleep): sleep(0.2)\nx = A()"
    assert exits.seconds_to_exit(python, held, 0) > 0.2
    assert exits.seconds_to_exit(python, "time.sleep(0.2)", 0) < 0.2


def test_faults_of_a_worker_are_counted(python, monkeypatch):
    # Fewer modules and records: this is not about how many.
    small = exits.WORKER.replace("sys.stdlib_module_names", "('json',)").replace("40000", "40")
    monkeypatch.setattr(exits, "WORKER", small)
    assert exits.faults_of_exit(python) > 0


def test_both_functions_of_a_heap_take_their_turns(python, monkeypatch):
    monkeypatch.setattr(heap_cost, "FUNCTIONS", ("collect", "freeze"))
    times = heap_cost.time_heaps(python, [100], 2)
    assert {name: len(values) for name, values in times[100].items()} == {"collect": 2, "freeze": 2}
    assert all(0 < value < 10 for values in times[100].values() for value in values)


def test_a_look_is_timed_on_each_side(tmp_path):
    output = tmp_path / "look.json"
    sides = [f"stock={sys.executable}", f"patched={sys.executable}"]
    argv = [f"--output={output}", "--size=100", "--rounds=2", "--immortalize", *sides]
    done = CliRunner().invoke(look_cost.main, argv)
    assert done.exit_code == 0, done.output
    raw = json.loads(output.read_text())
    assert len(raw["seconds"]["patched"]["100"]["get_referrers"]) == 2
    assert f"| stock | {raw['found']['stock']['100']:,} | " in done.output


def test_rounds_of_both_are_kept_and_told(tmp_path, monkeypatch):
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    asked_for = []

    def run(stock, patched, count, ways):
        asked_for.append((count, ways))
        level, grows = [1024] * 20, list(range(1024, 2024, 50))
        found = {stock.role.side.python: {"each": level}}
        return json.dumps(found | {patched.role.side.python: {"each": grows, "main": "x\nlost"}})

    monkeypatch.setattr(embedding, "run", run)
    output = tmp_path / "embedding.json"
    argv = [str(other), sys.executable, "--output", str(output), "--rounds=20", "--way=each"]
    done = CliRunner().invoke(embedding.main, argv)
    assert done.exit_code == 1, done.output
    assert asked_for == [(20, ("each",))]
    assert done.stdout.splitlines()[2:] == [
        "| stock | each | 1.0 | 1.0 | 0.0 |",
        "| patched | each | 1.0 | 1.9 | 50.0 |",
        "| patched | main | lost | | |",
    ]
    assert done.stderr == f"Error: main: {output} says what went wrong\n"
    assert json.loads(output.read_text())["KiB"]["patched"]["each"][-1] == 1974


def test_what_fails_is_a_message(tmp_path):
    done = CliRunner().invoke(heap_cost.main, ["/bin/true", f"--output={tmp_path / 'x.json'}"])
    assert done.exit_code == 1
    assert "is no CPython that runs" in done.output


def test_exits_keep_raw_data_and_compare_with_the_base(tmp_path, monkeypatch):
    monkeypatch.setattr(exits, "seconds_to_exit", lambda python, program, size: 0.25)
    monkeypatch.setattr(exits, "faults_of_exit", lambda python: 7)
    output = tmp_path / "raw" / "exits.json"
    sides = [f"stock={sys.executable}", f"patched={sys.executable}"]
    done = CliRunner().invoke(exits.main, [f"--output={output}", "--size=10", "--rounds=2", *sides])
    assert done.exit_code == 0, done.output
    assert "| lists, 10 | 250 ms | 1.00 | 250 ms, 1.00x |" in done.output
    raw = json.loads(output.read_text())
    assert raw["seconds"]["lists, 10"]["stock again"] == [0.25, 0.25]
    assert raw["faults"] == {"stock": [7, 7, 7], "patched": [7, 7, 7]}


# Instead of Django: as many seconds as pages, and it must have been told its mode.
ECHO = """\
import gc, sys
MODE
print('ready', flush=True)
for line in sys.stdin:
    print(float(line), flush=True)
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    def prepare(python, env, entries, directory):
        database = directory / "shop.db"
        database.write_bytes(b"")
        return database

    monkeypatch.setattr(pages, "CHILD", ECHO)
    monkeypatch.setattr(pages, "prepare", prepare)
    output = tmp_path / "pages.json"
    small = ["--site", str(tmp_path), "--output", str(output), "--processes", "2", "--cpu", "0"]

    def run(*arguments):
        return CliRunner().invoke(pages.main, [*small, *arguments]), output

    return run


def test_pages_are_made_in_turns_and_the_first_twice(shop):
    done, output = shop(
        "--rounds", "3", "--pages", "7", f"a={sys.executable}", f"b:freeze={sys.executable}"
    )
    assert done.exit_code == 0, done.output
    raw = json.loads(output.read_text())
    assert [name for name, _ in raw["seconds"]] == ["a", "b:freeze", pages.AGAIN] * 2
    assert all(seconds == [7.0] * 3 for _, seconds in raw["seconds"])
    assert f"| {pages.AGAIN} | 1000.000 ms | 1.000 (1.000 to 1.000)" in done.output


def test_a_mode_of_pages_is_called_in_the_child(shop, monkeypatch):
    monkeypatch.setitem(pages.MODES, "freeze", "sys.exit('called')")
    done, output = shop("--rounds", "1", f"a:freeze={sys.executable}")
    assert done.exit_code == 1
    assert "a process of a:freeze ended" in done.output
    assert not output.exists()


def test_a_mode_of_pages_that_is_none(shop):
    done, _ = shop(f"a:frozen={sys.executable}")
    assert done.exit_code == 2
    assert "no mode 'frozen'; there are freeze, immortal, or none" in done.output


def test_pages_without_django_say_what_is_missing(tmp_path):
    arguments = ["--site", str(tmp_path), "--output", str(tmp_path / "x.json")]
    done = CliRunner().invoke(pages.main, [*arguments, f"a={sys.executable}"])
    assert done.exit_code == 1
    assert "is --site what pip installed?" in done.output
