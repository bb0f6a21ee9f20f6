"""servers: what real pre-fork servers cost, stock against patched, in memory and in time."""

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

import click

from cpatch import (
    bench_machine,
    bench_rounds,
    bench_sides,
    bench_store,
    console,
    servers_page,
    servers_prepare,
    servers_setups,
    servers_stats,
)
from cpatch.bench_sides import Side
from cpatch.errors import USAGE, CpatchError
from cpatch.flavors import jobs_option
from cpatch.options import open_pin, pin_option, verbose_option
from cpatch.pin import Pin
from cpatch.project import Project
from cpatch.servers_prepare import Ready
from cpatch.servers_run import RunFailedError
from cpatch.servers_setups import MODES, SETUPS
from cpatch.servers_store import Case, Results


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


def _numbers(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        found = tuple(int(text) for text in value.replace(" ", ",").split(",") if text)
    except ValueError:
        found = ()
    if not found or min(found) < 0:
        raise click.BadParameter("numbers, with commas between them")
    return found


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (value or "").replace(" ", ",").split(",")))


@click.command("servers")
@pin_option
@click.option(
    "--flavor",
    type=click.Choice(["pgo", "release"]),
    default="pgo",
    show_default=True,
    help="release is for trying things out; its results say so.",
)
@jobs_option
@click.option("--list", "listing", is_flag=True, help="Show what can be measured.")
@click.option("--quick", is_flag=True, help="Django with 2 workers, 300 requests, one round.")
@click.option("--app", callback=_names, metavar="A,B", help="Only these (default: all).")
@click.option("--mode", callback=_names, metavar="A,B", help="Only these (default: all).")
@click.option("--workers", callback=_numbers, default="2,4,8,16", show_default=True)
@click.option("--requests", type=click.IntRange(min=1), default=5000, show_default=True)
@click.option("--entries", type=click.IntRange(min=100), default=30_000, show_default=True)
@click.option(
    "--warm",
    callback=_numbers,
    default="0",
    show_default=True,
    metavar="N,M",
    help="Requests of each page that the parent makes before it forks.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--timeout", type=click.IntRange(min=10), default=900, help="Seconds of one load.")
@click.option("--fresh", is_flag=True, help="Begin anew in another directory; keeps the old one.")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="Directory.")
@click.option("--report", "only_report", is_flag=True, help="Measure nothing, write the report.")
@click.option(
    "--pack", type=click.Path(path_type=Path), metavar="DIR", help="Copy the results, compressed."
)
@click.option("--machine", metavar="NAME", help="What the report calls this machine.")
@click.option("--stock-python", metavar="EXE", help="Compare this interpreter, built elsewhere,")
@click.option("--patched-python", metavar="EXE", help="... with this one.")
@verbose_option
def command(
    pin_name: str | None,
    flavor: str,
    jobs: int,
    listing: bool,
    quick: bool,
    app: tuple[str, ...],
    mode: tuple[str, ...],
    workers: tuple[int, ...],
    requests: int,
    entries: int,
    warm: tuple[int, ...],
    rounds: int,
    timeout: int,
    fresh: bool,
    output: Path | None,
    only_report: bool,
    pack: Path | None,
    machine: str | None,
    stock_python: str | None,
    patched_python: str | None,
) -> int:
    """Measure pre-fork servers with real applications: memory, requests/s, latency, faults.

    Stock, stock with gc.freeze(), patched, and patched with gc.immortalize_heap() take turns, and
    gc.freeze() once more, to tell the noise; what was interrupted is continued. Writes report.md
    and report.html beside the raw files.
    """
    project, pin = open_pin(pin_name)
    if listing:
        for setup in SETUPS.values():
            console.say(f"{setup.name:<10} {setup.about}; docs/servers/{setup.page}.md")
        for each in MODES.values():
            console.say(f"{each.name:<10} {each.label.replace('`', '')}")
        return 0
    if only_report:
        results = Results(output.absolute()) if output else newest(project)
        return report(project, results, pack)
    if quick:
        app, workers, requests, entries, rounds = app or ("django",), (2,), 300, 2000, 1
    for name in mode:
        if name not in MODES:
            raise CpatchError(f"no such mode: {name}", wanted=", ".join(MODES), code=USAGE)
    cases = tuple(
        Case(name, number, requests, entries, each)
        for name in app or tuple(SETUPS)
        for number in workers
        for each in (warm if servers_setups.get(name).warms else (0,))
    )
    chosen = tuple(name for name in MODES if name in mode) if mode else tuple(MODES)
    options = Options(cases, chosen, rounds, fresh, output, machine, timeout)
    flavor, stock, patched = bench_sides.pair(
        project, pin, flavor, stock_python, patched_python, jobs=jobs
    )
    facts = {
        "pin": pin.branch,
        "flavor": flavor,
        "sides": {"stock": stock.made_from, "patched": patched.made_from},
        "machine": bench_machine.facts(),
    }
    results = place(project, options, facts)
    failed = measure(project, pin, {"stock": stock, "patched": patched}, results, facts, options)
    report(project, results, pack)
    if failed:
        raise CpatchError(
            f"{len(failed)} runs failed",
            got="\n".join(failed),
            fix=f"read {project.show(results.root / 'log')}; the same command tries again",
        )
    return 0


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
    stem = bench_store.now()[:19].replace(" ", "-").replace(":", "")
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
    record["name"] = options.machine or record.get("name") or bench_machine.name(facts["machine"])
    session: dict[str, Any] = {
        "command": "cpatch " + shlex.join(sys.argv[1:]),
        "begun": bench_store.now(),
        "ended": None,
        "cpus": sorted(os.sched_getaffinity(0)),
        "load": bench_machine.load(),
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
            ready[name] = servers_prepare.prepare(project, name, sides, work, sizes)
            record.setdefault("packages", {})[name] = ready[name].venvs["stock"].packages
        results.write_record(record)
        todo = list(waiting(results, ready, options))
        for left, (number, position, case, mode) in zip(range(len(todo), 0, -1), todo, strict=True):
            guess = f"; about {bench_rounds.span(left * sum(spent) / len(spent))}" if spent else ""
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
            console.say(f"{where}: {servers_stats.line(servers_stats.figures(found))}")
    finally:
        session |= {"ended": bench_store.now(), "load_after": bench_machine.load()}
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
    for path in servers_page.write(results):
        console.field("wrote", project.show(path))
    return 0
