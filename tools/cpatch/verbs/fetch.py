"""The door of the verb fetch: its options, and what it says."""

from __future__ import annotations

from pathlib import Path

import click

from cpatch.base import console, locks
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Archive
from cpatch.base.project import Project
from cpatch.sources.fetch import ensure
from cpatch.verbs.options import open_pin, pin_option, verbose_option


def _report(project: Project, title: str, what: str, archive: Archive, given: Path | None) -> None:
    """Fetch one archive and say so."""
    with locks.driver(project):
        note = " (cached)" if (project.cache / archive.name).exists() else ""
        path = ensure(project, archive, given)
    console.field(title, f"{what}   sha256 {archive.sha256[:8]} ok{note}")
    console.field("file", project.show(path))


@click.command("fetch")
@pin_option
@verbose_option
@click.option("--source", type=click.Path(path_type=Path), help="Take the tarball from this file.")
@click.option("--fixes", type=click.Path(path_type=Path), help="The same for the archive of fixes.")
def command(pin_name: str | None, source: Path | None, fixes: Path | None) -> None:
    """Download the pinned source and its fixes, and verify sizes and sha256."""
    project, pin = open_pin(pin_name)
    _report(project, "pin", pin.version, pin.archive, source)
    if pin.fixes:
        _report(project, "fixes", str(len(pin.fixes.patches)), pin.fixes.archive, fixes)
    elif fixes:
        raise CpatchError(
            f"--fixes: the pin {pin.branch} takes none", fix="leave --fixes out", code=USAGE
        )
