"""The door of the verb bump: its options, and what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from cpatch.base import console, locks
from cpatch.base.errors import CONFLICT, USAGE, CpatchError
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.series.bump import attempt, new_pin, write_pin
from cpatch.sources.worktree import listed
from cpatch.verbs.options import pin_option, verbose_option


@click.command("bump")
@click.argument("words", metavar="[BRANCH] VERSION", nargs=-1, required=True)
@pin_option
@verbose_option
@click.option("--source", type=click.Path(path_type=Path), help="The new version's tarball.")
@click.option("--sha256", help="What its SHA-256 must be.")
@click.option("--write", is_flag=True, help="Edit the pin file.")
def command(
    words: tuple[str, ...],
    pin_name: str | None,
    source: Path | None,
    sha256: str | None,
    write: bool,
) -> None:
    """Try the series on another version and report; change nothing until --write."""
    if len(words) > 2 or (len(words) == 2 and pin_name):
        raise CpatchError(
            "bump takes a branch and a version", fix="make bump ARGS=--help", code=USAGE
        )
    project = Project.find()
    pins = load_pins(project)
    old = pins.get(words[0] if len(words) == 2 else pin_name)
    with locks.driver(project):
        new, tarball = new_pin(project, pins, old, words[-1], source, sha256)
        verdicts, shadows, tree = attempt(project, old, new, tarball)
    console.field("bump", f"{old.version} -> {new.version}   sha256 {new.sha256[:8]}")
    for verdict in verdicts:
        files = f"   {listed(verdict.files)}" if verdict.files else ""
        title = f"fix {verdict.name}" if verdict.is_fix else verdict.name
        console.say(f"  {verdict.word:<16} {title}{files}")
    for path, other in shadows.items():
        console.say(f"  {'shadows':<16} {path} ({other} is upstream's now)")
    bad = [v for v in verdicts if v.word == "conflict"]
    if write:
        gone = {v.name for v in verdicts if v.is_fix and v.word == "already-upstream"}
        write_pin(project, replace(new, tree=tree), gone)
        console.field("wrote", f"{project.show(project.pins_file)}   next: make apply")
        return
    if bad or shadows:
        raise CpatchError(
            f"{len(bad)} fix(es) or patch(es) conflict, {len(shadows)} overlay file(s) shadow "
            "upstream",
            fix="the same with --write moves the pin all the same; then make apply says how to "
            "redo each patch; a fix that conflicts is taken out of the pin file",
            code=CONFLICT,
        )
    console.field("next", "the same with --write")
