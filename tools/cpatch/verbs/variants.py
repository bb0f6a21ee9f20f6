"""The door of the verb variants: its options, and what it says."""

from __future__ import annotations

import click

from cpatch.base import console, pages
from cpatch.base.errors import REGRESSION, CpatchError
from cpatch.suite import variants, variants_page
from cpatch.suite.legs import Context
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
        kept, refused = variants.shelve(project, pin, [each.name for each in chosen])
        text = variants_page.render(kept, known)
        path = project.root / "docs" / "builds.md"
        pages.write(path, pin.branch, "make variants", text)
        console.field("wrote", project.show(path))
        for name in refused:
            console.say(f"left out {name}: its tree had edits, or its record is of an older driver")
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
