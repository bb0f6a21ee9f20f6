"""What pyperformance does not ask: memory, start-up outside an environment, shutdown, collection.

Each probe is a small program for a fresh interpreter, and gives one or several benchmarks in
pyperf's form, so that the rounds, the files and the statistics are those of all others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyperf

from cpatch.base import proc
from cpatch.bench.runs import RunFailedError, changes, environment, made, stamped
from cpatch.measuring import machine
from cpatch.measuring.interpreters import Role
from cpatch.measuring.resultdir import Results

_CHILD = Path(__file__).with_name("child.py")

#: The last statements of a program whose exit is timed: they name the moment (child.py).
LAST = """\
sys.stdout.write("%d\\n" % time.monotonic_ns())
sys.stdout.flush()
"""

# A quarter each of instances, strings, lists and floats, held by a global of __main__.
_SHUTDOWN = (
    """\
import sys, time
class Thing:
    def __init__(self, number):
        self.name = str(number)
        self.others = [number]
        self.size = number / 3
things = [Thing(number) for number in range(int(sys.argv[1]) // 4)]
"""
    + LAST
)

_COLLECT = """\
import gc, time
spans = []
for _ in range(6):
    begun = time.perf_counter()
    gc.collect()
    spans.append(time.perf_counter() - begun)
print(0)
print(*spans)
"""

# The kernel counts what a process held before exec() to its peak, so the program must not be
# started by a larger one, such as this. A shell is small; whom it turns into asks for the peak
# of the shell's children.
_MEMORY = '"$0" -c pass && exec "$1" -I -S -c "$2"'
_PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)"

Sample = dict[str, list[float]]


@dataclass(frozen=True)
class Probe:
    """One program. ``sample`` runs it and returns benchmark -> values; ``unit`` is pyperf's."""

    name: str
    about: str
    unit: str
    gives: tuple[str, ...]
    sample: Callable[[Measuring], Sample]
    needs: int = 0  # bytes of memory
    rigorous: bool = False  # only with --rigorous
    seconds: float = 1.0  # what one process takes, roughly


@dataclass(frozen=True)
class Measuring:
    """The interpreter asked, and how to ask it."""

    role: Role
    seed: int
    cpu: int | None
    scratch: Path

    def ask(self, argv: Sequence[str]) -> list[str]:
        """Run *argv* on the CPU of the measurements; returns its lines."""
        bound = ["taskset", "-c", str(self.cpu)] if self.cpu is not None else []
        env = changes(environment(self.role, self.seed))
        done = proc.run([*bound, *argv], cwd=self.scratch, env=env, check=False)
        if not done.ok:
            raise RunFailedError(f"exit code {done.returncode}", done.stderr.strip(), self.scratch)
        return done.stdout.splitlines()

    def times(self, count: int, *arguments: str) -> list[list[float]]:
        """Spawn the interpreter *count* times; returns rows of seconds, as child.py prints.

        The one who spawns and waits is the same program for all that are compared.
        """
        argv = [sys.executable, "-I", "-S", str(_CHILD), str(count), self.role.side.python]
        return [[float(word) for word in line.split()] for line in self.ask([*argv, *arguments])]


def _memory(measuring: Measuring) -> Sample:
    argv = ["sh", "-c", _MEMORY, measuring.role.side.python, sys.executable, _PEAK]
    return {"memory_pass": [float(measuring.ask(argv)[0]) for _ in range(5)]}


def _startup(measuring: Measuring) -> Sample:
    return {
        "run_pass": [row[0] for row in measuring.times(10, "-c", "pass")],
        "run_pass_no_site": [row[0] for row in measuring.times(10, "-S", "-c", "pass")],
    }


def _collect(measuring: Measuring) -> Sample:
    first, again = [], []
    for row in measuring.times(5, "-c", _COLLECT):
        first.append(row[2])
        again += row[3:]
    return {"fresh_collect_first": first, "fresh_collect": again}


def _shutdown(exponent: int, times: int) -> Callable[[Measuring], Sample]:
    def sample(measuring: Measuring) -> Sample:
        rows = measuring.times(times, "-c", _SHUTDOWN, str(10**exponent))
        return {f"shutdown_1e{exponent}": [row[1] for row in rows]}

    return sample


def _shutdown_probe(exponent: int, times: int, seconds: float) -> Probe:
    name = f"shutdown_1e{exponent}"
    return Probe(
        name,
        f"from the last statement to the end of the process, 10^{exponent} live objects",
        "second",
        (name,),
        _shutdown(exponent, times),
        needs=150 * 10**exponent,  # 88 measured, and some air
        rigorous=exponent > 6,
        seconds=seconds,
    )


PROBES = (
    Probe(
        "memory", "peak memory of python -c pass", "byte", ("memory_pass",), _memory, seconds=0.3
    ),
    Probe(
        "startup",
        "python -c pass from start to end, installed, without an environment around it",
        "second",
        ("run_pass", "run_pass_no_site"),
        _startup,
        seconds=0.5,
    ),
    Probe(
        "collect",
        "gc.collect() on a fresh interpreter: the first, and the five after it",
        "second",
        ("fresh_collect_first", "fresh_collect"),
        _collect,
        seconds=0.3,
    ),
    _shutdown_probe(4, 5, 0.3),
    _shutdown_probe(6, 2, 1.0),
    _shutdown_probe(7, 1, 6.0),
)


def chosen(*, rigorous: bool) -> tuple[list[Probe], dict[str, str]]:
    """Return the probes to run here, and name -> why not for those that cannot."""
    wanted = [probe for probe in PROBES if rigorous or not probe.rigorous]
    free = machine.free_memory()
    unfit = {
        probe.name: f"needs {probe.needs / 1e9:.1f} GB of memory, {free / 1e9:.1f} are free"
        for probe in wanted
        if probe.needs > free
    }
    return [probe for probe in wanted if probe.name not in unfit], unfit


def measure(
    probe: Probe, role: Role, number: int, position: int, *, results: Results, cpu: int | None
) -> dict[str, pyperf.Run]:
    """Return one sample of each benchmark that a probe gives; RunFailedError when it fails."""
    scratch = results.root / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    found = probe.sample(Measuring(role, number + 1, cpu, scratch))
    runs = {}
    for name, values in found.items():
        load, version = machine.load()[0], role.side.version
        whole = [int(value) for value in values] if probe.unit == "byte" else values
        run = made(name, probe.unit, whole, load_avg_1min=load, python_version=version)
        runs[name] = stamped(run, role, probe.name, number, position)
    return runs
