"""The door of the verb bench: its options, and what it says."""

from __future__ import annotations

from pathlib import Path

import click

from cpatch.base.errors import USAGE, CpatchError
from cpatch.bench import choice
from cpatch.bench.session import ROUNDS, Options, run
from cpatch.measuring import interpreters
from cpatch.measuring import machine as bench_machine
from cpatch.verbs.options import jobs_option, open_pin, pin_option, verbose_option


@click.command("bench")
@pin_option
@click.option(
    "--flavor",
    type=click.Choice(["pgo", "release"]),
    default="pgo",
    show_default=True,
    help="release is for trying things out; its results say so.",
)
@jobs_option
@click.option("--quick", is_flag=True, help="A few benchmarks of each kind, 6 rounds.")
@click.option("--rigorous", is_flag=True, help="20 rounds, and shutdown with 10^7 objects.")
@click.option("--benchmarks", metavar="A,B", help="Only these, or these tags of pyperformance.")
@click.option("--rounds", type=click.IntRange(min=1), help="How many rounds (default: 10).")
@click.option("--off", is_flag=True, help="Measure PYTHONIMMORTALHEAP=0 as well.")
@click.option("--instructions", is_flag=True, help="Count instructions instead of timing.")
@click.option("--fresh", is_flag=True, help="Begin anew in another directory; keeps the old one.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="Directory for the results."
)
@click.option("--cpu", type=int, help="CPU to bind what is measured to (default: the last).")
@click.option("--machine", metavar="NAME", help="What the report calls this machine.")
@click.option("--stock-python", metavar="EXE", help="Compare this interpreter, built elsewhere,")
@click.option("--patched-python", metavar="EXE", help="... with this one.")
@verbose_option
def command(
    pin_name: str | None,
    flavor: str,
    jobs: int,
    quick: bool,
    rigorous: bool,
    benchmarks: str | None,
    rounds: int | None,
    off: bool,
    instructions: bool,
    fresh: bool,
    output: Path | None,
    cpu: int | None,
    machine: str | None,
    stock_python: str | None,
    patched_python: str | None,
) -> int:
    """Measure stock against patched with pyperformance, in turns; continues what was interrupted.

    The results are raw pyperf files; make report makes tables and plots of them.
    """
    if quick and rigorous:
        raise CpatchError("--quick and --rigorous exclude each other", code=USAGE)
    kind = "quick" if quick else "rigorous" if rigorous else "usual"
    names = tuple(filter(None, (benchmarks or "").replace(" ", ",").split(",")))
    options = Options(
        benchmarks=names or (choice.QUICK if quick else ()),
        rounds=rounds or ROUNDS[kind],
        rigorous=rigorous,
        off=off,
        fresh=fresh,
        output=output,
        instructions=instructions,
        cpu=bench_machine.cpu_to_use() if cpu is None else cpu,
        machine=machine,
        jobs=jobs,
    )
    project, pin = open_pin(pin_name)
    flavor, stock, patched = interpreters.pair(
        project, pin, flavor, stock_python, patched_python, jobs=jobs
    )
    return run(project, pin, flavor, stock, patched, options)
