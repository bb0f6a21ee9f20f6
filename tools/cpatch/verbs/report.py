"""The door of the verb report: its options, and what it says."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import click

from cpatch.base import console, files
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.project import Project
from cpatch.measuring import archive, packing, resultdir
from cpatch.measuring.stats import Estimate
from cpatch.report import content, rows, verdicts
from cpatch.verbs.options import open_pin, pin_option, verbose_option


@click.command("report")
@pin_option
@click.argument("directories", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write (default: the first directory).",
)
@click.option(
    "--pack",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Copy the results there, compressed, to be committed, and report on the copy.",
)
@verbose_option
def command(
    pin_name: str | None, directories: tuple[Path, ...], output: Path | None, pack: Path | None
) -> None:
    """Write report.md and report.html about one directory of results, or several machines'.

    DIRECTORIES are what make bench wrote, one for each machine or pair of builds; without any,
    the newest of build/results, or else of results/, the packed ones of the repository. Nothing
    needs to be built.
    """
    project, _ = open_pin(pin_name)
    roots = [path.absolute() for path in directories] or [newest(project)]
    if pack:
        if len(roots) > 1:
            raise CpatchError(
                "--pack takes one directory of results at a time",
                fix=f'make report ARGS="--pack results/NAME {directories[0]}"',
                code=USAGE,
            )
        rows.load(roots[0])  # what is no fair comparison is not worth keeping
        packing.pack(project, roots[0], pack.absolute())
        console.field("packed", project.show(pack.absolute()))
        roots = [pack.absolute()]
    if len(set(roots)) < len(roots):
        raise CpatchError(
            "the same directory is named twice",
            got=", ".join(map(str, directories)),
            fix="make report ARGS='one directory for each machine'",
            code=USAGE,
        )
    runs = [rows.load(archive.opened(project, root)) for root in roots]
    if not any(run.times or run.probes or run.counts for run in runs):
        raise CpatchError(
            f"nothing is measured yet in {', '.join(str(root) for root in roots)}",
            fix="make bench, or make bench ARGS=--quick",
        )
    target = output.absolute() if output else roots[0]
    target.mkdir(parents=True, exist_ok=True)
    context = content.content(runs, plots=True)
    for template in ("report.md.j2", "report.html.j2"):
        path = target / template.removesuffix(".j2")
        files.write(path, content.render(context, template))
        console.field("wrote", project.show(path))
    headline(runs, context["names"])


def _mean(role: str, mean: verdicts.Mean, noise: Estimate, name: str) -> None:
    change = mean.change
    of = "" if role == "patched" else f", {verdicts.parts_of(role) or role}"
    console.field(
        "mean",
        f"{change.ratio:.3f} times faster ({change.ratio_low:.3f}–{change.ratio_high:.3f}), "
        f"A/A {noise.ratio:.3f}, {mean.count} benchmarks{of}: {name}",
    )


def newest(project: Project) -> Path:
    """Return the newest directory of results; CpatchError when there is none.

    What was measured here goes before what the repository came with.
    """
    for home in (project.results, project.kept_results):
        # By when they began: packed ones have a name that somebody chose.
        begun = {path.parent: _begun(path.parent) for path in sorted(home.glob("*/run.json"))}
        if begun:
            return max(begun, key=lambda root: (begun[root], root))
    raise CpatchError(
        f"no results in {project.show(project.results)}",
        fix="make bench, or make bench ARGS=--quick for a first impression",
    )


def _begun(root: Path) -> str:
    with contextlib.suppress(CpatchError):
        sessions = resultdir.Results(root).record().get("sessions", [])
        return str(sessions[0]["begun"]) if sessions else ""
    return ""  # of another driver; told when it is the only one


def headline(runs: Sequence[rows.Run], names: Sequence[str]) -> None:
    """Print the geometric means, and what did not run."""
    for run, name in zip(runs, names, strict=True):
        means = verdicts.means(run)
        if means:
            for role, mean in means.roles.items():
                _mean(role, mean, means.noise, name)
        for failure in run.failures:
            console.field("failed", f"{failure.name} on {failure.role}: {failure.what}")
        if run.waiting:
            console.warn(f"not complete: {len(run.waiting)} benchmarks have rounds to do")
