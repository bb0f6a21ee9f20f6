"""One process of one benchmark: pyperformance's script, run by pyperf, on one role.

A script is calibrated once, on stock, in pyperf's own way; that says which functions it measures
and with how many loops. From then on each function is measured in processes of pyperf's worker
kind (``--worker --worker-task N --loops N``), one at a time, so that the roles can take turns.
The number of warm-ups and values is the script's own. A brief run takes one value of half the
loops, after a warm-up, or of the only loop, without one: processes differ more than the values of
one process do, so that the time is better spent on rounds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyperf

from cpatch.base import files, proc
from cpatch.bench.venvs import Venvs
from cpatch.building import flavors
from cpatch.measuring import resultdir
from cpatch.measuring.interpreters import Role
from cpatch.measuring.resultdir import Results

#: Seconds after which a process is taken for hung. The slowest takes a twentieth of it.
TIMEOUT = 900

_TIMED_OUT = 124  # what timeout(1) exits with

# How much of a failed process's output the report shows.
_TAIL = 25


class RunFailedError(Exception):
    """A process did not do what it should; ``tail`` is the end of what it said."""

    def __init__(self, what: str, tail: str, log: Path) -> None:
        super().__init__(what)
        self.what = what
        self.tail = tail
        self.log = log


@dataclass(frozen=True)
class Task:
    """One function that a script measures: a benchmark, as pyperf names it."""

    script: str
    number: int
    name: str
    loops: int
    seconds: float  # what one process takes, roughly

    def options(self, *, brief: bool) -> list[str]:
        """Return what a worker process is asked to do."""
        found = ["--worker", f"--worker-task={self.number}"]
        if not brief:
            return [*found, f"--loops={self.loops}"]
        several = self.loops > 1
        loops = self.loops // 2 if several else 1
        return [*found, f"--loops={loops}", "--values=1", f"--warmups={int(several)}"]


@dataclass(frozen=True)
class Bench:
    """What every process is run with."""

    results: Results
    roles: Sequence[Role]
    table: Mapping[str, Any]  # script -> pyperformance's Benchmark
    venvs: Mapping[str, Venvs]  # side -> its environments
    cpu: int | None
    brief: bool = False

    def python(self, role: Role, script: str) -> Path:
        """Return what runs *script* for *role*; RunFailedError when its needs do not install."""
        venvs = self.venvs[role.side.name]
        found = venvs.python(script)
        if found is None:
            raise RunFailedError(venvs.why_not(script), "", self.results.root / "log")
        return found

    def run(self, role: Role, script: str, options: Sequence[str], seed: int) -> Runs:
        """Run *script* for *role* in a new process; RunFailedError when that goes wrong."""
        benchmark = self.table[script]
        # Not another's: what a killed run left running writes to its own, when it comes to an end.
        output = self.scratch() / f"running-{os.getpid()}.json"
        output.unlink(missing_ok=True)
        argv = ["timeout", "--foreground", "--kill-after=30", str(TIMEOUT)]
        argv += [str(self.python(role, script)), "-u", benchmark.runscript]
        argv += [*benchmark.extra_opts, *options, f"--output={output}"]
        argv += [f"--affinity={self.cpu}"] if self.cpu is not None else []
        env = environment(role, seed)
        begun = time.monotonic()
        done = proc.run(argv, cwd=self.scratch(), env=changes(env), check=False)
        seconds = time.monotonic() - begun
        if not done.ok or not output.exists():
            log = self.results.root / "log" / f"{script}.{role.name}.log"
            said = f"$ {' '.join(argv)}\n{done.stdout}{done.stderr}"
            files.write(log, said.encode("utf-8", "replace").decode())
            tail = (done.stderr.strip() or done.stdout.strip()).splitlines()[-_TAIL:]
            hung = done.returncode == _TIMED_OUT
            what = f"no end after {TIMEOUT} s" if hung else f"exit code {done.returncode}"
            raise RunFailedError(what, "\n".join(tail), log)
        try:
            found = pyperf.BenchmarkSuite.load(str(output)).get_benchmarks()
        finally:
            output.unlink()
        return Runs(found, seconds)

    def scratch(self) -> Path:
        """Return the directory that benchmarks run in and may write to."""
        path = self.results.root / "scratch"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def calibrate(self, script: str, role: Role) -> list[Task]:
        """Return what *script* measures, from the kept calibration or from a new one."""
        path = self.results.calibration(script)
        if not path.exists():
            environ = ",".join(environment(role, 0))
            # One process of calibration and one of values for each function.
            options = ["--processes=1", f"--inherit-environ={environ}"]
            runs = self.run(role, script, options, 0)
            fresh = path.with_name(path.name + ".new")
            fresh.parent.mkdir(parents=True, exist_ok=True)
            suite = [
                pyperf.Benchmark([resultdir.stamped(run) for run in each.get_runs()])
                for each in runs.benchmarks
            ]
            pyperf.BenchmarkSuite(suite).dump(str(fresh), replace=True)
            fresh.replace(path)
        tasks = []
        for number, each in enumerate(pyperf.BenchmarkSuite.load(str(path)).get_benchmarks()):
            last = each.get_runs()[-1]
            seconds = (resultdir.fact(last, "duration") or 1.0) + _STARTING
            tasks.append(Task(script, number, each.get_name(), last.get_loops(), seconds))
        return tasks

    def measure(self, task: Task, role: Role, number: int, position: int) -> pyperf.Run:
        """Return one process's run of one function."""
        options = task.options(brief=self.brief)
        runs = self.run(role, task.script, options, number + 1)
        (bench,) = runs.benchmarks
        if bench.get_name() != task.name:
            raise RunFailedError(
                f"measured {bench.get_name()} where {task.name} was meant",
                "",
                self.results.root / "loops",
            )
        (run,) = bench.get_runs()
        spent = round(runs.seconds, 3)
        return stamped(run, role, task.script, number, position, process_seconds=spent)


# Starting an interpreter, importing pyperf, collecting metadata; in seconds, roughly.
_STARTING = 0.6


@dataclass(frozen=True)
class Runs:
    """What a process left behind, and how long it took in seconds."""

    benchmarks: list[pyperf.Benchmark]
    seconds: float


def made(name: str, unit: str, values: Sequence[float], **more: str | float) -> pyperf.Run:
    """Return a run of what pyperf did not measure itself; *unit* is one of pyperf's."""
    metadata = {"name": name, "unit": unit, "loops": 1, "date": resultdir.now()[:19], **more}
    return pyperf.Run(values, metadata=metadata, collect_metadata=False)


def stamped(
    run: pyperf.Run, role: Role, script: str, number: int, position: int, **more: str | float
) -> pyperf.Run:
    """Return *run* with what the report asks of every run: whose it is, which round and turn."""
    about = {**role.stamp, "script": script, **more}
    return resultdir.stamped(run, round=number, position=position, **about)


def environment(role: Role, seed: int) -> dict[str, str]:
    """Return the whole environment of a measured process: the same for all but the role's own.

    *seed* fixes the order of sets and with it part of the timing; it changes from round to
    round, and within a round is the same for all.
    """
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": str(seed), **role.env}


def changes(env: Mapping[str, str]) -> proc.Env:
    """Return *env* as changes to ours."""
    return flavors.changes(env, os.environ)


def order(roles: Sequence[Role], number: int) -> list[Role]:
    """Return who runs when in a round: A B B A, and B A A B in every other one."""
    first = list(roles) if number % 2 == 0 else list(roles)[::-1]
    return [*first, *reversed(first)]
