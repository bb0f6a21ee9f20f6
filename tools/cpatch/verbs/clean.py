"""The door of the verb clean: removes named parts of build/, and never somebody's work."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from cpatch.base import console
from cpatch.base.errors import FAILURE, USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.sources.worktree import Worktree, listed, made
from cpatch.verbs.options import pin_option, verbose_option

PARTS = {
    "obj": "objects and interpreters, every tree and flavor",
    "trees": "source trees, and the git store when all pins' trees go",
    "cache": "downloaded archives",
    "logs": "logs and test reports",
    "bench": "the installed copies that bench measures, and their environments",
    "dist": "tarballs, and the bare systems that they were tried in",
    "results": "what bench measured: raw results and reports; no other part removes them",
    "all": "the whole build directory but the results, the driver's own environment included",
}


def unsaved(project: Project, pin: Pin, tree: str) -> str | None:
    """Say what work in a source tree is in no patch yet, or None when it can go."""
    work = Worktree(project, pin, tree)
    try:
        if not work.exists():
            return None
    except CpatchError as error:
        return error.what
    record, stand = work.record(), work.stand()
    if stand.dirty:
        return f"{work.shown}: uncommitted {listed(stand.dirty)}"
    if record is None or stand.head not in (record.head, record.pristine):
        commits = work.user_commits(stand.head, record)
        return f"{work.shown}: commits not in patches/: {listed(commits, 3)}"
    return None


def paths(project: Project, pins: list[Pin], part: str, every: bool) -> list[Path]:
    """Return what *part* is on disk for *pins*; *every* says these are all the pins."""
    if part == "all":
        if not project.results.exists():
            return [project.build]
        return [path for path in sorted(project.build.iterdir()) if path != project.results]
    if part == "results":
        return _results(project, pins, every)
    out: list[Path] = [project.cache] if part == "cache" else []
    if part == "dist":
        out += [project.build / "dist", project.build / "userlands"]
    for pin in pins:
        home = project.pin_build(pin)
        if part == "obj":
            out += sorted(home.glob("obj-*"))
        elif part == "logs":
            out.append(project.logs(pin))
        elif part == "bench":
            out.append(project.bench(pin))
        elif part == "trees":
            for tree in made(project, pin):
                work = Worktree(project, pin, tree)
                out += [work.path, home / f"{tree}.json", work.admin]
    if part == "trees" and every:
        out.append(project.store)
    return [path for path in out if path.exists()]


def _results(project: Project, pins: list[Pin], every: bool) -> list[Path]:
    """Return all results, or those directories that say they are of one of *pins*."""
    if every:
        return [project.results] if project.results.exists() else []
    found = []
    records = [*project.results.glob("*/run.json"), *project.results.glob("servers/*/run.json")]
    for record in sorted(records):
        try:
            said = json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(said, dict) and said.get("pin") in [pin.branch for pin in pins]:
            found.append(record.parent)
    return found


@click.command("clean")
@pin_option
@click.option("--force", is_flag=True, help="Remove source trees even with unsaved work in them.")
@click.argument("parts", nargs=-1, metavar="PART...")
@verbose_option
def command(pin_name: str | None, force: bool, parts: tuple[str, ...]) -> None:
    """Remove parts of build/: obj, trees, cache, logs, bench, dist, results, or all but results."""
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        raise CpatchError(
            f"no such part: {unknown[0]}" if unknown else "clean needs to know what to remove",
            wanted="\n".join(f"{name}: {what}" for name, what in PARTS.items()),
            fix='make clean ARGS="obj"',
            code=USAGE,
        )
    project = Project.find()
    pins = load_pins(project)
    chosen = [pins.get(pin_name)] if pin_name else list(pins.table.values())
    if {"trees", "all"} & set(parts) and not force:
        held = list(pins.table.values()) if "all" in parts else chosen
        found = [unsaved(project, pin, tree) for pin in held for tree in made(project, pin)]
        work = [what for what in found if what]
        if work:
            raise CpatchError(
                "a source tree holds work that is in no patch yet",
                got="\n".join(work),
                fix='make refresh keeps it; make clean ARGS="trees --force" drops it',
                code=FAILURE,
            )
    # What is named is gone before "all" looks what it has to leave.
    for part in sorted(parts, key=lambda name: name == "all"):
        for path in paths(project, chosen, part, every=not pin_name):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            console.field("removed", project.show(path))
