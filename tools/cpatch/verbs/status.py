"""cpatch status: what is applied, what is edited, what to do next."""

from __future__ import annotations

import click

from cpatch.base import console
from cpatch.base.errors import CpatchError
from cpatch.base.git import Repo
from cpatch.base.pin import Pin
from cpatch.base.project import TREES, Project
from cpatch.series import chain as chains
from cpatch.series import export, fixes, parts, patchfiles
from cpatch.series.chain import Inputs
from cpatch.series.patchfiles import Series
from cpatch.sources.worktree import Record, Worktree, listed, made
from cpatch.verbs.options import open_pin, pin_option, verbose_option


@click.command("status")
@pin_option
@verbose_option
def command(pin_name: str | None) -> None:
    """Say where the trees stand: base, applied n/N, edited files, next step."""
    project, pin = open_pin(pin_name)
    inputs = chains.load_inputs(project, pin)
    cached = "cached" if (project.cache / pin.tarball).exists() else "not fetched"
    console.field("pin", f"{pin.version}   sha256 {pin.sha256[:8]} {cached}")
    if pin.fixes:
        console.field("fixes", fixes.summary(project, pin))
        for name in pin.fixes.patches if console.is_verbose() else ():
            console.say(f"  {name}")

    work = Worktree(project, pin, "patched")
    record = work.record() if work.exists() else None
    console.field("overlay", _overlay(inputs, record))
    console.field("series", _series(inputs, record))
    if console.is_verbose():
        _patch_ids(project, inputs)
    whole = patchfiles.load_series(project, pin)
    console.field("parts", " ".join(part.name for part in whole.parts) or "none")
    for part in whole.parts if console.is_verbose() else ():
        console.say(f"  {part.name}: {part.gives}; needs {', '.join(part.needs) or 'none'}")
    steps = []
    for name in made(project, pin):
        steps.append(_tree(Worktree(project, pin, name), _of_tree(inputs, whole, name), pin))
    console.field("next", next((step for step in steps if step), "make build"))


def _overlay(inputs: Inputs, record: Record | None) -> str:
    now = {path: file.digest for path, file in inputs.overlay.items()}
    if record is None:
        return f"{len(now)} files"
    then = record.overlay_files
    changed = sorted(p for p in now.keys() | then.keys() if now.get(p) != then.get(p))
    return f"{len(now)} files  {len(changed)} changed since last apply  {listed(changed)}".rstrip()


def _series(inputs: Inputs, record: Record | None) -> str:
    total = len(inputs.patches)
    return f"{len(record.rows) if record else 0}/{total} applied"


def _patch_ids(project: Project, inputs: Inputs) -> None:
    """Show git's patch id of each patch: it changes when content does, not when lines move."""
    from cpatch.sources import upstream

    repo = upstream.open_store(project)
    for patch in inputs.patches:
        console.say(f"  {export.patch_id(repo, patch.diff)[:12]}  {patch.name}")


def _of_tree(inputs: Inputs, whole: Series, tree: str) -> Inputs | None:
    """Return what goes into a tree; None for parts that the series has not got any more."""
    if tree == "stock":
        return Inputs({}, (), "")
    try:
        return inputs if tree == "patched" else parts.choose(inputs, whole, tree)
    except CpatchError:
        return None


def _tree(work: Worktree, inputs: Inputs | None, pin: Pin) -> str | None:
    """Report one tree; returns the next step it calls for."""
    if not work.exists():
        console.field(work.name, "not made yet")
        return None  # make build makes it
    record = work.record()
    if record is None or record.moving:
        console.field(work.name, f"{work.shown}: half-way, an apply was interrupted")
        return "make apply"
    stand = work.stand()
    tree = Repo(work.project.store).tree_of(stand.head)
    console.field(work.name, f"{work.shown} at {stand.head[:12]} ({tree[:12]})")
    unfinished = work.unfinished()
    if unfinished:
        console.field("", f"a {unfinished} is going on")
        return f"git -C {work.shown} {unfinished} --continue"
    if stand.dirty:
        console.field("", f"uncommitted: {listed(stand.dirty)}")
    own = work.user_commits(stand.head, record) if stand.head != record.head else []
    for line in own:
        console.field("", f"not in patches/: {line}")
    if stand.head != record.head and not own:
        console.field("", f"moved back from {record.head[:12]}, as last applied")
    if work.name not in TREES:
        if inputs is None or inputs.key(pin) != record.key.split(" ")[0]:
            console.field("", "not what the repository says now")
        return None  # nobody has to bring a tree of some parts up to date
    if stand.dirty:
        return f"git -C {work.shown} commit -a --fixup=COMMIT, then make refresh"
    if stand.head != record.head:
        return "make refresh"
    key = record.key.split(" ")[0]
    return "make apply" if inputs and inputs.key(pin) != key else None
