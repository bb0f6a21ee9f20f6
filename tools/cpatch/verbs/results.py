"""The door of the verb results: its options, and what it says."""

from __future__ import annotations

from pathlib import Path

import click

from cpatch.base import console
from cpatch.base.errors import CpatchError
from cpatch.kept import keeping, upkeep
from cpatch.verbs.options import open_pin, pin_option, verbose_option


@click.command("results")
@pin_option
@click.option(
    "--keep",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIRECTORY",
    help="Copy what bench, servers, headers-all, dist or compat left to results/.",
)
@click.option("--what", metavar="NAME", help="The end of the kept run's name.")
@click.option("--check", is_flag=True, help="Write nothing; fail when index or picture is stale.")
@verbose_option
def command(pin_name: str | None, keep: Path | None, what: str | None, check: bool) -> None:
    """Write results/README.md, a row for each kept run, and the picture of README.md."""
    project, _ = open_pin(pin_name)
    if keep:
        console.field("kept", project.show(keeping.keep(project, keep.absolute(), what)))
    if not check:
        for path in upkeep.write(project):
            console.field("wrote", project.show(path))
        return
    stale = upkeep.stale(project)
    if stale:
        names = ", ".join(project.show(path) for path in stale)
        raise CpatchError(f"stale: {names}", fix="make results")
    console.say("index and picture are of the kept runs")
