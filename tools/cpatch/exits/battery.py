"""packages: programs that use real packages, at exit: the same here as on stock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from cpatch import (
    bench_sides,
    bench_store,
    console,
    packages_compare,
    packages_page,
    packages_run,
    proc,
    servers_venv,
)
from cpatch.bench_sides import Side
from cpatch.errors import REGRESSION, USAGE, CpatchError
from cpatch.flavors import jobs_option
from cpatch.options import open_pin, pin_option, verbose_option
from cpatch.packages_compare import Difference, Verdict
from cpatch.packages_run import HANGS, MODES, Outcome, Program
from cpatch.project import Project

#: Stock is run again, up to so often, before an outcome counts as different from all of its own.
STOCK_RUNS = 3


@dataclass(frozen=True)
class Place:
    """Where outcomes of one pair of interpreters are kept: ``NAME.WHO.json``, a file each."""

    root: Path

    def read(self, program: Program, who: str) -> list[Outcome]:
        """Return what is there of this text of the program; an empty list for nothing."""
        try:
            text = (self.root / f"{program.name}.{who}.json").read_text(encoding="utf-8")
            found = json.loads(text)
        except (OSError, ValueError):
            return []
        if found["program"] != program.digest:
            return []
        return [Outcome.of_json(each) for each in found["outcomes"]]

    def write(self, program: Program, who: str, outcomes: Sequence[Outcome]) -> None:
        """Keep outcomes, whole or not at all."""
        record = {"program": program.digest, "outcomes": [each.as_json() for each in outcomes]}
        path = self.root / f"{program.name}.{who}.json"
        bench_store.write(path, json.dumps(record, indent=1) + "\n")


@dataclass(frozen=True)
class Battery:
    """All that runs need: interpreters by (tree, environment), our module, the limit in seconds."""

    pythons: dict[tuple[str, str], Path]
    native: Path
    seconds: float
    place: Place
    stated: list[Difference]

    def judge(self, program: Program, mode: str) -> Verdict:
        """Run what was not run yet, and compare.

        A difference in what is printed makes stock run again, because some of its own output
        varies; a hang or another status does not.
        """
        stock = self.outcomes(program, "stock", 1)
        (found,) = self.outcomes(program, mode, 1)
        verdict = packages_compare.judge(program.name, mode, stock, found, self.stated)
        if not verdict.good and found.status == stock[0].status != HANGS:
            stock = self.outcomes(program, "stock", STOCK_RUNS)
            verdict = packages_compare.judge(program.name, mode, stock, found, self.stated)
        return verdict

    def outcomes(self, program: Program, who: str, number: int) -> list[Outcome]:
        """Return *number* outcomes or more of stock, or of patched in a mode."""
        found = self.place.read(program, who)
        tree, mode = ("stock", "default") if who == "stock" else ("patched", who)
        while len(found) < number:
            found.append(
                packages_run.run(
                    program,
                    self.pythons[tree, program.venv],
                    mode,
                    native=self.native,
                    seconds=self.seconds,
                )
            )
            self.place.write(program, who, found)
        return found


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
    flavor, stock, patched = bench_sides.pair(
        project, pin, flavor, stock_python, patched_python, jobs=jobs
    )
    work = project.make_dir(project.bench(pin) / "packages")
    sides = {"stock": stock, "patched": patched}
    pythons, packages, native = prepare(home, work, sides, {each.venv for each in programs})
    place = Place(project.make_dir(where(project, stock, patched, packages)))
    stated = packages_compare.load(home / "differences.toml")
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
    bench_store.write(report, text)
    console.field("wrote", project.show(report))
    bad = sum(not verdict.good for row in rows.values() for verdict in row.values())
    if bad:
        raise CpatchError(
            f"{bad} of {len(rows) * len(modes)} runs differ from stock's",
            fix=f"read {project.show(report)}",
            code=REGRESSION,
        )
    return 0


def choose(programs: dict[str, Program], only: tuple[str, ...]) -> list[Program]:
    """Return the programs whose name contains one of *only*; CpatchError when none does."""
    found = [
        each for each in programs.values() if not only or any(part in each.name for part in only)
    ]
    if not found:
        raise CpatchError(
            f"no program's name contains {' or '.join(only)}",
            wanted=", ".join(programs),
            code=USAGE,
        )
    return found


def where(project: Project, stock: Side, patched: Side, packages: list[str]) -> Path:
    """Return the directory of this comparison: the same for the same builds and packages."""
    key = bench_sides.digest_of(
        Path(patched.python), patched.tree_id, patched.edits, stock.binary, *packages
    )
    return project.results / "packages" / key


def prepare(
    home: Path, work: Path, sides: dict[str, Side], kinds: set[str]
) -> tuple[dict[tuple[str, str], Path], list[str], Path]:
    """Make the environments and compile our module for stock, once.

    Returns the interpreters, what is installed in all environments, and the module's directory.
    """
    if shutil.which("g++") is None:
        raise CpatchError("g++ is not there", fix="apt-get install -y g++")
    log = work / "prepare.log"
    log.unlink(missing_ok=True)
    pythons = {}
    packages = []
    for kind in sorted(kinds | {"main"}):
        requirements = home / f"requirements-{kind}.txt"
        venvs = {
            name: servers_venv.ensure(side, requirements, work, log) for name, side in sides.items()
        }
        servers_venv.check_same(venvs)
        packages += venvs["stock"].packages
        for name, venv in venvs.items():
            pythons[name, kind] = venv.python
    script = home / "native" / "build.py"
    source = script.with_name("cppstream.cpp").read_text(encoding="utf-8")
    stock = pythons["stock", "main"]
    native = work / f"native-{bench_sides.digest_of(stock, source)}"
    if not native.exists():
        fresh = native.with_name(native.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        env = bench_sides.clean()
        proc.step("compile cppstream", [stock, script, fresh], cwd=work, env=env, log=log)
        fresh.rename(native)
    return pythons, packages, native
