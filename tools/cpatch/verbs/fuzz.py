"""The door of the verb fuzz: its options, and what it says."""

from __future__ import annotations

from dataclasses import dataclass

import click

from cpatch.base import console
from cpatch.base.errors import REGRESSION
from cpatch.exits.fuzz import DAILY, Job, again, failures, run, settings, today, totals
from cpatch.verbs.options import (
    asked,
    flavor_option,
    jobs_option,
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
    programs: int
    seed: int | None
    only: tuple[int, ...]
    stock_python: str | None
    patched_python: str | None
    shrinks: int


@click.command("fuzz")
@pin_option
@flavor_option
@jobs_option
@click.option("--programs", type=click.IntRange(min=1), default=DAILY, show_default=True)
@click.option("--seed", type=int, help="Makes the programs (default: today's date).")
@click.option(
    "--only", type=click.IntRange(min=0), multiple=True, help="Only the program of this number."
)
@click.option("--stock-python", metavar="EXE", help="Compare with this interpreter,")
@click.option("--patched-python", metavar="EXE", help="... this one, built elsewhere.")
@click.option("--shrinks", type=int, default=6, show_default=True, help="Failures to make small.")
@verbose_option
@asked(Asked)
def command(given: Asked) -> int:
    """Write programs from a seed, run them on stock and patched, and compare how they exit.

    Stock is always the release build: it only says what a program must do. Programs that fail are
    kept in build/fuzz, made small.
    """
    project, pin = open_pin(given.pin_name)
    job = Job(
        jobs=given.jobs,
        seed=today() if given.seed is None else given.seed,
        flavor=given.flavor,
        programs=given.only or range(given.programs),
        stock=given.stock_python,
        patched=given.patched_python,
        shrinks=given.shrinks,
    )
    summary = run(settings(project, pin, job))
    for line in (again(job.seed), *failures(summary, job.seed)):
        console.say(line)
    console.say(totals(summary))
    return REGRESSION if summary.failed else 0
