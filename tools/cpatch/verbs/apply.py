"""The door of the verb apply: its options, and what it says."""

from __future__ import annotations

from pathlib import Path

import click

from cpatch.base import console, locks
from cpatch.base.project import named
from cpatch.series import fixes
from cpatch.series.apply import ensure_tree
from cpatch.sources import fetch
from cpatch.sources.worktree import Worktree
from cpatch.verbs.options import open_pin, pin_option, tree_option, verbose_option


@click.command("apply")
@pin_option
@tree_option
@verbose_option
@click.option("--source", type=click.Path(path_type=Path), help="Take the tarball from this file.")
@click.option("--fixes", "given", type=click.Path(path_type=Path), help="Take the fixes from it.")
@click.option("--discard", is_flag=True, help="Put edits in the tree aside (git can find them).")
@click.option("--stop", metavar="PATCH", help="Stop before this patch of the series.")
def command(
    pin_name: str | None,
    tree: str,
    source: Path | None,
    given: Path | None,
    discard: bool,
    stop: str | None,
) -> None:
    """Rebuild the patched tree: pristine + fixes + overlay + series, one commit each."""
    project, pin = open_pin(pin_name)
    if pin.fixes and given:
        with locks.driver(project):
            fetch.ensure(project, pin.fixes.archive, given)
    before = Worktree(project, pin, tree).record()
    done = ensure_tree(project, pin, tree, source=source, strict=True, discard=discard, stop=stop)
    record = Worktree(project, pin, tree).record()
    assert record is not None
    cached = " (cached)" if (project.cache / pin.tarball).exists() else ""
    console.field("pin", f"{pin.version}   sha256 {pin.sha256[:8]} ok{cached}")
    if pin.fixes:
        console.field("fixes", fixes.summary(project, pin))
    if tree != "stock":
        old = before.overlay_files if before else {}
        files = record.overlay_files
        changed = {p for p in old.keys() | files.keys() if old.get(p) != files.get(p)}
        console.field("overlay", f"{len(files)} files  {len(changed)} changed since last apply")
        names = [row.name for row in record.rows]
        span = f"{names[0]} … {names[-1]}" if len(names) > 1 else "".join(names)
        console.field("series", f"{len(names)}/{record.total}      {span}".rstrip())
    whole = len(record.rows) == record.total
    upnext = f"make build {named(tree)}".rstrip() if whole else "redo the next patch, commit"
    console.field(
        "tree",
        f"{project.show(done.path)} at {done.commit[:12]} ({done.tree_id[:12]})   next: {upnext}",
    )
