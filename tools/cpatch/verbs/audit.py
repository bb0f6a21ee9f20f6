"""The door of the verb audit: its options, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from cpatch.audit import run
from cpatch.audit.run import EXAMPLE, MODES, PARTS, Job
from cpatch.base.errors import USAGE, CpatchError
from cpatch.verbs.options import asked, open_pin, pin_option, verbose_option


def _known(mode: str) -> str:
    name, *without = mode.split("-")
    if name not in MODES or not set(without) <= set(PARTS if name == "immortalize" else ()):
        raise CpatchError(
            f"no such mode: {mode}",
            wanted=", ".join(MODES) + f", or immortalize without -{', -'.join(PARTS)}",
            got=mode,
            fix="--mode immortalize-seal",
            code=USAGE,
        )
    return mode


@dataclass(frozen=True)
class Asked:
    """What the command line asks for, as it stands there."""

    pin_name: str | None
    application: Path | None
    example: bool
    pythons: tuple[str, ...]
    modes: tuple[str, ...]
    workers: int
    rounds: str
    trace: bool
    timeout: float
    top: int
    out: Path | None


@click.command("audit")
@pin_option
@click.argument(
    "application", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--example", is_flag=True, help=f"Audit {EXAMPLE.name}, which comes with this.")
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="EXE",
    help="Audit under this interpreter; again for another (default: the two built here).",
)
@click.option(
    "--mode",
    "modes",
    multiple=True,
    callback=lambda _context, _option, modes: tuple(map(_known, modes)),
    metavar="|".join(MODES),
    help="What the parent does before it forks; again for another (default: immortalize where "
    "there is such a thing, freeze elsewhere). immortalize-seal-trim: all but these parts of it.",
)
@click.option("--workers", type=click.IntRange(min=1), default=4, show_default=True)
@click.option(
    "--rounds",
    default="1,10",
    show_default=True,
    metavar="N,M",
    help="Look after so many calls of exercise().",
)
@click.option("--trace/--no-trace", default=True, help="Whether to find out who writes.")
@click.option(
    "--timeout", type=float, default=600, show_default=True, help="Seconds a worker may take."
)
@click.option("--top", type=click.IntRange(min=1), default=15, show_default=True, help="Rows.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory for the report (default: build/audit/NAME).",
)
@verbose_option
@asked(Asked)
def command(given: Asked) -> None:
    """Show which memory of a pre-fork application stops being shared, and why.

    APPLICATION is a Python file: what it does when it is imported happens before the fork, and
    its function exercise() in each worker. docs/audit.md says more.
    """
    if (given.application is None) != given.example:
        raise CpatchError(
            "what to audit?"
            if given.application is None
            else "--example is an application already",
            fix='make audit ARGS="app.py", or make audit ARGS=--example',
            code=USAGE,
        )
    job = Job(
        application=EXAMPLE if given.application is None else given.application.absolute(),
        pythons=given.pythons,
        modes=given.modes,
        workers=given.workers,
        rounds=run.parse_rounds(given.rounds),
        trace=given.trace,
        timeout=given.timeout,
        top=given.top,
        out=given.out.absolute() if given.out else None,
    )
    project, pin = open_pin(given.pin_name)
    run.audit(project, pin, job)
