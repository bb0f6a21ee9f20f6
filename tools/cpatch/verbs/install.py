"""The door of the verb install: its options, and what it says."""

from __future__ import annotations

from dataclasses import dataclass

import click

from cpatch.base import console
from cpatch.building import check, flavors, install
from cpatch.building.install import Job
from cpatch.verbs.options import (
    asked,
    flavor_option,
    jobs_option,
    open_pin,
    pin_option,
    tree_option,
    verbose_option,
)


@dataclass(frozen=True)
class Asked:
    """What the command line asks for, as it stands there."""

    pin_name: str | None
    tree: str
    flavor: str
    jobs: int
    prefix: str | None
    altinstall: bool
    force: bool


@click.command("install")
@pin_option
@tree_option
@flavor_option
@jobs_option
@click.option("--prefix", metavar="DIR", help="Where to; an absolute path.")
@click.option("--altinstall", is_flag=True, help="Leave out the unversioned names (python3, …).")
@click.option("--force", is_flag=True, help="Install into a directory that holds other things.")
@verbose_option
@asked(Asked)
def command(given: Asked) -> None:
    """Build, install under a prefix, and run what was installed."""
    flavor = flavors.get(given.flavor)
    project, pin = open_pin(given.pin_name)
    path = install.check_prefix(given.prefix, project.root, given.force)
    done = install.install(
        project, pin, Job(given.tree, flavor, given.jobs, path, given.altinstall)
    )
    tree = done.built.tree_id[:12]
    console.field(
        "built", f"CPython {done.built.version}, {given.tree} {given.flavor}, tree {tree}"
    )
    console.field("at", str(done.python))
    console.field("checked", check.summary(flavor))
    home = done.helper.parent
    trust = f"; ~/.gdbinit needs: add-auto-load-safe-path {home}"
    console.field("gdb", f"{done.helper}" + (trust if home == done.python.parent else ""))
