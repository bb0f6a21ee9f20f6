"""Packages on both interpreters: environments, runs that are kept, and what came of them."""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cpatch.base import console, files, locks, proc
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.compat import running, table, verdicts
from cpatch.compat.running import CALLED, LIMIT, Bench, Run
from cpatch.compat.table import COMPARED, PATCHED, RUNS, STOCK, WHEEL, Package
from cpatch.compat.verdicts import Verdict
from cpatch.measuring import environments, interpreters
from cpatch.measuring.interpreters import Side

#: How often what differs is run again, on stock and on the other, before it counts.
AGAIN = 2
#: More tests than that are no chance, and are not run again.
MANY = 200

#: A package's environments, by interpreter, and what is installed in all of them.
Ready = tuple[dict[str, Bench], list[str]]


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
    of the wheel that stock ran with, '' where it did not; ``flavor`` is the build's.
    """

    package: Package
    runs: dict[str, list[Run]]
    verdicts: dict[str, Verdict]
    installed: list[str]
    trees: dict[str, str]
    wheel: str = ""
    flavor: str = "release"


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
        """Return the runs and what was installed.

        Nothing if they are of something else, or were cut short and may take longer now.
        """
        found = _record(self.path(package, who))
        if not found or found["key"] != self.key(package, who, side):
            return [], []
        runs = [Run.of_json(each) for each in found["runs"]]
        if any(run.status == LIMIT and run.seconds < package.seconds for run in runs):
            return [], []
        return runs, found["installed"]

    def write(
        self, package: Package, who: str, side: Side, runs: list[Run], installed: list[str]
    ) -> None:
        """Keep runs, whole or not at all."""
        record = {
            "key": self.key(package, who, side),
            "version": side.version,
            "tree": side.tree_id,
            "flavor": interpreters.flavor_of(side.flags),
            "installed": installed,
            "runs": [each.as_json() for each in runs],
        }
        files.write(self.path(package, who), json.dumps(record, indent=1) + "\n")


class Session:
    """One pin's packages on its two interpreters."""

    def __init__(self, project: Project, pin: Pin, job: Job) -> None:
        if job.wheel:
            _check_wheel(job.wheel)
        _, stock, patched = interpreters.pair(
            project, pin, job.flavor, job.stock_python, job.patched_python, jobs=job.jobs
        )
        self.sides = {STOCK: stock, PATCHED: patched}
        self.home = home(project)
        self.work = project.make_dir(place(project, pin))
        self.store = Store(project.make_dir(self.work / "runs"), self.home / "inside", job.wheel)
        self.runs = (*RUNS, WHEEL) if job.wheel else RUNS
        self.log = self.work / "prepare.log"
        self.known = table.load(self.home / "packages.toml").known(pin.branch)
        self.job = job

    def rows(self) -> Iterator[Row]:
        """Run what was not run yet and yield a row per package, in turn."""
        for package in self.job.packages:
            # Another driver waits, and finds it done.
            with locks.alone_in(self.work):
                row = self.row(package)
            yield row

    def side(self, who: str) -> Side:
        """Return whose interpreter runs."""
        return self.sides[_interpreter(who)]

    def row(self, package: Package, ready: Ready | None = None) -> Row:
        """Run a package's tests on all, again what differs, and compare.

        Its environments are made ready when there is something to run. Then what is kept of
        others does not count.
        """
        kept, installed = self._kept(package, ready)
        same = all(each == installed[0] for each in installed)
        if not ready and not (same and all(kept.values())):
            return self.row(package, self.prepare(package))
        for who in self.runs:
            if ready and not kept[who]:
                console.note(f"{package.project}: {who} ...")
                self._run(package, who, kept, ready)
        for who in self.runs[1:]:
            if self._again(package, who, kept):
                if not ready:
                    return self.row(package, self.prepare(package))
                only = verdicts.suspects(kept[STOCK], kept[who])
                if any(verdicts.ends([*kept[STOCK], *kept[who]], each) for each in only):
                    only = []  # which of the tests lead to that end, nobody knows
                for _ in range(AGAIN):
                    for each in (STOCK, who):
                        self._run(package, each, kept, ready, only)
        # Only now: each is compared with all runs of stock, as on the page.
        found = {who: self.judge(package, who, kept) for who in self.runs[1:]}
        trees = {who: self.side(who).tree_id for who in self.runs}
        flavor = interpreters.flavor_of(self.sides[PATCHED].flags)
        there = ready[1] if ready else installed[0]
        return Row(package, kept, found, there, trees, self.store.wheel, flavor)

    def _kept(
        self, package: Package, ready: Ready | None
    ) -> tuple[dict[str, list[Run]], list[list[str]]]:
        """Return the kept runs that count, by who ran, and what each had installed."""
        kept = {}
        there = []
        for who in self.runs:
            runs, installed = self.store.read(package, who, self.side(who))
            void = self.job.fresh or (ready and installed != ready[1])
            kept[who] = [] if void else runs
            there.append(installed)
        return kept, there

    def judge(self, package: Package, who: str, kept: dict[str, list[Run]]) -> Verdict:
        """Compare one's runs with stock's."""
        return verdicts.judge(package.project, who, kept[STOCK], kept[who], self.known)

    def _again(self, package: Package, who: str, kept: dict[str, list[Run]]) -> bool:
        verdict = self.judge(package, who, kept)
        if verdict.good or len(verdict.lines) > MANY or len(kept[who]) > AGAIN:
            return False
        return bool(verdicts.suspects(kept[STOCK], kept[who]))

    def _run(
        self,
        package: Package,
        who: str,
        kept: dict[str, list[Run]],
        ready: Ready,
        only: Sequence[str] = (),
    ) -> None:
        benches, installed = ready
        bench = benches[_interpreter(who)]
        if who == WHEEL:
            bench = replace(bench, wheel=self._wheel())
        kept[who].append(bench.run(package, who, only))
        self.store.write(package, who, self.side(who), kept[who], installed)

    def prepare(self, package: Package) -> Ready:
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


def _check_wheel(path: Path) -> None:
    """Raise CpatchError for a file that is not the wheel whose call is made."""
    names = []
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    if not any(name.startswith(f"{CALLED[WHEEL]}/") for name in names):
        raise CpatchError(
            f"{path} is not the wheel",
            wanted=f"a .whl with {CALLED[WHEEL]}/",
            got="no archive" if not names else ", ".join(sorted(names)[:3]),
            fix="make wheel",
            code=USAGE,
        )


def _record(path: Path) -> dict[str, Any]:
    """Return what is kept in a file; nothing if there is none, or it is cut short."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def kept_rows(project: Project, pin: Pin) -> list[Row]:
    """Return what is kept of a pin, of whatever interpreters, as rows: for the page.

    Says what is kept and does not count, and why. CpatchError when nothing does.
    """
    known = table.load(home(project) / "packages.toml")
    root = place(project, pin) / "runs"
    rows = []
    for package in known.packages:
        found = {who: _record(root / f"{package.project}.{who}.json") for who in (STOCK, *COMPARED)}
        wanted = entry(home(project), package)
        void = {who: why for who in found if (why := _void(found[who], wanted, found[STOCK]))}
        good = {who: record for who, record in found.items() if who not in void}
        whole = all(who in good for who in RUNS)
        for who, why in void.items():
            if found[who] or (not whole and who in RUNS and any(found.values())):
                console.note(f"{package.project} is left out, {who}: {why}")
        if whole:
            rows.append(_row(package, good, known.known(pin.branch)))
    if not rows:
        raise CpatchError(
            f"no package's runs are kept of {pin.branch}",
            wanted=f"runs of {', '.join(RUNS)} in {project.show(root)}",
            fix=f"make compat PIN={pin.branch}",
        )
    return rows


def _void(record: Mapping[str, Any], wanted: str, stock: Mapping[str, Any]) -> str:
    """Return why a record does not count beside stock's, '' if it does."""
    if not record:
        return "it has not run"
    if record["key"]["package"] != wanted:
        return "its entry is another one since"
    if record["key"].get("edits"):
        return "the sources had edits that are not committed"
    if stock and record["installed"] != stock["installed"]:
        return "other packages were installed than for stock"
    return ""


def _row(
    package: Package, found: Mapping[str, dict[str, Any]], known: Sequence[table.Difference]
) -> Row:
    runs = {who: [Run.of_json(each) for each in found[who]["runs"]] for who in found}
    told = {
        who: verdicts.judge(package.project, who, runs[STOCK], runs[who], known)
        for who in COMPARED
        if who in runs
    }
    return Row(
        package=package,
        runs=runs,
        verdicts=told,
        installed=found[STOCK]["installed"],
        trees={who: found[who]["tree"] for who in found},
        wheel=found[WHEEL]["key"]["wheel"] if WHEEL in found else "",
        flavor=found[PATCHED].get("flavor", "release"),
    )
