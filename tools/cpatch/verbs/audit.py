"""The door of the verb audit: its options, and what it says."""

from __future__ import annotations

from pathlib import Path

import click
import cowaudit.audit

from cpatch.audit.run import EXAMPLE, MODES, PARTS, built, chosen, one, parse_rounds, prepare, write
from cpatch.base.errors import USAGE, CpatchError
from cpatch.verbs.options import open_pin, pin_option, verbose_option


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
def command(
    pin_name: str | None,
    application: Path | None,
    example: bool,
    pythons: tuple[str, ...],
    modes: tuple[str, ...],
    workers: int,
    rounds: str,
    trace: bool,
    timeout: float,
    top: int,
    out: Path | None,
) -> None:
    """Show which memory of a pre-fork application stops being shared, and why.

    APPLICATION is a Python file: what it does when it is imported happens before the fork, and
    its function exercise() in each worker. docs/audit.md says more.
    """
    if (application is None) != example:
        raise CpatchError(
            "what to audit?" if application is None else "--example is an application already",
            fix='make audit ARGS="app.py", or make audit ARGS=--example',
            code=USAGE,
        )
    path = EXAMPLE if application is None else application.absolute()
    looks = parse_rounds(rounds)
    project, pin = open_pin(pin_name)
    sides = [
        (python, mode)
        for python in pythons or built(project, pin)
        for mode in chosen(python, modes)
    ]
    target = out.absolute() if out else project.build / "audit" / path.stem
    target = prepare(project, target)
    results = []
    for number, (python, mode) in enumerate(sides, 1):
        request = cowaudit.audit.Request(
            python=python,
            application=path,
            mode=mode,
            workers=workers,
            rounds=looks,
            trace=trace,
            timeout=timeout,
            log=target / f"application-{number}.log",
        )
        results.append(one(request))
    write(project, target, results, top)
