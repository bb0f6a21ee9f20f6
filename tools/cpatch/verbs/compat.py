"""The door of the verb compat: its options, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from cpatch.base import console
from cpatch.base.errors import REGRESSION, CpatchError
from cpatch.compat import page, record, session, table
from cpatch.verbs.options import asked, jobs_option, names, open_pin, pin_option, verbose_option


@dataclass(frozen=True)
class Asked:
    """What the command line asks for, as it stands there."""

    pin_name: str | None
    flavor: str
    jobs: int
    listing: bool
    only: tuple[str, ...]
    short: bool
    fresh: bool
    write: bool
    stock_python: str | None
    patched_python: str | None
    wheel: Path | None
    restore: Path | None


@click.command("compat")
@pin_option
@click.option(
    "--flavor", type=click.Choice(["release", "pgo"]), default="release", show_default=True
)
@jobs_option
@click.option("--list", "listing", is_flag=True, help="Show the packages.")
@click.option("--only", callback=names, metavar="A,B", help="Only these packages.")
@click.option("--short", is_flag=True, help="Only the packages that make test runs.")
@click.option("--fresh", is_flag=True, help="Forget earlier runs of what is run.")
@click.option("--write", is_flag=True, help="Write what is kept into docs/compat.md; run nothing.")
@click.option("--stock-python", metavar="EXE", help="Compare this interpreter, built elsewhere,")
@click.option("--patched-python", metavar="EXE", help="... with this one.")
@click.option(
    "--wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Compare stock after the call of this wheel, of make wheel, too.",
)
@click.option(
    "--restore",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Put back runs that were kept in results/; run nothing.",
)
@verbose_option
@asked(Asked)
def command(given: Asked) -> int:
    """Run packages' own tests on stock, on patched, and after the call; tell what differs.

    Wheels are installed as they are. Continues what was interrupted.
    """
    project, pin = open_pin(given.pin_name)
    known = table.load(session.home(project) / "packages.toml")
    if given.restore:
        count = record.restore(given.restore, session.place(project, pin), pin.branch)
        console.field("restored", f"{count} runs of {project.show(given.restore)}")
    if given.write:
        rows = session.kept_rows(project, pin)
        path = project.root / "docs" / "compat.md"
        page.write(path, pin.branch, rows, known.packages)
        console.field("wrote", project.show(path))
    if given.restore or given.write:
        return 0
    packages = known.choose(given.only)
    packages = [each for each in packages if each.short or not given.short]
    if given.listing:
        for each in packages:
            console.say(f"{each.name:<20} {each.version:<12} {each.tests:<8} {each.part}".rstrip())
        return 0
    job = session.Job(
        packages=packages,
        flavor=given.flavor,
        jobs=given.jobs,
        fresh=given.fresh,
        stock_python=given.stock_python,
        patched_python=given.patched_python,
        wheel=given.wheel,
    )
    rows = []
    for row in session.Session(project, pin, job).rows():
        rows.append(row)
        console.say(page.line(row))
        for text in [*page.lines(row), *page.notes(row)]:
            console.say(text)
        console.detail(page.told(row))
    console.say(page.totals(rows))
    if any(not verdict.good for row in rows for verdict in row.verdicts.values()):
        raise CpatchError(
            "packages differ from stock",
            fix="mend it, or say why in tools/compat/packages.toml",
            code=REGRESSION,
        )
    return 0
