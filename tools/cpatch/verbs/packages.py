"""The door of the verb packages: its options, and what it says."""

from __future__ import annotations

from dataclasses import dataclass

import click

from cpatch.base import console
from cpatch.base.errors import REGRESSION, CpatchError
from cpatch.exits import battery, programs
from cpatch.exits.battery import choose
from cpatch.exits.programs import MODES
from cpatch.verbs.options import (
    asked,
    check_modes,
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
    listing: bool
    only: tuple[str, ...]
    mode: tuple[str, ...]
    fresh: bool
    timeout: int
    stock_python: str | None
    patched_python: str | None


@click.command("packages")
@pin_option
@click.option(
    "--flavor", type=click.Choice(["release", "pgo"]), default="release", show_default=True
)
@jobs_option
@click.option("--list", "listing", is_flag=True, help="Show the programs.")
@click.option("--only", callback=names, metavar="A,B", help="Only names that contain one of these.")
@click.option("--mode", callback=names, metavar="A,B", help=f"Only these of {', '.join(MODES)}.")
@click.option("--fresh", is_flag=True, help="Forget earlier outcomes of what is run.")
@click.option("--timeout", type=click.IntRange(min=1), default=40, help="Seconds of one program.")
@click.option("--stock-python", metavar="EXE", help="Compare this interpreter, built elsewhere,")
@click.option("--patched-python", metavar="EXE", help="... with this one.")
@verbose_option
@asked(Asked)
def command(given: Asked) -> int:
    """Run programs that use real packages to their end, on stock and patched, and compare.

    Exit status, stdout, stderr and the files written must be stock's, in three modes. Continues
    what was interrupted; writes report.md beside the outcomes.
    """
    project, pin = open_pin(given.pin_name)
    chosen = choose(programs.load(battery.home(project) / "programs"), given.only)
    if given.listing:
        for each in chosen:
            console.say(f"{each.name:<26} {each.about}")
        return 0
    check_modes(given.mode, MODES)
    job = battery.Job(
        programs=chosen,
        modes=tuple(each for each in MODES if each in given.mode) if given.mode else MODES,
        flavor=given.flavor,
        jobs=given.jobs,
        fresh=given.fresh,
        seconds=given.timeout,
        stock_python=given.stock_python,
        patched_python=given.patched_python,
    )
    verdicts, written = battery.compare(project, pin, job)
    bad = sum(not verdict.good for verdict in verdicts)
    if bad:
        raise CpatchError(
            f"{bad} of {len(verdicts)} runs differ from stock's",
            fix=f"read {project.show(written)}",
            code=REGRESSION,
        )
    return 0
