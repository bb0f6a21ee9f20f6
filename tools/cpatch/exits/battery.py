"""Programs that use real packages, run to their end: the same here as on stock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import console, files, proc
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.exits import differences, programs, report
from cpatch.exits.differences import Difference, Verdict
from cpatch.exits.programs import HANGS, Outcome, Program
from cpatch.measuring import environments, interpreters
from cpatch.measuring.interpreters import Side

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
        files.write(path, json.dumps(record, indent=1) + "\n")


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
        verdict = differences.judge(program.name, mode, stock, found, self.stated)
        if not verdict.good and found.status == stock[0].status != HANGS:
            stock = self.outcomes(program, "stock", STOCK_RUNS)
            verdict = differences.judge(program.name, mode, stock, found, self.stated)
        return verdict

    def outcomes(self, program: Program, who: str, number: int) -> list[Outcome]:
        """Return *number* outcomes or more of stock, or of patched in a mode."""
        found = self.place.read(program, who)
        tree, mode = ("stock", "default") if who == "stock" else ("patched", who)
        while len(found) < number:
            found.append(
                programs.run(
                    program,
                    self.pythons[tree, program.venv],
                    mode,
                    native=self.native,
                    seconds=self.seconds,
                )
            )
            self.place.write(program, who, found)
        return found


@dataclass(frozen=True)
class Job:
    """Which programs to run in which modes; ``seconds`` is the limit of one run.

    Both interpreters are built and installed here in ``flavor``, unless they are given.
    """

    programs: list[Program]
    modes: tuple[str, ...]
    flavor: str
    jobs: int
    fresh: bool
    seconds: float
    stock_python: str | None
    patched_python: str | None


def home(project: Project) -> Path:
    """Return where the programs are, what they require, and how they may differ from stock."""
    return project.root / "tools" / "exitpackages"


def compare(project: Project, pin: Pin, job: Job) -> tuple[list[Verdict], Path]:
    """Run what was not run yet, say what came of it; returns all verdicts and the report."""
    flavor, stock, patched = interpreters.pair(
        project, pin, job.flavor, job.stock_python, job.patched_python, jobs=job.jobs
    )
    work = project.make_dir(project.bench(pin) / "packages")
    sides = {"stock": stock, "patched": patched}
    kinds = {each.venv for each in job.programs}
    pythons, packages, native = prepare(home(project), work, sides, kinds)
    place = Place(project.make_dir(where(project, stock, patched, packages)))
    stated = differences.load(home(project) / "differences.toml")
    if job.fresh:
        for each in job.programs:
            for who in ("stock", *job.modes):
                (place.root / f"{each.name}.{who}.json").unlink(missing_ok=True)
    console.field("results", project.show(place.root))
    battery = Battery(pythons, native, job.seconds, place, stated)
    rows = {}
    for each in job.programs:
        rows[each] = {mode: battery.judge(each, mode) for mode in job.modes}
        console.say(report.line(each, rows[each]))
        for name, verdict in rows[each].items():
            for text in verdict.lines[:20]:
                console.detail(f"    {name}: {text}")
    written = place.root / "report.md"
    files.write(written, report.render(rows, sides, packages, flavor))
    console.field("wrote", project.show(written))
    return [verdict for row in rows.values() for verdict in row.values()], written


def choose(known: dict[str, Program], only: tuple[str, ...]) -> list[Program]:
    """Return the programs whose name contains one of *only*; CpatchError when none does."""
    found = [each for each in known.values() if not only or any(part in each.name for part in only)]
    if not found:
        raise CpatchError(
            f"no program's name contains {' or '.join(only)}",
            wanted=", ".join(known),
            got=",".join(only),
            fix="make packages ARGS=--list",
            code=USAGE,
        )
    return found


def where(project: Project, stock: Side, patched: Side, packages: list[str]) -> Path:
    """Return the directory of this comparison: the same for the same builds and packages."""
    key = interpreters.digest_of(
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
            name: environments.ensure(side, requirements, work, log) for name, side in sides.items()
        }
        environments.check_same(venvs)
        packages += venvs["stock"].packages
        for name, venv in venvs.items():
            pythons[name, kind] = venv.python
    script = home / "native" / "build.py"
    source = script.with_name("cppstream.cpp").read_text(encoding="utf-8")
    stock = pythons["stock", "main"]
    native = work / f"native-{interpreters.digest_of(stock, source)}"
    if not native.exists():
        fresh = native.with_name(native.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        env = interpreters.clean()
        proc.step("compile cppstream", [stock, script, fresh], cwd=work, env=env, log=log)
        fresh.rename(native)
    return pythons, packages, native
