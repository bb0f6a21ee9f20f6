"""fuzz: programs made from a seed that stock ends well, run on patched and compared at exit."""

from __future__ import annotations

import click
import exitfuzz.fuzz
from exitfuzz.fuzz import Settings, Summary, Verdict

from cpatch import build, console, flavors
from cpatch.errors import REGRESSION
from cpatch.flavors import flavor_option, jobs_option
from cpatch.options import open_pin, pin_option, verbose_option
from cpatch.pin import Pin
from cpatch.project import Project

#: What ``make test`` runs each day.
DAILY = 150


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
def command(
    pin_name: str | None,
    flavor: str,
    jobs: int,
    programs: int,
    seed: int | None,
    only: tuple[int, ...],
    stock_python: str | None,
    patched_python: str | None,
    shrinks: int,
) -> int:
    """Write programs from a seed, run them on stock and patched, and compare how they exit.

    Stock is always the release build: it only says what a program must do. Programs that fail are
    kept in build/fuzz, made small.
    """
    project, pin = open_pin(pin_name)
    chosen = exitfuzz.fuzz.today() if seed is None else seed
    made = settings(
        project,
        pin,
        flavor=flavor,
        jobs=jobs,
        seed=chosen,
        programs=only or range(programs),
        stock=stock_python,
        patched=patched_python,
        shrinks=shrinks,
    )
    summary = run(made)
    for line in told(summary, chosen):
        console.say(line)
    console.say(exitfuzz.fuzz.totals(summary))
    return REGRESSION if summary.failed else 0


def settings(
    project: Project,
    pin: Pin,
    *,
    flavor: str = "release",
    jobs: int,
    seed: int,
    programs: tuple[int, ...] | range = range(DAILY),
    stock: str | None = None,
    patched: str | None = None,
    shrinks: int = 6,
) -> Settings:
    """Return what to run, with interpreters built where none is given."""
    found = []
    for python, tree, name in ((stock, "stock", "release"), (patched, "patched", flavor)):
        wanted = flavors.get(name)
        made = python or build.ensure_built(project, pin, tree, wanted, jobs=jobs).python
        found.append(made)
    # An instrumented build takes some times as long, and must not look as if it hung.
    slow = 1 if flavor in ("release", "pgo") else 4
    return Settings(
        stock=found[0],
        patched=found[1],
        seed=seed,
        programs=programs,
        jobs=jobs,
        limit=20.0 * slow,
        keep=project.make_dir(project.build / "fuzz"),
        shrinks=shrinks,
    )


def run(made: Settings) -> Summary:
    """Run the programs, showing progress."""
    with console.progress(f"fuzz: {len(made.programs)} programs of seed {made.seed}") as advance:
        done = 0

        def report(verdict: Verdict) -> None:
            nonlocal done
            done += 1
            advance(done, len(made.programs))

        return exitfuzz.fuzz.fuzz(made, report)


def told(summary: Summary, seed: int) -> list[str]:
    """Return what to print about the programs that failed, and how to repeat one."""
    found = [f"seed {seed}; again: make fuzz ARGS='--seed {seed}'"]
    for verdict in summary.failed:
        found += exitfuzz.fuzz.lines(verdict)
        index = verdict.program.index
        found.append(f"  again, alone: make fuzz ARGS='--seed {seed} --only {index}'")
    return found
