"""One session of bench: stock against the others, in turns, so that it can be believed."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyperf
import pyperformance

from cpatch.base import console, files
from cpatch.base.errors import REGRESSION, USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.bench import choice, counts, probes, rounds, venvs
from cpatch.bench.runs import Bench
from cpatch.measuring import interpreters, machine, resultdir
from cpatch.measuring.interpreters import Role, Side
from cpatch.measuring.resultdir import Results

#: Rounds of a quick, a usual and a rigorous run. Each measures twice per interpreter: the usual
#: 20 processes of pyperf, and the 40 of its own --rigorous.
ROUNDS = {"quick": 6, "usual": 10, "rigorous": 20}


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    benchmarks: tuple[str, ...]
    rounds: int
    rigorous: bool
    brief: bool
    off: bool
    fresh: bool
    output: Path | None
    instructions: bool
    cpu: int | None
    machine: str | None
    jobs: int


def run(project: Project, pin: Pin, flavor: str, sides: Sequence[Side], options: Options) -> int:
    """Measure what is asked for and not measured yet; returns the exit code.

    *sides* are stock, and those that are compared with it.
    """
    stock = sides[0]
    roles = interpreters.roles(sides, off=options.off)
    table, unfit = choice.choose(stock.version, options.benchmarks)
    facts = {
        "pin": pin.branch,
        "flavor": flavor,
        "sides": {side.name: side.made_from for side in sides},
        "brief": options.brief,
        "machine": machine.facts(),
        "tools": {
            "pyperf": str(pyperf.__version__),
            "pyperformance": str(pyperformance.__version__),
        },
    }
    results = place(project, pin, options, facts)
    with results.alone():
        record = session(results, facts, roles, table, unfit, options)
        console.field("results", project.show(results.root))
        advise(stock, options)
        with closing(results, record):
            # What is counted without being named needs no packages.
            needed = sorted(table) if options.benchmarks or not options.instructions else []
            installed = environments(project, pin, sides if needed else [], needed, results)
            bench = Bench(results, roles, table, installed, options.cpu, options.brief)
            if options.instructions:
                counts.run(bench, options.benchmarks, options.jobs)
            else:
                wanted, poor = probes.chosen(rigorous=options.rigorous)
                record["unfit"] |= poor
                schedule = rounds.Schedule(bench, sorted(table), wanted, options.rounds)
                machine.leave(options.cpu)
                for side in sides:
                    machine.read_afresh(Path(side.python))
                schedule.run()
    return summary(project, results)


def place(project: Project, pin: Pin, options: Options, facts: dict[str, Any]) -> Results:
    """Return the directory to continue, the newest one of the same comparison, or a new one."""
    home = project.results
    if options.output:
        found = Results(options.output.absolute())
        if options.fresh and found.record_file.exists():
            raise CpatchError(
                f"{found.root} holds results already, and --fresh keeps what there is",
                fix="another --output",
                code=USAGE,
            )
        if found.record_file.exists():
            check_continues(found, facts)
        return found
    if not options.fresh:
        for path in sorted(home.glob("*/run.json"), reverse=True):
            with contextlib.suppress(CpatchError):
                if not changed(Results(path.parent).record(), facts):
                    return Results(path.parent)
    stem = resultdir.now()[:16].replace(" ", "-").replace(":", "")
    _, first, *_ = facts["sides"].values()
    stem = f"{stem}-{pin.branch}-{facts['flavor']}-{first['binary'][:7]}"
    number = 1
    while (home / f"{stem}{'' if number == 1 else f'-{number}'}").exists():
        number += 1
    return Results(project.make_dir(home) / f"{stem}{'' if number == 1 else f'-{number}'}")


def changed(record: dict[str, Any], facts: dict[str, Any]) -> list[str]:
    """Return what makes *facts* another comparison than the recorded one; [] when nothing."""
    # Runs of before there were brief ones do not say that they are not.
    return [key for key, value in facts.items() if record.get(key, False) != value]


def check_continues(results: Results, facts: dict[str, Any]) -> None:
    """Raise CpatchError when the results in a directory are of something else."""
    record = results.record()
    differing = changed(record, facts)
    if differing:
        raise CpatchError(
            f"the results in {results.root} are of another comparison: {', '.join(differing)}",
            wanted="\n".join(f"{key}: {record.get(key)}" for key in differing),
            got="\n".join(f"{key}: {facts[key]}" for key in differing),
            fix="another --output, or none",
            code=USAGE,
        )


def session(
    results: Results,
    facts: dict[str, Any],
    roles: list[Role],
    table: dict[str, Any],
    unfit: dict[str, str],
    options: Options,
) -> dict[str, Any]:
    """Write down that a session begins, and what it is to do; returns the record."""
    record = results.record() if results.record_file.exists() else {**facts, "sessions": []}
    timed = not options.instructions
    record["name"] = options.machine or record.get("name") or machine.name(facts["machine"])
    record["unfit"] = {**record.get("unfit", {}), **unfit}
    if timed:
        record["rounds"] = max(options.rounds, record.get("rounds", 0))
        record["scripts"] = sorted({*record.get("scripts", []), *table})
        record["roles"] = sorted({*record.get("roles", []), *(role.name for role in roles)})
    record["sessions"].append(
        {
            "command": "cpatch " + shlex.join(sys.argv[1:]),
            "begun": resultdir.now(),
            "ended": None,
            "cpu": options.cpu,
            "load": machine.load(),
        }
    )
    results.write_record(record)
    return record


@contextlib.contextmanager
def closing(results: Results, record: dict[str, Any]) -> Iterator[None]:
    """Write down how a session ended, and say so when it was interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        console.note("what is complete is kept; the same command continues")
        raise
    finally:
        shutil.rmtree(results.root / "scratch", ignore_errors=True)
        record["measured"] = results.measured()
        record["sessions"][-1] |= {"ended": resultdir.now(), "load_after": machine.load()}
        results.write_record(record)


def advise(stock: Side, options: Options) -> None:
    """Warn of what makes figures worse."""
    busy = machine.load()[0]
    if busy > 0.5 and not options.instructions:
        console.warn(f"this machine is busy (load {busy}); figures will be noisy")
    if not stock.installed:
        console.warn("not installed interpreters: start-up looks for the build directory")


def environments(
    project: Project, pin: Pin, sides: Sequence[Side], names: list[str], results: Results
) -> dict[str, venvs.Venvs]:
    """Make pyperformance's environments for all sides; CpatchError when they differ."""
    home = project.make_dir(project.bench(pin))
    found: dict[str, venvs.Venvs] = {}
    for side in sides:
        python = Path(side.python)
        root = project.make_dir(home / "venv") / interpreters.digest_of(python, side.python)
        log = project.make_dir(project.logs(pin)) / f"bench-venv-{side.name}.log"
        log.unlink(missing_ok=True)
        found[side.name] = venvs.ensure(python, root, names, log, project.make_dir(home / "pip"))
    if not found:
        return found
    stock = found["stock"].packages
    differing = [
        f"{venv}: {one} beside stock, {two} beside {name}"
        for name, other in found.items()
        for venv in stock.keys() & other.packages.keys()
        for one in stock[venv]
        for two in other.packages[venv]
        # One that is missing is told of by the benchmark that fails without it.
        if one != two and one.partition("==")[0] == two.partition("==")[0]
    ]
    if differing:
        raise CpatchError(
            "pip has put different packages beside the interpreters compared",
            got="\n".join(sorted(differing)),
            fix=f"rm -r {home / 'venv'}; make bench",
        )
    files.write(
        results.root / "packages.txt",
        "".join(f"# {venv}\n" + "\n".join(rows) + "\n" for venv, rows in stock.items()),
    )
    return found


def summary(project: Project, results: Results) -> int:
    """Say what failed and what comes next; returns the exit code."""
    failures = results.failures()
    for failure in failures:
        console.say(f"failed   {failure.name} on {failure.role}: {failure.what}")
    console.field("next", f"make report ARGS={project.show(results.root)}")
    broken = {failure.name for failure in failures if failure.role == "stock"}
    only = {failure.name for failure in failures} - broken
    return REGRESSION if only else 0
