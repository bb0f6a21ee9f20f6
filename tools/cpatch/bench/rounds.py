"""The rounds: who runs when, what is left, and what to do when something fails."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pyperf

from cpatch.base import console
from cpatch.bench import probes
from cpatch.bench.probes import Probe
from cpatch.bench.runs import Bench, RunFailedError, Task, order
from cpatch.measuring import resultdir
from cpatch.measuring.interpreters import Role
from cpatch.measuring.resultdir import Failure

#: What one process of a benchmark takes before it is known better, in seconds.
_GUESS = 3.0

#: Between two lines of progress where no terminal shows a bar, in seconds.
_PAUSE = 60.0

Say = Callable[[str], None]


@dataclass
class Unit:
    """What takes its turns together: one measured function, or one probe."""

    kind: str
    script: str
    names: tuple[str, ...]
    seconds: float  # of one process
    measure: Callable[[Role, int, int], dict[str, pyperf.Run]]
    done: set[int] = field(default_factory=set)


@dataclass
class Schedule:
    """All that is to be measured, and how far it has got."""

    bench: Bench
    scripts: Sequence[str]
    probes: Sequence[Probe]
    rounds: int
    units: dict[str, list[Unit]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Do all rounds that are not done. Ctrl-C loses the round of one benchmark at most."""
        for probe in self.probes:
            self.units[probe.name] = [self._probe_unit(probe)]
        for script in self.scripts:
            if self.bench.results.calibration(script).exists():
                self._calibrate(script)
        with progress() as say:
            for number in range(self.rounds):
                for script in [*(probe.name for probe in self.probes), *self.scripts]:
                    self._script(script, number, say)

    def _script(self, script: str, number: int, say: Say) -> None:
        where = f"round {number + 1} of {self.rounds}, {script}"
        if script not in self.units and script not in self.failed:
            say(f"{where}, choosing the number of loops; {self.left()}")
            self._calibrate(script)
        for unit in self.units.get(script, []):
            if script in self.failed or number in unit.done:
                continue
            say(f"{where}; {self.left()}")
            self._round(unit, number)

    def _round(self, unit: Unit, number: int) -> None:
        results, roles = self.bench.results, self.bench.roles
        runs: dict[str, dict[str, list[pyperf.Run]]] = {name: {} for name in unit.names}
        begun = time.monotonic()
        turns = order(roles, number)
        for position, role in enumerate(turns):
            try:
                found = unit.measure(role, number, position)
            except RunFailedError as error:
                self._fail(unit.script, role, error, f"in round {number + 1}")
                return
            for name in unit.names:
                runs[name].setdefault(role.name, []).append(found[name])
        for name in unit.names:
            results.add(unit.kind, name, number, runs[name])
        for role in roles:
            results.clear(unit.script, role.name)
        unit.done.add(number)
        unit.seconds = (time.monotonic() - begun) / len(turns)

    def _calibrate(self, script: str) -> None:
        stock, *others = self.bench.roles
        try:
            tasks = self.bench.calibrate(script, stock)
        except RunFailedError as error:
            self._fail(script, stock, error, "when the number of loops was chosen")
            for role in others:
                # Is it the benchmark, or stock? The report says which.
                try:
                    self.bench.run(role, script, ["--debug-single-value"], 0)
                except RunFailedError as other:
                    self._fail(script, role, other, "when tried once")
            return
        self.units[script] = [self._task_unit(task) for task in tasks]

    def _fail(self, script: str, role: Role, error: RunFailedError, when: str) -> None:
        self.failed.add(script)
        what = f"{error.what}, {when}"
        failure = Failure(script, role.name, what, error.tail, resultdir.now())
        self.bench.results.fail(failure)
        console.note(f"{script} fails on {role.name}: {what}; log: {error.log}")
        for line in error.tail.splitlines()[-5:]:
            console.note(f"    {line}")

    def _task_unit(self, task: Task) -> Unit:
        def measure(role: Role, number: int, position: int) -> dict[str, pyperf.Run]:
            return {task.name: self.bench.measure(task, role, number, position)}

        unit = Unit("times", task.script, (task.name,), task.seconds, measure)
        return self._with_done(unit)

    def _probe_unit(self, probe: Probe) -> Unit:
        def measure(role: Role, number: int, position: int) -> dict[str, pyperf.Run]:
            return probes.measure(
                probe, role, number, position, results=self.bench.results, cpu=self.bench.cpu
            )

        return self._with_done(Unit("probes", probe.name, probe.gives, probe.seconds, measure))

    def _with_done(self, unit: Unit) -> Unit:
        roles = [role.name for role in self.bench.roles]
        rounds = [self.bench.results.rounds(unit.kind, name, roles) for name in unit.names]
        return replace(unit, done=set.intersection(*rounds))

    def left(self) -> str:
        """Say how long the rest takes, from what was measured so far."""
        turns = 2 * len(self.bench.roles)
        spans = [unit.seconds for units in self.units.values() for unit in units]
        seconds = 0.0
        for script in [*self.units, *(name for name in self.scripts if name not in self.units)]:
            if script in self.failed:
                continue
            for unit in self.units.get(script, []):
                waiting = sum(number not in unit.done for number in range(self.rounds))
                seconds += waiting * turns * unit.seconds
            if script not in self.units:
                guess = sum(spans) / len(spans) if spans else _GUESS
                seconds += self.rounds * turns * guess
        return f"about {console.about(seconds)} left"


@contextlib.contextmanager
def progress() -> Iterator[Say]:
    """Show the latest line on a terminal; elsewhere print one now and then."""
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("", spinner="dots") as status:
            yield lambda text: status.update(text.replace("[", r"\["))
        return
    last = 0.0

    def say(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _PAUSE or not last:
            console.note(text)
            last = time.monotonic()

    yield say
