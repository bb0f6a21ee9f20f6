"""The door of the verb servers: its options, and what it says."""

from __future__ import annotations

from pathlib import Path

import click

from cpatch.base import console
from cpatch.base.errors import USAGE, CpatchError
from cpatch.measuring import interpreters
from cpatch.measuring import machine as bench_machine
from cpatch.servers import setups
from cpatch.servers.cases import Case, Results
from cpatch.servers.session import Options, measure, newest, place, report
from cpatch.servers.setups import MODES, SETUPS
from cpatch.verbs.options import jobs_option, open_pin, pin_option, verbose_option


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
        for each in (warm if setups.get(name).warms else (0,))
    )
    chosen = tuple(name for name in MODES if name in mode) if mode else tuple(MODES)
    options = Options(cases, chosen, rounds, fresh, output, machine, timeout)
    flavor, stock, patched = interpreters.pair(
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
