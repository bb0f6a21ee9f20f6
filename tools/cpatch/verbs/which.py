"""The door of the verb which: its options, and what it says."""

from __future__ import annotations

import click

from cpatch.base import console
from cpatch.base.errors import CpatchError
from cpatch.building import flavors, records
from cpatch.building.freshness import stale
from cpatch.verbs.options import flavor_option, open_pin, pin_option, tree_option, verbose_option


@click.command("which")
@pin_option
@tree_option
@flavor_option
@verbose_option
def command(pin_name: str | None, tree: str, flavor: str) -> None:
    """Print a built interpreter's path and nothing else; fails when it is not built or stale."""
    flavors.get(flavor)
    project, pin = open_pin(pin_name)
    built = records.finished(project.obj(pin, tree, flavor))
    how = f"make build TREE={tree} FLAVOR={flavor} PIN={pin.branch}"
    if built is None:
        raise CpatchError(f"{tree} {flavor} of {pin.branch} is not built", fix=how)
    why = stale(project, pin, tree, built)
    if why:
        raise CpatchError(f"{tree} {flavor} of {pin.branch} is out of date: {why}", fix=how)
    console.say(built.python)
