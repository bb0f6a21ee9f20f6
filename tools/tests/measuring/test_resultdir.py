"""The parts of bench: the store, the sides, the set, the probes and the counts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import benchtoy
import pyperf
import pytest
from buildtoy import fake_program, make_toy
from cpatch.base.errors import CpatchError
from cpatch.bench import choice, counts
from cpatch.bench import probes as bench_probes
from cpatch.bench.probes import Measuring
from cpatch.bench.runs import RunFailedError
from cpatch.building import flavors, records
from cpatch.measuring import interpreters, machine, resultdir
from cpatch.measuring.interpreters import Role, Side
from cpatch.measuring.resultdir import Failure, Results

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


# --- the store


def runs(number: int, *values: float) -> list[pyperf.Run]:
    return [
        pyperf.Run(
            [value], metadata={"name": "toy", "round": number, "position": at},
            collect_metadata=False,
        )
        for at, value in enumerate(values)
    ]  # fmt: skip


def test_a_round_counts_when_every_role_has_it(tmp_path):
    results = Results(tmp_path)
    results.add("times", "toy", 0, {"stock": runs(0, 1, 1), "patched": runs(0, 1, 1)})
    results.add("times", "toy", 1, {"stock": runs(1, 1, 1)})
    assert results.rounds("times", "toy", ["stock", "patched"]) == {0}
    assert results.rounds("times", "toy", ["stock"]) == {0, 1}


def test_what_an_interruption_left_of_a_round_is_replaced(tmp_path):
    results = Results(tmp_path)
    results.add("times", "toy", 0, {"stock": runs(0, 1.0, 2.0)})
    results.add("times", "toy", 0, {"stock": runs(0, 3.0, 4.0)})
    found = results.load("times", "stock", "toy")
    assert found is not None
    assert [run.values for run in found.get_runs()] == [(3.0,), (4.0,)]


def test_writing_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    results = Results(tmp_path)
    results.add("times", "toy", 0, {"stock": runs(0, 1.0, 2.0)})
    before = results.file("times", "stock", "toy").read_bytes()

    def half(self: pyperf.Benchmark, file: str, **kwargs: object) -> None:
        Path(file).write_text('{"bench')
        raise KeyboardInterrupt

    monkeypatch.setattr(pyperf.Benchmark, "dump", half)
    with pytest.raises(KeyboardInterrupt):
        results.add("times", "toy", 1, {"stock": runs(1, 1.0, 2.0)})
    assert results.file("times", "stock", "toy").read_bytes() == before
    assert results.names("times", "stock") == ["toy"]


def test_damaged_raw_file_is_named(tmp_path):
    results = Results(tmp_path)
    path = results.file("times", "stock", "toy")
    path.parent.mkdir(parents=True)
    path.write_text('{"benchmarks": [')
    with pytest.raises(CpatchError, match=r"toy\.json is not a raw pyperf file") as caught:
        results.load("times", "stock", "toy")
    assert caught.value.fix
    assert f"rm {path}" in caught.value.fix


def test_runs_of_another_machine_do_not_go_together(tmp_path):
    results = Results(tmp_path)
    results.add("times", "toy", 0, {"stock": runs(0, 1.0, 2.0)})
    other = [resultdir.stamped(run, cpu_model_name="other") for run in runs(1, 1.0, 2.0)]
    with pytest.raises(CpatchError, match="does not go with those"):
        results.add("times", "toy", 1, {"stock": other})


def test_failures_are_kept_until_cleared(tmp_path):
    results = Results(tmp_path)
    failure = Failure("toy", "patched", "exit code 1", "boom", "now")
    results.fail(failure)
    assert results.failures() == [failure]
    results.clear("toy", "patched")
    assert results.failures() == []


# --- the sides


def test_an_interpreter_is_asked_what_it_is():
    found = interpreters.ask("stock", Path(sys.executable))
    assert found.version == sys.version.split()[0]
    assert len(found.binary) == 12
    assert "prefix" not in found.flags["CONFIG_ARGS"]


def test_what_is_no_interpreter_is_refused():
    with pytest.raises(CpatchError, match="is no CPython that runs"):
        interpreters.ask("stock", Path("/bin/true"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("ccache gcc", "gcc"),
        ("-O3 -I../Include -Wall", "-O3 -Wall"),
        ("'--with-lto' '--prefix=/opt/x'", "'--with-lto'"),
    ],
)
def test_places_are_no_flags(text, kept):
    assert interpreters._code_flags(text) == kept


def test_copy_for_measuring_is_made_once_at_a_path_of_fixed_length(tmp_path, monkeypatch):
    toy = make_toy(tmp_path, monkeypatch)
    objdir = tmp_path / "obj"
    fake_program(objdir, "python")
    (objdir / "Makefile").write_text(
        "altinstall:\n\t@echo made >> made; mkdir -p $(DESTDIR)/opt/some/where/bin; "
        "cp python $(DESTDIR)/opt/some/where/bin/python9.8\n"
    )
    built = records.Built(
        python=str(objdir / "python"), tree_id="a" * 40, commit="c", version="9.8.7",
        compiler="gcc", prefix="/opt/some/where", settings={},
    )  # fmt: skip
    flavor = flavors.get("release")
    one = interpreters._installed(toy.project, toy.pin, "stock", flavor, built)
    assert interpreters._installed(toy.project, toy.pin, "stock", flavor, built) == one
    assert (objdir / "made").read_text() == "made\n"
    home = toy.project.pin_build(toy.pin) / "bench" / "inst"
    assert one.relative_to(home).parts[1:] == ("bin", "python9.8")
    assert [len(path.name) for path in home.iterdir()] == [12]


# --- the set


def test_default_set_is_cut_to_the_version():
    run, unfit = choice.choose("3.10.0")
    assert "nbody" in run
    assert any("async_tree" in name and "needs Python" in why for name, why in unfit.items())
    assert not set(run) & set(unfit)


def test_tags_and_names_are_chosen():
    run, _ = choice.choose("3.12.0", ("startup", "nbody"))
    assert {"python_startup", "python_startup_no_site", "nbody"} <= set(run)
    assert "chaos" not in run


def test_unknown_benchmark_names_the_nearest():
    with pytest.raises(CpatchError, match="'richrads'") as caught:
        choice.choose("3.12.0", ("richrads",))
    assert "richards" in (caught.value.fix or "")


def test_quick_set_exists():
    assert set(choice.QUICK) <= set(choice.manifest())
    assert {program.name for program in counts.PROGRAMS} <= set(choice.manifest())


# --- the probes


@pytest.fixture
def measuring(tmp_path):
    return Measuring(role(), 1, machine.cpu_to_use(), tmp_path)


def test_shutdown_is_the_time_after_the_last_statement(measuring):
    code = "import time; print(time.monotonic_ns(), flush=True); time.sleep(0.2)"
    ((whole, after),) = measuring.times(1, "-c", code)
    assert 0.2 < after < whole < 5


def test_memory_is_that_of_the_program_and_not_of_this_one(measuring):
    ballast = bytearray(200 * 2**20)
    ballast[:: 2**12] = b"x" * len(ballast[:: 2**12])
    (peak, *_) = bench_probes._memory(measuring)["memory_pass"]
    assert 2 * 2**20 < peak < 100 * 2**20


@pytest.mark.skipif(not shutil.which("fincore"), reason="asks util-linux what is cached")
def test_interpreter_is_read_from_disk_again(tmp_path):
    def cached(path):
        argv = ["fincore", "--bytes", "--noheadings", "--output", "RES", str(path)]
        return int(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)

    python = tmp_path / "bin" / "python3.11"
    module = tmp_path / "lib" / "python3.11" / "lib-dynload" / "math.so"
    for path in (python, module):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 2**20)
    before = cached(python), cached(module)
    assert machine.read_afresh(python) == [python, module]
    if not on_disk(tmp_path):
        pytest.skip("what such a file system caches is its own affair")
    assert before == (2**20, 2**20)
    assert (cached(python), cached(module)) == (0, 0)


def on_disk(path):
    argv = ["stat", "--file-system", "--format=%T", str(path)]
    kind = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    return kind in ("ext2/ext3", "xfs")


@pytest.mark.parametrize("name", ["startup", "collect"])
def test_probes_give_what_they_say(tmp_path, name):
    (probe,) = [probe for probe in bench_probes.PROBES if probe.name == name]
    found = bench_probes.measure(probe, role(), 2, 1, results=Results(tmp_path), cpu=None)
    assert set(found) == set(probe.gives)
    for run in found.values():
        assert all(0 < value < 10 for value in run.values)
        about = run.get_metadata()
        assert (about["round"], about["position"], about["script"]) == (2, 1, name)
        assert role().stamp.items() <= about.items()


def test_probe_that_does_not_run_fails(measuring):
    with pytest.raises(RunFailedError, match="exit code"):
        measuring.times(1, "-c", "raise SystemExit(3)")


def test_probes_that_need_too_much_memory_are_left_out(monkeypatch):
    monkeypatch.setattr(machine, "free_memory", lambda: 10**9)
    probes, unfit = bench_probes.chosen(rigorous=True)
    assert list(unfit) == ["shutdown_1e7"]
    assert "shutdown_1e6" in [probe.name for probe in probes]
    assert bench_probes.chosen(rigorous=False)[1] == {}


# --- the counts


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


# --- the machine


HOSTED = "Linux-6.18.44-hoster-v595-x86_64-with-glibc2.36"


@pytest.mark.parametrize(
    ("text", "public"),
    [
        (HOSTED, "Linux-x86_64-with-glibc2.36"),
        ("Linux-5.10.0-28-cloud-arm64-aarch64-with-glibc2.31", "Linux-aarch64-with-glibc2.31"),
        ("Linux-6.1.0-x86_64-with-musl", "Linux-x86_64-with-musl"),
        ("Linux-6.1.0-hoster-x86_64-64bit", "Linux"),
        ("Linux-x86_64-with-glibc2.36", "Linux-x86_64-with-glibc2.36"),
    ],
)
def test_platform_is_told_without_the_kernel(text, public):
    assert machine.public_platform(text) == public


def test_kernel_is_a_version_and_not_whose_build():
    assert machine.kernel("6.18.44-hoster-v595") == "6.18.44"
    assert machine.kernel(machine.kernel("6.1.0-28-cloud-amd64")) == "6.1.0"
    assert machine.kernel("custom") == "unknown"


def test_raw_files_tell_neither_the_host_nor_whose_kernel(tmp_path):
    # All that pyperf itself collects, here.
    run = pyperf.Run([1.0], metadata={"name": "toy", "hostname": "secret"})
    assert "platform" in run.get_metadata()
    run._metadata["platform"] = HOSTED
    results = Results(tmp_path)
    both = [resultdir.stamped(run, round=0, position=at) for at in (0, 1)]
    results.add("times", "toy", 0, {"stock": both})
    text = results.file("times", "stock", "toy").read_text()
    for word in ("hoster", "secret", "6.18", os.uname().nodename + '"', sys.executable):
        assert word not in text
    found = results.load("times", "stock", "toy")
    assert found is not None
    assert found.get_metadata()["platform"] == "Linux-x86_64-with-glibc2.36"


def test_results_of_an_earlier_driver_go_on_and_are_cleaned(tmp_path):
    results = Results(tmp_path)
    old = [
        pyperf.Run([1.0], metadata={**run.get_metadata(), "platform": HOSTED},
                   collect_metadata=False)
        for run in runs(0, 1.0, 2.0)
    ]  # fmt: skip
    resultdir.dump(results.file("times", "stock", "toy"), pyperf.Benchmark(old))
    public = machine.public_platform(HOSTED)
    new = [resultdir.stamped(run, platform=public) for run in runs(1, 1.0, 2.0)]
    results.add("times", "toy", 1, {"stock": new})
    assert results.rounds("times", "toy", ["stock"]) == {0, 1}
    assert "hoster" not in results.file("times", "stock", "toy").read_text()
    results.write_record(benchtoy.record(machine={"kernel": "6.18.44-hoster"}))
    assert results.record()["machine"] == {"kernel": "6.18.44"}


def test_machine_has_a_name_and_no_host_name():
    facts = machine.facts()
    assert facts["cpus"]
    assert os.uname().nodename not in map(str, facts.values())
    assert machine.name({"cpu": "Intel(R) Xeon(R) CPU @ 2.00GHz", "cpus": 4, "virtual": True}) == (
        "Intel Xeon, 4 CPUs, VM"
    )
