"""The door of the verb bench: its options, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.bench import choice
from cpatch.bench.session import ROUNDS, Options, run
from cpatch.measuring import interpreters, machine
from cpatch.series import parts as series_parts
from cpatch.series import patchfiles
from cpatch.verbs.options import (
    asked,
    each_of_names,
    jobs_option,
    names,
    open_pin,
    pin_option,
    verbose_option,
)


@dataclass(frozen=True)
class Asked:
    """What the command line asks for, as it stands there."""

    pin_name: str | None
    flavor: str
    jobs: int
    quick: bool
    rigorous: bool
    benchmarks: tuple[str, ...]
    rounds: int | None
    parts: tuple[tuple[str, ...], ...]
    only_parts: bool
    brief: bool
    off: bool
    instructions: bool
    fresh: bool
    output: Path | None
    cpu: int | None
    machine: str | None
    stock_python: str | None
    patched_python: str | None


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
@click.option(
    "--benchmarks",
    callback=names,
    metavar="A,B",
    help="Only these, or these tags of pyperformance.",
)
@click.option("--rounds", type=click.IntRange(min=1), help="How many rounds (default: 10).")
@click.option(
    "--parts",
    multiple=True,
    callback=each_of_names,
    metavar="PART,…",
    help="Measure a tree of these parts of the series as well; may be given several times.",
)
@click.option("--only-parts", is_flag=True, help="Leave out the tree with all parts.")
@click.option("--brief", is_flag=True, help="One value from each process: twice the rounds.")
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
@asked(Asked)
def command(given: Asked) -> int:
    """Measure stock against patched with pyperformance, in turns; continues what was interrupted.

    With --parts, trees of some parts of the series take their turns in the same rounds.

    The results are raw pyperf files; make report makes tables and plots of them.
    """
    if given.quick and given.rigorous:
        raise CpatchError(
            "--quick and --rigorous exclude each other", fix="leave one of them out", code=USAGE
        )
    kind = "quick" if given.quick else "rigorous" if given.rigorous else "usual"
    options = Options(
        benchmarks=given.benchmarks or (choice.QUICK if given.quick else ()),
        rounds=given.rounds or ROUNDS[kind],
        rigorous=given.rigorous,
        brief=given.brief,
        off=given.off,
        fresh=given.fresh,
        output=given.output,
        instructions=given.instructions,
        cpu=machine.cpu_to_use() if given.cpu is None else given.cpu,
        machine=given.machine,
        jobs=given.jobs,
    )
    project, pin = open_pin(given.pin_name)
    if given.stock_python or given.patched_python:
        if given.parts or given.only_parts:
            raise CpatchError(
                "--parts are built here, and cannot be compared with --stock-python",
                fix="leave one of them out",
                code=USAGE,
            )
        flavor, *sides = interpreters.pair(
            project, pin, given.flavor, given.stock_python, given.patched_python, jobs=given.jobs
        )
        return run(project, pin, flavor, sides, options)
    trees = compared(project, pin, given.parts, everything=not given.only_parts)
    sides = interpreters.several(project, pin, given.flavor, trees, jobs=given.jobs)
    return run(project, pin, given.flavor, sides, options)


def compared(
    project: Project, pin: Pin, parts: Sequence[Sequence[str]], *, everything: bool
) -> list[str]:
    """Return the trees to compare with stock: the one with all parts, and one for each of *parts*.

    CpatchError (usage) for parts that there are not, and when nothing is left.
    """
    listed = patchfiles.load_series(project, pin).parts if parts else ()
    found = ["patched"] if everything else []
    found += [series_parts.tree_of(listed, words) for words in parts]
    if not found:
        raise CpatchError("--only-parts leaves nothing", fix="name --parts", code=USAGE)
    return [*dict.fromkeys(found)]
