"""The door of the verb build: its options, and what it says."""

from __future__ import annotations

import time

import click

from cpatch.base import console
from cpatch.building import check, flavors
from cpatch.building.build import ensure_built
from cpatch.verbs.options import (
    flavor_option,
    jobs_option,
    open_pin,
    pin_option,
    tree_option,
    verbose_option,
)


@click.command("build")
@pin_option
@tree_option
@flavor_option
@jobs_option
@verbose_option
def command(pin_name: str | None, tree: str, flavor: str, jobs: int) -> None:
    """Fetch, patch, configure, make and check one interpreter; does only what is left to do."""
    row = flavors.get(flavor)
    project, pin = open_pin(pin_name)
    start = time.monotonic()
    built = ensure_built(project, pin, tree, row, jobs=jobs)
    if not built.made:
        console.say(f"up to date: {built.python}")
        return
    console.field("built", f"CPython {built.version}, {tree} {flavor}, with {built.compiler}")
    edited = f", with uncommitted edits {built.edits}" if built.edits else ""
    console.field("from", f"tree {built.tree_id[:12]}, commit {built.commit[:12]}{edited}")
    console.field("checked", check.summary(row))
    console.field("at", built.python)
    console.field("took", console.seconds(time.monotonic() - start))
    console.field("next", "make test, or make install PREFIX=/some/dir")
