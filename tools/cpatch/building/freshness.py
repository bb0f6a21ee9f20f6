"""which: print the path of a built interpreter, for scripts."""

from __future__ import annotations

import click

from cpatch import apply, build, console, flavors
from cpatch.errors import CpatchError
from cpatch.flavors import flavor_option
from cpatch.options import open_pin, pin_option, tree_option, verbose_option
from cpatch.pin import Pin
from cpatch.project import Project


def standing(project: Project, pin: Pin, tree: str) -> apply.Tree | None:
    """Return the source tree as it is, or None when it is not what the repository says now.

    Changes nothing: ensure_tree only looks when nothing that goes into a tree has changed.
    """
    return apply.ensure_tree(project, pin, tree) if apply.up_to_date(project, pin, tree) else None


def stale(project: Project, pin: Pin, tree: str, built: build.Built) -> str | None:
    """Say what changed since *built* was made, or None."""
    now = standing(project, pin, tree)
    if now is None:
        return "the overlay, the series or the pin changed since"
    if now.tree_id != built.tree_id:
        return f"the source tree is {now.tree_id[:12]} now, built was {built.tree_id[:12]}"
    if build.edits_in(now) != built.edits:
        return f"files in {project.show(now.path)} were edited since"
    return None


@click.command("which")
@pin_option
@tree_option
@flavor_option
@verbose_option
def command(pin_name: str | None, tree: str, flavor: str) -> None:
    """Print a built interpreter's path and nothing else; fails when it is not built or stale."""
    flavors.get(flavor)
    project, pin = open_pin(pin_name)
    built = build.finished(project.obj(pin, tree, flavor))
    how = f"make build TREE={tree} FLAVOR={flavor} PIN={pin.branch}"
    if built is None:
        raise CpatchError(f"{tree} {flavor} of {pin.branch} is not built", fix=how)
    why = stale(project, pin, tree, built)
    if why:
        raise CpatchError(f"{tree} {flavor} of {pin.branch} is out of date: {why}", fix=how)
    console.say(built.python)
