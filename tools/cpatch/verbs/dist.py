"""The door of the verb dist: its options, and what it says."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import click

from cpatch.base import console, locks
from cpatch.base.errors import FAILURE, USAGE, CpatchError
from cpatch.base.project import Project
from cpatch.building import flavors, profiles
from cpatch.dist import archive, assemble, elf, record, relocate, staging, trial
from cpatch.dist.assemble import Made
from cpatch.dist.staging import Wanted
from cpatch.verbs.options import (
    asked,
    jobs_option,
    open_pin,
    pin_option,
    suites_option,
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
    shared: bool
    any_glibc: bool
    profile: str | None
    compare: str | None
    suites: tuple[str, ...]


@click.command("dist")
@pin_option
@tree_option
@click.option("--flavor", type=click.Choice(["pgo", "release"]), default="pgo", show_default=True)
@jobs_option
@click.option("--enable-shared", "shared", is_flag=True, help="With libpython as a shared library.")
@click.option(
    "--any-glibc", is_flag=True, help="Also where the C library is newer than Debian 12's."
)
@click.option("--profile", metavar="TARBALL", help="Build with a profile that was taken before.")
@click.option("--compare", metavar="TARBALL", help="Name what differs from another build.")
@suites_option(f"Run it in bare systems, as root: {', '.join(trial.SUITES)}.", trial.SUITES)
@verbose_option
@asked(Asked)
def command(given: Asked) -> int:
    """Build, and pack into a tarball that runs from wherever it is unpacked."""
    project, pin = open_pin(given.pin_name)
    relocate.check(project.build)
    row = flavors.get(given.flavor)
    if given.profile and not row.profiled:
        raise CpatchError(f"{row.name} is built without a profile", fix="make dist", code=USAGE)
    wanted = Wanted(
        *(project, pin, given.tree, row),
        shared=given.shared,
        jobs=given.jobs,
        profile=profiles.read(Path(given.profile)) if given.profile else None,
    )
    with (
        archive.as_it_is(Path(given.compare)) if given.compare else nullcontext() as before,
        locks.alone_in(project.make_dir(staging.place(wanted))),
    ):
        made = assemble.assemble(wanted, any_glibc=given.any_glibc)
        _tell(project, given, made)
        seen = record.begin(made, given.suites)
        for suite in given.suites:
            seen["tried"][suite] = trial.run(project, pin, made, suite)
            console.field("tried", f"on a bare {suite}")
            record.write(made, seen)
        if before is None:
            return 0
        found = archive.compare(before, made.path)
        seen["compared"][archive.digest(before)] = found
        record.write(made, seen)
    if found:
        title = f"{made.path.name} is not what {given.compare} is"
        raise CpatchError(title, got="\n".join(found), code=FAILURE)
    console.field("equal", f"{given.compare}, byte by byte")
    return 0


def _tell(project: Project, given: Asked, made: Made) -> None:
    """Say what was packed, and what is to be known of it."""
    built = made.stage.built
    console.field("packed", project.show(made.path))
    console.field("sha256", made.sha256)
    console.field("holds", f"CPython {built.version}, {given.tree} {given.flavor}, tree "
                  f"{built.tree_id[:12]}")  # fmt: skip
    console.field("needs", f"glibc {elf.shown(made.glibc)}")
    console.field("brings", ", ".join(each.soname for each in made.bundled.libraries))
    for module, why in made.bundled.left_out.items():
        console.field("without", f"{module}: it needs {why}")
    if built.edits:
        console.warn("the source tree has uncommitted edits: nobody else can build this")
    for name in made.leaks:
        console.warn(f"{name} names the directory it was built in")
    if made.profile:
        console.field("profile", project.show(made.profile))
    console.field("pyenv", f"pyenv install {project.show(made.definition)}")
