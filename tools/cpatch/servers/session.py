"""One session of servers: the runs that are not done yet, in turns, and their report."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpatch.base import console
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.measuring import archive, machine, resultdir
from cpatch.measuring.interpreters import Side
from cpatch.servers import figures, prepare
from cpatch.servers.cases import Case, Results
from cpatch.servers.prepare import Ready
from cpatch.servers.report import write_reports
from cpatch.servers.running import RunFailedError


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    cases: tuple[Case, ...]
    modes: tuple[str, ...]
    rounds: int
    fresh: bool
    output: Path | None
    machine: str | None
    timeout: float
    wheel: Path | None = None  # the file, if a mode needs it


def home(project: Project) -> Path:
    """Where results of servers are: beside those of bench, and not taken for them."""
    return project.results / "servers"


def newest(project: Project) -> Results:
    """Return the newest results, those measured here first; CpatchError when there are none."""
    for where in (home(project), project.kept_results / "servers"):
        found = sorted(where.glob("*/run.json"))
        if found:
            return Results(found[-1].parent)
    raise CpatchError(f"no results in {project.show(home(project))}", fix="make servers")


def place(project: Project, options: Options, facts: dict[str, Any]) -> Results:
    """Return the directory to continue: the newest of the same comparison, or a new one."""
    given = [options.output.absolute() / "run.json"] if options.output else []
    for path in given or sorted(home(project).glob("*/run.json"), reverse=True):
        if not path.exists() or (options.fresh and not given):
            continue
        record = Results(path.parent).record()
        differing = [key for key, value in facts.items() if record.get(key) != value]
        if given and (differing or options.fresh):
            raise CpatchError(
                f"{path.parent} holds results already"
                + (f", of another comparison: {', '.join(differing)}" if differing else ""),
                fix="another --output, or none",
                code=USAGE,
            )
        if not differing:
            return Results(path.parent)
    if options.output:
        return Results(options.output.absolute())
    stem = resultdir.now()[:19].replace(" ", "-").replace(":", "")
    return Results(project.make_dir(home(project)) / f"{stem}-{facts['pin']}-{facts['flavor']}")


def measure(
    project: Project,
    pin: Pin,
    sides: dict[str, Side],
    results: Results,
    facts: dict[str, Any],
    options: Options,
) -> list[str]:
    """Do all runs that are not done; returns what failed, a line each."""
    work = project.make_dir(project.bench(pin) / "servers")
    record = results.record() if results.record_file.exists() else {**facts, "sessions": []}
    record["name"] = options.machine or record.get("name") or machine.name(facts["machine"])
    session: dict[str, Any] = {
        "command": "cpatch " + shlex.join(sys.argv[1:]),
        "begun": resultdir.now(),
        "ended": None,
        "cpus": sorted(os.sched_getaffinity(0)),
        "load": machine.load(),
    }
    record["sessions"].append(session)
    results.write_record(record)
    console.field("results", project.show(results.root))
    failed: list[str] = []
    spent: list[float] = []
    try:
        ready = {}
        for name in dict.fromkeys(case.setup for case in options.cases):
            sizes = [case.entries for case in options.cases if case.setup == name]
            ready[name] = prepare.prepare(project, name, sides, work, sizes, options.wheel)
            record.setdefault("packages", {})[name] = ready[name].venvs["stock"].packages
        results.write_record(record)
        todo = list(waiting(results, ready, options))
        for left, (number, position, case, mode) in zip(range(len(todo), 0, -1), todo, strict=True):
            guess = f"; about {console.about(left * sum(spent) / len(spent))}" if spent else ""
            where = f"{case.setup}, {case.name}, round {number + 1}, {mode}"
            console.note(f"{where} ({left} runs left{guess})")
            begun = time.monotonic()
            try:
                found = ready[case.setup].run(case, mode, number, results, options.timeout)
            except RunFailedError as error:
                failed.append(f"{where}: {error.what}")
                console.note(f"failed: {error.what}; log: {error.log}\n{error.tail}")
                continue
            spent.append(time.monotonic() - begun)
            found["position"] = position
            results.add(case, mode, number, ready[case.setup].digest, found)
            console.say(f"{where}: {figures.line(figures.figures(found))}")
    finally:
        session |= {"ended": resultdir.now(), "load_after": machine.load()}
        session["failed"] = failed
        results.write_record(record)
        shutil.rmtree(results.root / "scratch", ignore_errors=True)
    return failed


def waiting(
    results: Results, ready: dict[str, Ready], options: Options
) -> Iterator[tuple[int, int, Case, str]]:
    """Return the runs to do: the modes take turns, and in each round another one begins."""
    for number in range(options.rounds):
        for case in options.cases:
            turn = number % len(options.modes)
            order = options.modes[turn:] + options.modes[:turn]
            for position, mode in enumerate(order):
                if not results.has(case, mode, number, ready[case.setup].digest):
                    yield number, position, case, mode


def report(project: Project, results: Results, pack: Path | None) -> int:
    """Write the report beside the results, or beside their packed copy."""
    if pack:
        results.pack(project, pack.absolute())
        results = Results(pack.absolute())
    source = Results(archive.opened(project, results.root))
    for path in write_reports(source, results.root):
        console.field("wrote", project.show(path))
    return 0
