"""bench: rounds, resuming, failures, and what it refuses; the interpreters are made up."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

import benchtoy
import pyperf
import pytest
from cpatch import cli
from cpatch.base.errors import CpatchError
from cpatch.bench import runs, session, venvs
from cpatch.bench.runs import Bench, RunFailedError, Task
from cpatch.measuring import interpreters, stats
from cpatch.measuring.interpreters import Role
from cpatch.measuring.resultdir import Results
from cpatch.report import rows
from cpatch.series import patchfiles
from cpatch.series.patchfiles import Part
from cpatch.verbs import bench as door
from roundstoy import make_rounds, side

SCRIPT = """
import pyperf
runner = pyperf.Runner(values=2, warmups=0, min_time=1e-6)
runner.bench_func("one", sum, [1])
runner.bench_func("two", sum, [2])
"""


@pytest.fixture
def world(tmp_path, monkeypatch):
    return make_rounds(tmp_path, monkeypatch)


def go(*arguments: str) -> int:
    given = ["--stock-python", sys.executable, "--patched-python", sys.executable]
    return cli.run(["bench", *given, *arguments])


def only_results(world: SimpleNamespace) -> Results:
    (found,) = (world.toy.root / "build" / "results").glob("*/run.json")
    return Results(found.parent)


def workers(world: SimpleNamespace) -> list[tuple[str, ...]]:
    return [call for call in world.calls if "--worker" in call]


def test_turns_are_a_b_b_a_and_then_b_a_a_b(world):
    assert go("--rounds", "2") == 0
    turns = [call[1] for call in workers(world) if call[0] == "solo"]
    assert turns == ["stock", "patched", "patched", "stock", "patched", "stock", "stock", "patched"]


def test_third_role_takes_part_in_every_round(world):
    roles = interpreters.roles([side("stock"), side("patched")], off=True)
    names = [role.name for role in runs.order(roles, 0)]
    assert names == ["stock", "patched", "off", "off", "patched", "stock"]
    assert runs.environment(roles[2], 3)["PYTHONIMMORTALHEAP"] == "0"


def test_trees_of_some_parts_take_part_in_every_round(world):
    world.sides["speed"] = side("speed")
    world.sides["counts-heap"] = side("counts-heap")
    options = session.Options(
        benchmarks=(), rounds=2, rigorous=False, brief=False, off=False, fresh=False, output=None,
        instructions=False, cpu=None, machine=None, jobs=1,
    )  # fmt: skip
    toy = world.toy
    assert session.run(toy.project, toy.pin, "pgo", [*world.sides.values()], options) == 0
    turns = [call[1] for call in workers(world) if call[0] == "solo"]
    names = ["stock", "patched", "speed", "counts-heap"]
    assert turns == [*names, *names[::-1], *names[::-1], *names]
    results = only_results(world)
    assert [*results.record()["sides"]] == names
    run = rows.load(results.root)
    assert run.waiting == []
    assert [*run.times[0].others] == names[1:]


def test_brief_takes_one_value_and_is_another_comparison(world):
    go("--rounds", "1")
    assert not [call for call in workers(world) if "--values=1" in call]
    before = len(workers(world))
    go("--rounds", "1", "--brief")
    brief = workers(world)[before:]
    assert len(brief) == 4 * 3
    assert {call[5:] for call in brief} == {("--loops=4", "--values=1", "--warmups=1")}
    single = Task("one", 0, "one", 1, 1.0)
    assert single.options(brief=True)[2:] == ["--loops=1", "--values=1", "--warmups=0"]
    assert len(list((world.toy.root / "build" / "results").glob("*/run.json"))) == 2


def test_parts_cannot_be_compared_with_what_was_built_elsewhere(world, capsys):
    assert go("--parts", "speed") == 2
    assert "built here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parts", "everything", "trees"),
    [
        ([], True, ["patched"]),
        ([["core"], ["core"]], True, ["patched", "core"]),
        ([["core"]], False, ["core"]),
    ],
)
def test_which_trees_are_compared(world, monkeypatch, parts, everything, trees):
    listed = SimpleNamespace(parts=[Part("core", "", ()), Part("more", "", ())])
    monkeypatch.setattr(patchfiles, "load_series", lambda project, pin: listed)
    toy = world.toy
    assert door.compared(toy.project, toy.pin, parts, everything=everything) == trees


def test_nothing_to_compare_is_refused(world, capsys):
    assert cli.run(["bench", "--only-parts"]) == 2
    assert "leaves nothing" in capsys.readouterr().err


def test_all_of_a_round_have_the_same_loops_and_seed(world):
    go("--rounds", "2")
    seeds = {(call[0], call[2], call[5]) for call in workers(world) if call[0] == "solo"}
    assert seeds == {("solo", 1, "--loops=8"), ("solo", 2, "--loops=8")}


def test_raw_files_are_pyperf_and_say_what_they_are_of(world):
    go("--rounds", "3")
    results = only_results(world)
    for name in ("alpha", "beta", "solo"):
        for role, tree in (("stock", "a" * 40), ("patched", "b" * 40)):
            (raw,) = pyperf.BenchmarkSuite.load(
                str(results.file("times", role, name))
            ).get_benchmarks()
            assert raw.get_nrun() == 6
            assert raw.get_metadata()["tree_id"] == tree
    assert "secret" not in results.file("times", "stock", "solo").read_text()
    record = results.record()
    assert record["unfit"] == {"late": "needs more"}
    assert record["sides"]["patched"]["flags"] == benchtoy.FLAGS
    assert record["sessions"][0]["ended"]
    assert record["measured"]["times"]["alpha"] == ["patched", "stock"]


def test_interrupted_run_continues_and_repeats_nothing(world, capsys):
    world.stop_at = 12  # in the second round's turns of something
    assert go("--rounds", "3") == 130
    assert "the same command continues" in capsys.readouterr().err
    results = only_results(world)
    kept = {
        name: results.rounds("times", name, ["stock", "patched"])
        for name in results.names("times", "stock")
    }
    world.stop_at, before = None, len(workers(world))
    assert go("--rounds", "3") == 0
    again = len(workers(world)) - before
    assert again == 4 * sum(3 - len(kept.get(name, set())) for name in ("alpha", "beta", "solo"))
    for name in ("alpha", "beta", "solo"):
        assert results.rounds("times", name, ["stock", "patched"]) == {0, 1, 2}
    calibrated = [call for call in world.calls if "--processes=1" in call]
    assert len(calibrated) <= 3
    assert len(results.record()["sessions"]) == 2
    assert not list(results.root.rglob("*.new"))


def test_complete_run_has_nothing_left_to_do(world):
    go("--rounds", "2")
    before = len(world.calls)
    assert go("--rounds", "2") == 0
    assert len(world.calls) == before


def test_more_rounds_add_to_those_there_are(world):
    go("--rounds", "1")
    before = len(workers(world))
    go("--rounds", "2")
    assert len(workers(world)) - before == 4 * 3


def test_fresh_begins_anew_and_keeps_the_old(world):
    go("--rounds", "1")
    assert go("--rounds", "1", "--fresh") == 0
    assert len(list((world.toy.root / "build" / "results").glob("*/times/stock/solo.json"))) == 2


def test_failure_on_patched_alone_is_a_regression_and_the_rest_goes_on(world, capsys):
    world.broken = {("solo", "patched")}
    assert go("--rounds", "2") == 4
    results = only_results(world)
    (failure,) = results.failures()
    assert (failure.name, failure.role, failure.tail) == ("solo", "patched", "boom of solo")
    assert "failed   solo on patched: exit code 1, in round 1" in capsys.readouterr().out
    assert results.names("times", "patched") == ["alpha", "beta"]
    assert results.names("times", "stock") == ["alpha", "beta"]


def test_failure_is_forgotten_when_it_runs_again(world):
    world.broken = {("solo", "patched")}
    go("--rounds", "1")
    world.broken = set()
    assert go("--rounds", "1") == 0
    assert only_results(world).failures() == []


def test_failure_on_stock_says_how_patched_fares(world):
    world.broken = {("solo", "stock")}
    assert go("--rounds", "1") == 0
    assert [each.role for each in only_results(world).failures()] == ["stock"]
    assert ("solo", "patched", 0, "--debug-single-value") in world.calls
    world.broken = {("solo", "stock"), ("solo", "patched")}
    assert go("--rounds", "1", "--fresh") == 0


def test_other_build_is_another_comparison(world):
    go("--rounds", "1")
    world.sides["patched"] = side("patched", binary="3" * 12)
    go("--rounds", "1")
    assert len(list((world.toy.root / "build" / "results").glob("*/run.json"))) == 2


def test_output_of_another_comparison_is_refused(world, capsys, tmp_path):
    assert go("--rounds", "1", "--output", str(tmp_path / "out")) == 0
    world.sides["patched"] = side("patched", tree_id="d" * 40)
    assert go("--rounds", "1", "--output", str(tmp_path / "out")) == 2
    assert "of another comparison: sides" in capsys.readouterr().err


def test_different_flags_are_refused(world, capsys):
    world.sides["patched"] = side("patched", flags={**benchtoy.FLAGS, "PY_CFLAGS": "-O2"})
    assert go() == 2
    said = capsys.readouterr().err
    assert "not built alike: flags PY_CFLAGS" in said
    assert "wanted stock: flags PY_CFLAGS -O3" in said
    assert "patched: flags PY_CFLAGS -O2" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--quick", "--rigorous"], "exclude each other"),
        (["--stock-python", "x"], "go together"),
        (["--flavor", "debug"], "'pgo', 'release'"),
    ],
)
def test_wrong_usage(world, capsys, arguments, said):
    assert cli.run(["bench", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_different_packages_are_refused(world, monkeypatch, capsys):
    versions = iter(["2", "3"])
    monkeypatch.setattr(
        venvs,
        "ensure",
        lambda *args: venvs.Venvs({}, {"common": [f"pyperf=={next(versions)}"]}),
    )
    assert go() == 1
    said = capsys.readouterr().err
    assert "different packages" in said
    assert "common: pyperf==2 beside stock, pyperf==3 beside patched" in said


def test_second_run_at_the_same_time_is_refused(world, capsys):
    go("--rounds", "1")
    with only_results(world).alone():
        assert go("--rounds", "1") == 1
    assert "another make bench is writing" in capsys.readouterr().err


def test_a_real_script_is_calibrated_and_measured(tmp_path):
    script = tmp_path / "run_benchmark.py"
    script.write_text(SCRIPT)
    table = {"both": SimpleNamespace(runscript=str(script), extra_opts=())}
    installed = venvs.Venvs({"both": {"python": sys.executable}}, {})
    role = Role("stock", side("stock"))
    made = Bench(Results(tmp_path / "out"), [role], table, {"stock": installed}, None)
    tasks = made.calibrate("both", role)
    assert [(task.number, task.name) for task in tasks] == [(0, "one"), (1, "two")]
    run = made.measure(tasks[1], role, 4, 1)
    assert len(run.values) == 2
    assert run.get_metadata()["name"] == "two"
    assert (run.get_metadata()["round"], run.get_metadata()["position"]) == (4, 1)
    assert role.stamp.items() <= run.get_metadata().items()
    assert run.get_metadata()["loops"] == tasks[1].loops
    assert not list(made.results.root.rglob("running*"))


def test_what_a_killed_run_left_running_does_not_spoil_the_next(tmp_path):
    """A process of the same benchmark, of a driver that is gone, comes to its end meanwhile."""
    script = tmp_path / "run_benchmark.py"
    table = {"both": SimpleNamespace(runscript=str(script), extra_opts=())}
    installed = venvs.Venvs({"both": {"python": sys.executable}}, {})
    role = Role("stock", side("stock"))
    made = Bench(Results(tmp_path / "out"), [role], table, {"stock": installed}, None)
    options = ["--worker", "--worker-task=0", "--loops=1"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "getpid", lambda: 1)
        script.write_text("import sys; print(sys.argv[-1]); sys.exit(1)")
        with pytest.raises(RunFailedError):
            made.run(role, "both", options, 1)
    (log,) = (made.results.root / "log").iterdir()
    theirs = log.read_text().splitlines()[-1].removeprefix("--output=")
    script.write_text(f"open({theirs!r}, 'w').close()\n" + SCRIPT)
    assert made.run(role, "both", options, 1).benchmarks


def test_failing_script_is_logged_whole_and_told_by_its_end(tmp_path):
    script = tmp_path / "run_benchmark.py"
    script.write_text("import sys; print('out'); sys.exit('no such luck')")
    table = {"bad": SimpleNamespace(runscript=str(script), extra_opts=())}
    installed = venvs.Venvs({"bad": {"python": sys.executable}, "none": {"error": "no pip"}}, {})
    role = Role("stock", side("stock"))
    made = Bench(Results(tmp_path / "out"), [role], table, {"stock": installed}, None)
    with pytest.raises(RunFailedError) as caught:
        made.run(role, "bad", [], 0)
    assert caught.value.tail == "no such luck"
    assert "out\nno such luck" in caught.value.log.read_text()
    with pytest.raises(RunFailedError, match="no pip"):
        made.python(role, "none")


def test_record_of_another_driver_is_refused(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"format": 0}))
    with pytest.raises(CpatchError, match="another version of the driver"):
        Results(tmp_path).record()


def test_no_claim_without_rounds():
    assert min(session.ROUNDS.values()) >= stats.ENOUGH
