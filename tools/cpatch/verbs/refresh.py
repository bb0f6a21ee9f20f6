"""The door of the verb refresh: its options, and what it says."""

from __future__ import annotations

import click

from cpatch.base import console, locks
from cpatch.base.errors import CpatchError
from cpatch.series import chain as chains
from cpatch.series.harvest import make_plan
from cpatch.series.refresh import refresh
from cpatch.sources.worktree import Worktree
from cpatch.verbs.options import open_pin, pin_option, verbose_option


@click.command("refresh")
@pin_option
@verbose_option
@click.option("--check", is_flag=True, help="Write nothing; fail if anything would change.")
def command(pin_name: str | None, check: bool) -> None:
    """Write commits back to patches/ and edited overlay files back to the repository."""
    project, pin = open_pin(pin_name)
    work = Worktree(project, pin, "patched")
    with locks.driver(project):
        plan = make_plan(project, pin, work) if check else refresh(project, pin)
    for note in plan.notes:
        console.say(note)
    for path, content in plan.writes.items():
        console.say(f"{'remove ' if content is None else 'write  '}  {project.show(path)}")
    if check and plan.writes:
        raise CpatchError(
            f"refresh would change {len(plan.writes)} file(s)", wanted="none", fix="make refresh"
        )
    if not plan.writes:
        console.say(f"refresh  nothing to write: {work.shown} and the repository agree")
    record = work.record()
    now = chains.load_inputs(project, pin)
    if record and record.key.split(" ")[0] != now.upto(len(record.rows)).key(pin):
        console.say("next     make apply (the repository has changes that the tree has not)")
