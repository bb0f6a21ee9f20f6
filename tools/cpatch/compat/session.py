"""Packages on both interpreters: environments, runs that are kept, and what came of them."""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cpatch.base import console, files, proc
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.compat import running, table, verdicts
from cpatch.compat.running import Bench, Run
from cpatch.compat.table import COMPARED, PATCHED, RUNS, STOCK, WHEEL, Package, Table
from cpatch.compat.verdicts import Verdict
from cpatch.measuring import environments, interpreters
from cpatch.measuring.interpreters import Side

#: How often what differs is run again, on stock and on the other, before it counts.
AGAIN = 2
#: More tests than that are no chance, and are not run again.
MANY = 200


@dataclass(frozen=True)
class Job:
    """What to run; both interpreters are built and installed here, unless they are given.

    ``wheel`` is a file that ``make wheel`` made: stock runs after its call, too.
    """

    packages: Sequence[Package]
    flavor: str
    jobs: int
    fresh: bool
    stock_python: str | None = None
    patched_python: str | None = None
    wheel: Path | None = None


@dataclass(frozen=True)
class Row:
    """A package, its runs by who ran, what came of them, and what was installed.

    ``trees`` is, by who ran, the tree that interpreter was built from; ``wheel`` begins the SHA-256
    of the wheel that stock ran with, '' where it did not.
    """

    package: Package
    runs: dict[str, list[Run]]
    verdicts: dict[str, Verdict]
    installed: list[str]
    trees: dict[str, str]
    wheel: str = ""


def home(project: Project) -> Path:
    """Return where the table, the programs and the plugin are."""
    return project.root / "tools" / "compat"


def place(project: Project, pin: Pin) -> Path:
    """Return where a pin's environments and results are."""
    return project.pin_build(pin) / "compat"


def entry(home: Path, package: Package) -> str:
    """Return what tells an entry, with the programs that it names, from all others."""
    if package.tests != "program":
        return package.digest
    text = b"".join((home / "programs" / name).read_bytes() for name in package.args)
    return f"{package.digest}-{hashlib.sha256(text).hexdigest()[:12]}"


class Store:
    """Kept runs, a file for each package and who ran it."""

    def __init__(self, root: Path, inside: Path, wheel: Path | None = None) -> None:
        self.root = root
        self.inside = inside
        self.wheel = hashlib.sha256(wheel.read_bytes()).hexdigest()[:12] if wheel else ""
        text = b"".join(path.read_bytes() for path in sorted(inside.glob("*.py")))
        self.plugin = hashlib.sha256(text).hexdigest()[:12]

    def path(self, package: Package, who: str) -> Path:
        """Return the file."""
        return self.root / f"{package.project}.{who}.json"

    def key(self, package: Package, who: str, side: Side) -> dict[str, str]:
        """Return what a kept run must have been made with, to count."""
        return {
            "package": entry(self.inside.parent, package),
            "edits": side.edits,
            "binary": side.binary,
            "plugin": self.plugin,
            **({"wheel": self.wheel} if who == WHEEL else {}),
        }

    def read(self, package: Package, who: str, side: Side) -> tuple[list[Run], list[str]]:
        """Return the runs and what was installed; nothing if they are of something else."""
        try:
            found = json.loads(self.path(package, who).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return [], []
        if found["key"] != self.key(package, who, side):
            return [], []
        return [Run.of_json(each) for each in found["runs"]], found["installed"]

    def write(
        self, package: Package, who: str, side: Side, runs: list[Run], installed: list[str]
    ) -> None:
        """Keep runs, whole or not at all."""
        record = {
            "key": self.key(package, who, side),
            "version": side.version,
            "tree": side.tree_id,
            "installed": installed,
            "runs": [each.as_json() for each in runs],
        }
        files.write(self.path(package, who), json.dumps(record, indent=1) + "\n")


class Session:
    """One pin's packages on its two interpreters."""

    def __init__(self, project: Project, pin: Pin, job: Job) -> None:
        _, stock, patched = interpreters.pair(
            project, pin, job.flavor, job.stock_python, job.patched_python, jobs=job.jobs
        )
        self.sides = {STOCK: stock, PATCHED: patched}
        self.home = home(project)
        self.work = project.make_dir(place(project, pin))
        self.store = Store(project.make_dir(self.work / "runs"), self.home / "inside", job.wheel)
        self.runs = (*RUNS, WHEEL) if job.wheel else RUNS
        self.log = self.work / "prepare.log"
        self.known = table.load(self.home / "packages.toml").differences
        self.job = job

    def rows(self) -> Iterator[Row]:
        """Run what was not run yet and yield a row per package, in turn."""
        for package in self.job.packages:
            yield self.row(package)

    def side(self, who: str) -> Side:
        """Return whose interpreter runs."""
        return self.sides[_interpreter(who)]

    def row(self, package: Package) -> Row:
        """Run a package's tests on all, again what differs, and compare."""
        kept = {}
        installed: list[str] = []
        for who in self.runs:
            runs, there = self.store.read(package, who, self.side(who))
            kept[who] = [] if self.job.fresh else runs
            installed = there or installed
        if not all(kept.values()):
            benches, installed = self.prepare(package)
            for who in self.runs:
                if not kept[who]:
                    console.note(f"{package.project}: {who} ...")
                    self._run(package, who, kept, benches, installed)
        found = {}
        for who in self.runs[1:]:
            verdict = self.judge(package, who, kept)
            if len(verdict.lines) <= MANY and self._again(verdict, who, kept):
                benches, installed = self.prepare(package)
                only = verdicts.suspects(kept[STOCK], kept[who])
                if any(verdicts.ends([*kept[STOCK], *kept[who]], each) for each in only):
                    only = []  # which of the tests lead to that end, nobody knows
                for _ in range(AGAIN):
                    for each in (STOCK, who):
                        self._run(package, each, kept, benches, installed, only)
                verdict = self.judge(package, who, kept)
            found[who] = verdict
        trees = {who: self.side(who).tree_id for who in self.runs}
        return Row(package, kept, found, installed, trees, self.store.wheel)

    def judge(self, package: Package, who: str, kept: dict[str, list[Run]]) -> Verdict:
        """Compare one's runs with stock's."""
        return verdicts.judge(package.project, who, kept[STOCK], kept[who], self.known)

    def _again(self, verdict: Verdict, who: str, kept: dict[str, list[Run]]) -> bool:
        if verdict.good or len(kept[who]) > AGAIN:
            return False
        return bool(verdicts.suspects(kept[STOCK], kept[who]))

    def _run(
        self,
        package: Package,
        who: str,
        kept: dict[str, list[Run]],
        benches: dict[str, Bench],
        installed: list[str],
        only: Sequence[str] = (),
    ) -> None:
        bench = benches[_interpreter(who)]
        if who == WHEEL:
            bench = replace(bench, wheel=self._wheel())
        kept[who].append(bench.run(package, who, only))
        self.store.write(package, who, self.side(who), kept[who], installed)

    def prepare(self, package: Package) -> tuple[dict[str, Bench], list[str]]:
        """Make a package's environments, the same on both sides, and unpack its tests."""
        path = self.work / "requirements" / f"{package.project}.txt"
        files.write(path, package.requirements)
        venvs = {
            name: environments.ensure(side, path, self.work, self.log)
            for name, side in self.sides.items()
        }
        environments.check_same(venvs)
        tests = self._unpacked(package) if package.copy else None
        benches = {name: Bench(venv.python, self.home, tests) for name, venv in venvs.items()}
        return benches, venvs[STOCK].packages

    def _wheel(self) -> Path:
        """Return where the wheel is unpacked, which is all that installing it would do."""
        assert self.job.wheel
        root = self.work / f"wheel-{self.store.wheel}"
        if not root.exists():
            fresh = root.with_name(root.name + ".new")
            with zipfile.ZipFile(self.job.wheel) as archive:
                archive.extractall(fresh)
            fresh.rename(root)
        return root

    def _unpacked(self, package: Package) -> Path:
        root = self.work / "sdist" / f"{package.project}-{package.version}-{package.digest}"
        if root.exists():
            return root
        fresh = root.with_name(root.name + ".new")
        proc.run(["rm", "-rf", fresh], cwd=self.work)
        archives = self.work / "archives"
        archives.mkdir(exist_ok=True)
        wanted = f"{package.project}=={package.version}"
        argv: list[str | Path] = [sys.executable, "-m", "unearth", "--no-binary"]
        argv += ["--download", archives, wanted]
        done = proc.run(argv, cwd=self.work, env=interpreters.clean(), log=self.log)
        path = self.work / json.loads(done.stdout)["local_path"]
        if not path.name.endswith(".tar.gz"):
            raise CpatchError(f"the sdist of {package.project} is {path.name}", wanted=".tar.gz")
        fresh.mkdir(parents=True)
        running.unpack(path, package, fresh)
        fresh.rename(root)
        return root


def _interpreter(who: str) -> str:
    return STOCK if who in (STOCK, WHEEL) else PATCHED


def kept_rows(project: Project, pin: Pin) -> list[Row]:
    """Return what is kept of a pin, of whatever interpreters, as rows: for the page."""
    known = table.load(home(project) / "packages.toml")
    rows = []
    for package in known.packages:
        wanted = entry(home(project), package)
        row = _kept(place(project, pin) / "runs", package, wanted, known)
        if row:
            rows.append(row)
    return rows


def _kept(root: Path, package: Package, wanted: str, known: Table) -> Row | None:
    runs: dict[str, list[Run]] = {}
    trees = {}
    wheel = ""
    installed: list[str] = []
    for who in (STOCK, *COMPARED):
        try:
            text = (root / f"{package.project}.{who}.json").read_text(encoding="utf-8")
        except OSError:
            if who == WHEEL:
                continue
            return None
        found = json.loads(text)
        if found["key"]["package"] != wanted:
            return None
        runs[who] = [Run.of_json(each) for each in found["runs"]]
        trees[who] = found["tree"]
        installed = found["installed"]
        wheel = found["key"].get("wheel", wheel)
    told = {
        who: verdicts.judge(package.project, who, runs[STOCK], runs[who], known.differences)
        for who in COMPARED
        if who in runs
    }
    return Row(package, runs, told, installed, trees, wheel)
