"""All rows of a pin: what is installed for them, built and loaded; and what is kept of it."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cpatch.base import console, locks, proc
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import build, flavors, host
from cpatch.headers import building, judging, layouts, table
from cpatch.headers.building import Bench, Built, Interpreter, Made
from cpatch.headers.judging import CALL, PATCHED, SETS, STOCK, Outcome, Run
from cpatch.headers.table import Row, Table
from cpatch.measuring import environments, interpreters
from cpatch.series import apply

#: Seconds that a module may work; it takes less than one.
LIMIT = 120

#: What holds a run that is kept.
NAME = "headers.json.gz"


@dataclass(frozen=True)
class Result:
    """A row, what became of it, and what is said of that."""

    outcome: Outcome
    verdict: judging.Verdict


@dataclass
class Session:
    """The rows of a pin, on interpreters that are there; nothing is installed."""

    project: Project
    pin: Pin
    jobs: int
    table: Table
    interpreters: dict[str, Interpreter]
    made: dict[str, Made | str] = field(default_factory=dict)
    crates: Path | str = "no crates"

    def rows(self, rows: Sequence[Row]) -> Iterator[Result]:
        """Build and run each; in order."""
        home = place(self.project, self.pin)
        with (
            tempfile.TemporaryDirectory(dir=self.project.make_dir(home)) as work,
            ThreadPoolExecutor(max(1, self.jobs)) as pool,
            console.progress(f"test headers: {self.pin.branch}") as advance,
        ):
            bench = Bench(self.project.root / "tools" / "headers", Path(work))
            self._generate(bench, rows)
            done = pool.map(lambda each: self._row(bench, *each), enumerate(rows))
            for number, outcome in enumerate(done):
                advance(number + 1, len(rows))
                verdict = judging.judge(outcome, self.table.differences, self.pin.branch)
                yield Result(outcome, verdict)

    def _generate(self, bench: Bench, rows: Sequence[Row]) -> None:
        for row in rows:
            tool = row.group.tool
            if tool in table.BUILDERS or tool in self.made:
                continue
            python = self.interpreters[STOCK].tools
            if python is None or (tool == "swig" and not shutil.which("swig")):
                self.made[tool] = f"no {tool} here"
                continue
            out = bench.work / tool
            out.mkdir()
            try:
                self.made[tool] = building.generate(row, bench, python, out)
            except ValueError as error:
                raise CpatchError(f"{tool} writes no source: {error}") from None

    def _missing(self, row: Row) -> str:
        """Say why a row cannot be built here."""
        tool, compiler = row.group.tool, row.compiler
        if compiler and not shutil.which(compiler):
            return f"no {compiler} here"
        if tool in ("pip", "maturin") and not all(x.tools for x in self.interpreters.values()):
            return "no environment with setuptools and maturin"
        if tool in table.RUST:
            if not shutil.which("cargo"):
                return "no cargo here"
            return self.crates if isinstance(self.crates, str) else ""
        made = self.made.get(tool)
        return made if isinstance(made, str) else ""

    def _row(self, bench: Bench, number: int, row: Row) -> Outcome:
        if why := self._missing(row):
            return Outcome(row, skipped=why)
        built: dict[str, Built] = {}
        runs: dict[str, dict[str, Run]] = {}
        for name, headers in self.interpreters.items():
            out = bench.work / f"{number}-{name}"
            out.mkdir()
            built[name] = self._build(row, bench, headers, out)
            if built[name].ok and row.group.loads:
                runs[name] = self._load(bench, row.group.module, out)
            shutil.rmtree(out)
        return Outcome(row, "", built, runs)

    def _build(self, row: Row, bench: Bench, headers: Interpreter, out: Path) -> Built:
        if row.group.tool == "structures":
            return layouts.compile_row(row, self.interpreters[STOCK], headers, out)
        if row.group.tool == "pip":
            return building.wheel(row, bench, headers, out)
        if row.group.tool in table.RUST:
            assert isinstance(self.crates, Path)
            return building.cargo(row, bench, headers, self.crates, out)
        made = self.made.get(row.group.tool)
        if not isinstance(made, Made):
            made = Made([str(bench.sources / row.group.source)], row.group.module)
        return building.compile_row(row, bench, headers, made, out)

    def _load(self, bench: Bench, module: str, out: Path) -> dict[str, Run]:
        """Load what was built into stock, into patched, and into that one with the call."""
        script = bench.home / "probe.py"
        both = [(STOCK, STOCK, []), (PATCHED, PATCHED, []), (CALL, PATCHED, ["--call"])]
        # cffi's modules need a part of cffi itself.
        pythons = {name: each.tools or each.python for name, each in self.interpreters.items()}
        return {
            who: load([pythons[name], script, module, out, *options], out)
            for who, name, options in both
        }


def load(argv: Sequence[str | Path], work: Path) -> Run:
    """Run probe.py to its end, or for LIMIT seconds."""
    env = {**flavors.clean_environment(os.environ), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        status = proc.limited(
            [os.fspath(each) for each in argv],
            cwd=work,
            env=env,
            stdout=out,
            stderr=err,
            seconds=LIMIT,
        )
        for stream in (out, err):
            stream.seek(0)
        printed, said = (each.read().decode("utf-8", "replace") for each in (out, err))
    said = said.replace(f"{work}/", "")[-2000:]
    if status is None:
        return Run(124, said=f"{said}\nno end after {LIMIT} s")
    try:
        found = json.loads(printed.splitlines()[-1])
    except (ValueError, IndexError):
        return Run(status, said=f"{said}{printed[-500:]}")
    return Run(status, found["does"], found["drift"], said)


def place(project: Project, pin: Pin) -> Path:
    """Return where a pin's environments, libraries and results are."""
    return project.pin_build(pin) / "headers"


def load_table(project: Project) -> Table:
    """Read the project's table."""
    return table.load(project.root / "tools" / "headers" / "rows.toml")


def built(project: Project, pin: Pin, jobs: int) -> dict[str, Interpreter]:
    """Return both interpreters where they were built, with the headers of their trees."""
    found = {}
    for name in SETS:
        made = build.ensure_built(project, pin, name, flavors.get("release"), jobs=jobs)
        source = apply.ensure_tree(project, pin, name).path
        include = (source / "Include", made.path.parent)
        found[name] = Interpreter(name, made.path, include)
    return found


def quick(project: Project, pin: Pin, jobs: int) -> Iterator[Result]:
    """Run the rows of every ``make test``; what is not here is skipped."""
    known = load_table(project)
    session = Session(project, pin, jobs, known, built(project, pin, jobs))
    yield from session.rows(known.rows(pin.branch, quick=True))


def every(
    project: Project, pin: Pin, jobs: int, only: Sequence[str] = ()
) -> tuple[list[Result], dict[str, Any]]:
    """Install what is missing, run all rows or those that have one of some words in their names.

    Returns them, and what is kept of them. CpatchError for a word that no row has. Of two at once
    the second waits.
    """
    with locks.alone_in(project.make_dir(place(project, pin))):
        return _every(project, pin, jobs, only)


def _every(
    project: Project, pin: Pin, jobs: int, only: Sequence[str]
) -> tuple[list[Result], dict[str, Any]]:
    known = load_table(project)
    rows = _chosen(known.rows(pin.branch, quick=False), only)
    begun = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    home = project.make_dir(place(project, pin))
    log = project.make_dir(project.logs(pin)) / "headers.log"
    log.unlink(missing_ok=True)
    _install(known, log)
    _, *sides = interpreters.pair(project, pin, "release", None, None, jobs=jobs)
    tools = project.root / "tools" / "headers" / "requirements.txt"
    both = {}
    versions: list[str] = []
    for side in sides:
        venv = environments.ensure(side, tools, home, log)
        root = Path(side.python).parents[1]
        include = tuple((root / "include").glob("python3*"))
        both[side.name] = Interpreter(side.name, Path(side.python), include, venv.python)
        versions = venv.packages
    needed = any(row.group.crates for row in rows)
    crates = _crates(known, home, log) if needed else "no crates"
    session = Session(project, pin, jobs, known, both, crates=crates)
    results = list(session.rows(rows))
    compilers = {row.compiler for row in rows if row.compiler} | {"swig", "cargo"}
    record = {
        "pin": pin.branch,
        "begun": begun,
        "sides": {side.name: side.made_from for side in sides},
        "programs": {each: _version(each) for each in sorted(compilers) if shutil.which(each)},
        "packages": versions,
        "rows": [record_of(each) for each in results],
    }
    return results, record


def _chosen(rows: Sequence[Row], words: Sequence[str]) -> list[Row]:
    """Return the rows that have one of some words in their names, all for none."""
    for word in words:
        if not any(word in row.title for row in rows):
            titles = dict.fromkeys(row.group.title for row in rows)
            raise CpatchError(
                "no row has such a word in its name",
                wanted=f"a part of: {'; '.join(titles)}; or of what is said beside that",
                got=word,
                fix="make test ARGS='--only headers-all', for all rows",
                code=USAGE,
            )
    return [row for row in rows if not words or any(word in row.title for word in words)]


def record_of(result: Result) -> dict[str, Any]:
    """Return what is kept of a row."""
    outcome, row = result.outcome, result.outcome.row
    return {
        "group": row.group.title,
        "compiler": row.compiler,
        "variant": row.variant,
        "tool": row.group.tool,
        "flags": row.flags,
        "broken": bool(row.group.broken),
        "skipped": outcome.skipped,
        "lines": list(result.verdict.lines),
        "known": [[line, why.cause] for line, why in result.verdict.known],
        "complaints": {name: each.complaints for name, each in outcome.built.items()},
        "structures": {name: len(each.structures) for name, each in outcome.built.items()},
        "runs": {
            name: {who: asdict(run) for who, run in runs.items()}
            for name, runs in outcome.runs.items()
        },
    }


def write(record: Mapping[str, Any], root: Path) -> Path:
    """Keep a record in a folder, packed; equal records are equal files."""
    root.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, sort_keys=True)
    path = root / NAME
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return path


def read(root: Path) -> dict[str, Any]:
    """Return the record that a folder keeps."""
    found: dict[str, Any] = json.loads(gzip.decompress((root / NAME).read_bytes()))
    return found


def _version(program: str) -> str:
    option = {"tcc": "-v", "swig": "-version"}.get(program, "--version")
    said = proc.run([program, option], cwd=Path("/"), check=False).stdout.strip()
    return (said.splitlines() or ["unknown"])[0]


def _install(known: Table, log: Path) -> None:
    """Let root's apt bring the programs that are not here; their rows are skipped otherwise."""
    missing = [
        host.Finding(program, package, False, "")
        for program, package in known.needs.items()
        if not shutil.which(program)
    ]
    if missing and os.geteuid() == 0 and host.is_debian():
        console.note("installing, as root: " + ", ".join(each.what for each in missing))
        host.install(missing, log)


def _crates(known: Table, home: Path, log: Path) -> Path | str:
    """Return a folder with the libraries that all rows of the table name, or why there is none.

    Debian's packages are unpacked here and not installed: a hundred others would come with them.
    """
    names = sorted({name for group in known.groups for name in group.crates})
    root = home / "crates"
    target = root / "usr" / "share" / "cargo" / "registry"
    done = root / "done.json"
    if done.exists() and json.loads(done.read_text(encoding="utf-8")) == names:
        return target
    if not host.is_debian():
        return "crates come from Debian's packages"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    packages = [f"librust-{name}-dev" for name in names]
    try:
        proc.run(["apt-get", "download", *packages], cwd=root, log=log)
        for path in root.glob("*.deb"):
            proc.run(["dpkg-deb", "-x", path, root], cwd=root, log=log)
    except CpatchError as error:
        return f"no crates: {error}".splitlines()[0]
    done.write_text(json.dumps(names), encoding="utf-8")
    return target
