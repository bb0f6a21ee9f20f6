"""The door of the verb servers: its options, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click

from cpatch.base import console
from cpatch.base.errors import CpatchError
from cpatch.measuring import interpreters, machine
from cpatch.servers import session, setups
from cpatch.servers.cases import Case, Results
from cpatch.servers.setups import MODES, SETUPS, WHEEL
from cpatch.verbs.options import (
    asked,
    check_modes,
    jobs_option,
    names,
    open_pin,
    pin_option,
    verbose_option,
)
from cpatch.wheels import pack, stage


def _numbers(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        found = tuple(int(text) for text in value.replace(" ", ",").split(",") if text)
    except ValueError:
        found = ()
    if not found or min(found) < 0:
        raise click.BadParameter("numbers, with commas between them")
    return found


@dataclass(frozen=True)
class Asked:
    """What the command line asks for, as it stands there."""

    pin_name: str | None
    flavor: str
    jobs: int
    listing: bool
    quick: bool
    app: tuple[str, ...]
    mode: tuple[str, ...]
    workers: tuple[int, ...]
    requests: int
    entries: int
    warm: tuple[int, ...]
    rounds: int
    timeout: int
    fresh: bool
    output: Path | None
    only_report: bool
    pack: Path | None
    machine: str | None
    stock_python: str | None
    patched_python: str | None


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
@click.option("--app", callback=names, metavar="A,B", help="Only these (default: all).")
@click.option("--mode", callback=names, metavar="A,B", help="Only these (default: all).")
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
@asked(Asked)
def command(given: Asked) -> int:
    """Measure pre-fork servers with real applications: memory, requests/s, latency, faults.

    Stock, stock with gc.freeze(), patched, and patched with gc.immortalize_heap() take turns, and
    gc.freeze() once more, to tell the noise; stock with the wheel, too, where `make wheel` has
    packed it. What was interrupted is continued. Writes report.md and report.html beside the raw
    files.
    """
    project, pin = open_pin(given.pin_name)
    if given.listing:
        for setup in SETUPS.values():
            console.say(f"{setup.name:<10} {setup.about}; docs/servers/{setup.page}.md")
        for each in MODES.values():
            console.say(f"{each.name:<10} {each.label.replace('`', '')}")
        return 0
    if given.only_report:
        results = Results(given.output.absolute()) if given.output else session.newest(project)
        return session.report(project, results, given.pack)
    if given.quick:
        given = replace(
            given,
            app=given.app or ("django",),
            workers=(2,),
            requests=300,
            entries=2000,
            rounds=1,
        )
    check_modes(given.mode, MODES)
    cases = tuple(
        Case(name, number, given.requests, given.entries, each)
        for name in given.app or tuple(SETUPS)
        for number in given.workers
        for each in (given.warm if setups.get(name).warms else (0,))
    )
    wheel = pack.newest(project, pin) if WHEEL in given.mode or not given.mode else None
    if wheel is None and WHEEL in given.mode:
        stage.check(project, pin)
        raise CpatchError(
            f"no wheel is packed for {pin.branch}", fix=f"make wheel PIN={pin.branch}"
        )
    options = session.Options(
        cases=cases,
        modes=tuple(
            name
            for name, mode in MODES.items()
            if (name in given.mode or not given.mode) and (wheel or not mode.wheel)
        ),
        rounds=given.rounds,
        fresh=given.fresh,
        output=given.output,
        machine=given.machine,
        timeout=given.timeout,
        wheel=wheel,
    )
    flavor, stock, patched = interpreters.pair(
        project, pin, given.flavor, given.stock_python, given.patched_python, jobs=given.jobs
    )
    facts = {
        "pin": pin.branch,
        "flavor": flavor,
        "sides": {"stock": stock.made_from, "patched": patched.made_from},
        "machine": machine.facts(),
    }
    if wheel:
        facts["wheel"] = f"{wheel.name}, {interpreters.digest_of(wheel)}"
    results = session.place(project, options, facts)
    sides = {"stock": stock, "patched": patched}
    failed = session.measure(project, pin, sides, results, facts, options)
    session.report(project, results, given.pack)
    if failed:
        raise CpatchError(
            f"{len(failed)} runs failed",
            got="\n".join(failed),
            fix=f"read {project.show(results.root / 'log')}; the same command tries again",
        )
    return 0
