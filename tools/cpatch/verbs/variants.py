"""The door of the verb variants: its options, and what it says."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cpatch.base import console, pages
from cpatch.base.errors import REGRESSION, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.suite import variants, variants_page
from cpatch.suite.legs import Context
from cpatch.suite.variants import Difference, Variant
from cpatch.verbs.options import jobs_option, names, open_pin, pin_option, verbose_option


@click.command("variants")
@pin_option
@jobs_option
@click.option("--list", "listing", is_flag=True, help="Show the variants.")
@click.option("--only", callback=names, metavar="A,B", help="Only these.")
@click.option("--fresh", is_flag=True, help="Forget earlier runs of what is run.")
@click.option("--write", is_flag=True, help="Put what was run into docs/builds.md; run nothing.")
@verbose_option
def command(
    pin_name: str | None, jobs: int, listing: bool, only: tuple[str, ...], fresh: bool, write: bool
) -> int:
    """Build what nobody ships, run our tests and a few of CPython's there; compare with stock.

    Continues what was interrupted: what is recorded of the same source tree, options, environment
    and test files is not run again.
    """
    project, pin = open_pin(pin_name)
    known = variants.differences(project, pin)
    chosen = variants.choose(only)
    if listing:
        for each in chosen:
            console.say(f"{each.name:<14}{each.what}")
        return 0
    if write:
        _write(project, pin, chosen, known)
        return 0
    context = Context(project, pin, jobs)
    bad = False
    stopped = []
    for variant in chosen:
        try:
            record = variants.run(context, variant, fresh=fresh)
        except CpatchError as error:
            stopped.append(variant.name)
            console.say(f"{variant.name:<14}not run: {error.render()}")
            continue
        console.say(variants_page.line(record, known))
        for case in variants.unexplained(record, known):
            bad = True
            console.say(f"    {case} (stock does not fail it)")
        for entry in variants.unused(record, known):
            console.say(f"    {entry.unused}")
    if bad:
        raise CpatchError(
            "variants differ from stock",
            fix="mend it, or say why in tools/expected/variants.toml",
            code=REGRESSION,
        )
    if stopped:
        raise CpatchError(
            f"not run: {', '.join(stopped)}",
            fix=f"what is said above; then make variants ARGS='--only {','.join(stopped)}'",
        )
    return 0


def _write(
    project: Project, pin: Pin, chosen: Sequence[Variant], known: Sequence[Difference]
) -> None:
    """Write the page; CpatchError when nothing was run that may be put there, and it is new."""
    shelved = variants.shelve(project, pin, [each.name for each in chosen])
    for name in shelved.refused:
        console.say(f"left out {name}: its tree had edits, or its record is of an older driver")
    page = project.root / "docs" / "builds.md"
    text = variants_page.render(shelved.records, known)
    changed = pages.write(page, pin.branch, "make variants", text)
    if not (changed or shelved.put):
        raise CpatchError(
            f"no variant of {pin.branch} was run that can be written",
            wanted=f"records in {project.show(variants.home(project, pin))}",
            fix=f"make variants PIN={pin.branch}",
        )
    if shelved.put:
        console.field("wrote", project.show(variants.shelf(project, pin)))
    console.field("wrote", project.show(page))
