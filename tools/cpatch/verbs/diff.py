"""The door of the verb diff: what the patched tree changes against stock."""

from __future__ import annotations

import sys

import click

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.git import Repo
from cpatch.series import chain as chains
from cpatch.series import export, fixes
from cpatch.sources.worktree import listed
from cpatch.verbs.options import open_pin, pin_option, verbose_option


@click.command("diff")
@pin_option
@verbose_option
@click.option("--stat", is_flag=True, help="Only count changed lines per file.")
@click.option("--patch", "name", metavar="NAME", help="Only what this patch changes.")
@click.option("--full", is_flag=True, help="Everything as one mailbox for git am: overlay, series.")
def command(pin_name: str | None, stat: bool, name: str | None, full: bool) -> None:
    """Show patched against stock: the overlay and the series of this repository."""
    project, pin = open_pin(pin_name)
    pristine = fixes.base(project, pin)
    repo = Repo(project.store)
    made = chains.build_chain(repo, pin, pristine, chains.load_inputs(project, pin))
    if full:
        # Formatted anew, so the mailbox is uniform: the overlay is simply its first message.
        commits = [made.overlay] if repo.tree_of(pristine) != made.overlay_tree else []
        for commit in [*commits, *(a.commit for a in made.applied)]:
            _emit(export.formatted(repo, commit).decode("utf-8", "surrogateescape"))
        return
    old, new = repo.tree_of(pristine), made.tree
    if name is not None:
        old, new = _around(made, name)
    options = ["--stat=100"] if stat else ["--patch"]
    _emit(repo.git("diff-tree", "-r", "--no-color", *options, old, new).stdout)


def _around(made: chains.Chain, name: str) -> tuple[str, str]:
    """Return the trees before and after one patch; the name may lack directory and suffix."""
    before = made.overlay_tree
    for applied in made.applied:
        full = applied.patch.name
        if name in (full, full.split("/")[1], full.split("/")[1].removesuffix(".patch")):
            return before, applied.tree
        before = applied.tree
    known = [applied.patch.name for applied in made.applied]
    raise CpatchError(
        f"no patch {name!r} in the series",
        wanted=listed(known) or "-",
        got=name,
        fix="make diff ARGS=NAME, with one of these",
        code=USAGE,
    )


def _emit(text: str) -> None:
    """Write output byte for byte: a diff holds what the files hold."""
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
