"""The door of the verb packages: its options, and what it says."""

from __future__ import annotations

import click

from cpatch.base import console, files
from cpatch.base.errors import REGRESSION, USAGE, CpatchError
from cpatch.exits import differences
from cpatch.exits import programs as packages_run
from cpatch.exits import report as packages_page
from cpatch.exits.battery import Battery, Place, choose, prepare, where
from cpatch.exits.programs import MODES
from cpatch.measuring import interpreters
from cpatch.verbs.options import jobs_option, open_pin, pin_option, verbose_option


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (value or "").replace(" ", ",").split(",")))


@click.command("packages")
@pin_option
@click.option(
    "--flavor", type=click.Choice(["release", "pgo"]), default="release", show_default=True
)
@jobs_option
@click.option("--list", "listing", is_flag=True, help="Show the programs.")
@click.option(
    "--only", callback=_names, metavar="A,B", help="Only names that contain one of these."
)
@click.option("--mode", callback=_names, metavar="A,B", help=f"Only these of {', '.join(MODES)}.")
@click.option("--fresh", is_flag=True, help="Forget earlier outcomes of what is run.")
@click.option("--timeout", type=click.IntRange(min=1), default=40, help="Seconds of one program.")
@click.option("--stock-python", metavar="EXE", help="Compare this interpreter, built elsewhere,")
@click.option("--patched-python", metavar="EXE", help="... with this one.")
@verbose_option
def command(
    pin_name: str | None,
    flavor: str,
    jobs: int,
    listing: bool,
    only: tuple[str, ...],
    mode: tuple[str, ...],
    fresh: bool,
    timeout: int,
    stock_python: str | None,
    patched_python: str | None,
) -> int:
    """Run programs that use real packages to their end, on stock and patched, and compare.

    Exit status, stdout, stderr and the files written must be stock's, in three modes. Continues
    what was interrupted; writes report.md beside the outcomes.
    """
    project, pin = open_pin(pin_name)
    home = project.root / "tools" / "exitpackages"
    programs = choose(packages_run.load(home / "programs"), only)
    if listing:
        for each in programs:
            console.say(f"{each.name:<26} {each.about}")
        return 0
    for name in mode:
        if name not in MODES:
            raise CpatchError(f"no such mode: {name}", wanted=", ".join(MODES), code=USAGE)
    flavor, stock, patched = interpreters.pair(
        project, pin, flavor, stock_python, patched_python, jobs=jobs
    )
    work = project.make_dir(project.bench(pin) / "packages")
    sides = {"stock": stock, "patched": patched}
    pythons, packages, native = prepare(home, work, sides, {each.venv for each in programs})
    place = Place(project.make_dir(where(project, stock, patched, packages)))
    stated = differences.load(home / "differences.toml")
    modes = tuple(each for each in MODES if each in mode) if mode else MODES
    if fresh:
        for each in programs:
            for who in ("stock", *modes):
                (place.root / f"{each.name}.{who}.json").unlink(missing_ok=True)
    console.field("results", project.show(place.root))
    battery = Battery(pythons, native, timeout, place, stated)
    rows = {}
    for each in programs:
        rows[each] = {mode: battery.judge(each, mode) for mode in modes}
        console.say(packages_page.line(each, rows[each]))
        for name, verdict in rows[each].items():
            for text in verdict.lines[:20]:
                console.detail(f"    {name}: {text}")
    text = packages_page.render(rows, sides, packages, flavor)
    report = place.root / "report.md"
    files.write(report, text)
    console.field("wrote", project.show(report))
    bad = sum(not verdict.good for row in rows.values() for verdict in row.values())
    if bad:
        raise CpatchError(
            f"{bad} of {len(rows) * len(modes)} runs differ from stock's",
            fix=f"read {project.show(report)}",
            code=REGRESSION,
        )
    return 0
