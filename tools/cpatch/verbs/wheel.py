"""The door of the verb wheel: its options, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from cpatch.base import console
from cpatch.verbs.options import (
    asked,
    jobs_option,
    open_pin,
    pin_option,
    suites_option,
    verbose_option,
)
from cpatch.wheels import pack


@dataclass(frozen=True)
class Asked:
    """What the command line asks for, as it stands there."""

    pin_name: str | None
    jobs: int
    also: tuple[Path, ...]
    test: bool
    servers: bool
    suites: tuple[str, ...]


@click.command("wheel")
@pin_option
@jobs_option
@click.option(
    "--also",
    multiple=True,
    metavar="EXE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=False),
    help="Build for this interpreter, too, of another release; again for one more.",
)
@click.option("--test/--no-test", default=True, help="Whether to run the package's tests.")
@click.option("--servers", is_flag=True, help="Try each server, with the lines of its page.")
@suites_option("Build, test and serve in bare Debians, for their own Python; needs root.")
@verbose_option
@asked(Asked)
def command(given: Asked) -> None:
    """Build the heap as an extension of the unpatched interpreter, test it, pack it.

    Leaves a wheel and an sdist in build/PIN/dist. docs/wheel.md says what it is.
    """
    project, pin = open_pin(given.pin_name)
    also = tuple(path.absolute() for path in given.also)
    job = pack.Job(given.jobs, also, given.test, given.servers, given.suites)
    done = pack.pack(project, pin, job)
    console.field("for", "CPython " + ", ".join(done.releases))
    console.field("wheel", project.show(done.wheel))
    console.field("sdist", project.show(done.sdist))
    console.field("tested", "in new environments of these" if given.test else "no")
