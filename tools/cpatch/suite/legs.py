"""The legs of ``test``: what each runs, on which interpreter, and what it counts."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cpatch.base import console, proc
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import build, flavors
from cpatch.exits import fuzz
from cpatch.headers import session as headers_session
from cpatch.series import apply, parts
from cpatch.suite import (
    audit_leg,
    choice,
    expected,
    header_rows,
    pytest_runs,
    regrtest,
    stock_headers,
)
from cpatch.suite.result import Result

# One hung test may not cost the whole run. The slowest file takes a third of this.
TIMEOUT = ("--timeout", "1200")


@dataclass(frozen=True)
class Context:
    """What every leg needs to know."""

    project: Project
    pin: Pin
    jobs: int
    arguments: tuple[str, ...] = ()  # for regrtest, instead of the whole suite
    stock: bool = False  # run the suite on stock, to make or mend the list
    tree: str = "patched"  # or the one of some parts

    def listed_file(self, what: str) -> Path:
        """The list of tests that fail, with the reason: on ``stock``, or of something else."""
        return self.project.root / "tools" / "expected" / f"{self.pin.branch}-{what}.txt"

    def log(self, name: str, suffix: str = "log") -> Path:
        """Where a leg's output is kept."""
        return self.project.make_dir(self.project.logs(self.pin)) / f"test-{name}.{suffix}"

    def in_process(self) -> list[str]:
        """Those of ``ours`` that do most of their work in their own process, not in children."""
        return [name for name in self.ours() if name not in choice.CHILDREN]

    def disturbed(self) -> list[str]:
        """Those of ``ours`` that a PYTHON* variable changes anything for."""
        return [name for name in self.ours() if name not in choice.UNDISTURBED]

    def repeated(self) -> list[str]:
        """What the debug build runs again and again, to see what leaks."""
        return [*self.in_process(), *choice.LEAKS]

    def core(self) -> list[str]:
        """Those of the core files that this CPython has."""
        source = apply.ensure_tree(self.project, self.pin, self.tree).path
        return choice.there(choice.CORE, source / "Lib" / "test")

    def ours(self) -> list[str]:
        """The names of the tree's test files that are ours, as regrtest knows them."""
        return parts.own_tests(self.project, self.pin, self.tree)


#: A leg and what ``--only`` calls it.
Row = tuple[str, Callable[[Context], Result]]


@dataclass(frozen=True)
class Regrtest:
    """A leg that is one run of regrtest; ``select`` returns its arguments, None for nothing."""

    name: str
    flavor: str
    select: Callable[[Context], list[str] | None]
    env: Mapping[str, str] = field(default_factory=dict)
    on_stock: bool = True  # whether stock has these tests at all
    count_files: bool = False  # repeated runs (-R) would count each case several times
    list_of: str = "stock"  # which list says what may fail
    known: str = "fails on stock too, as listed"  # what is said of that
    crowd: int = 1  # processes for each job: tests that wait leave the processor to others

    def run(self, context: Context) -> Result:
        """Run it on patched, failures a second time alone, what remains on stock; then judge."""
        result = Result(self.name)
        arguments = self.select(context)
        if arguments is None:
            result.notes.append("nothing to run")
            return result
        tree = "stock" if context.stock else context.tree
        outcome = self.on(context, tree, arguments, self.name)
        result.passed, result.skipped = outcome.passed, outcome.skipped
        flaky, failed = self._again(context, tree, outcome)
        result.passed += len(flaky)
        for case in flaky:
            result.tell_flaky(case)
        result.notes += outcome.leaks
        if outcome.env_changed:
            result.notes.append("altered the environment: " + ", ".join(outcome.env_changed))
        listed = self._listed(context, outcome) if self.on_stock else []
        if context.stock:
            verdict = expected.judge(listed, failed, failed)
        else:
            verdict = expected.judge(listed, failed, self.stock(context, failed, listed))
        result.verdict = verdict
        result.failed = len(verdict.counted)
        result.skipped += len(verdict.known)
        where = context.project.show(context.listed_file(self.list_of))
        for case in verdict.regressions:
            result.tell_failed(f"{case} (stock does not fail it)")
        for case in verdict.unlisted:
            result.tell_failed(
                f"environment, not on the list: {case} fails on stock too; find out why and "
                f"add it to {where} with the reason above it"
            )
        result.notes += [f"{self.known}: {case}" for case in verdict.known]
        result.notes += [
            f"listed, but passes: {line.pattern}; take it out of {where}" for line in verdict.mended
        ]
        if result.failed:
            result.notes.append(f"log: {context.project.show(context.log(self.name))}")
        return result

    def on(
        self, context: Context, tree: str, arguments: list[str], name: str, jobs: int | None = None
    ) -> regrtest.Outcome:
        """Run it on *tree*, with a log of its own *name*."""
        flavor = flavors.get(self.flavor)
        built = build.ensure_built(
            context.project, context.pin, self.interpreter(tree), flavor, jobs=context.jobs
        )
        resources = regrtest.RESOURCES
        processes = jobs or self.crowd * context.jobs
        argv = ["-u", resources, f"-j{processes}", "-W", *TIMEOUT, *arguments]
        with console.progress(f"test {name}: {tree} {self.flavor}") as advance:
            return regrtest.run(
                (built.path, *self.program(context, tree)),
                argv,
                log=context.log(name),
                junit=None if self.count_files else context.log(name, "xml"),
                environ=os.environ,
                flavor=flavor,
                env=self.env,
                on_progress=lambda done, total, file: advance(done, total),
            )

    def interpreter(self, tree: str) -> str:
        """Whose interpreter stands for *tree*."""
        return tree

    def program(self, context: Context, tree: str) -> Sequence[str]:
        """What that interpreter is told to run for *tree*."""
        return regrtest.PROGRAM

    def _again(
        self, context: Context, tree: str, outcome: regrtest.Outcome
    ) -> tuple[list[str], set[str]]:
        """Run failed files once more, one at a time: a timing test fails on a busy machine."""
        files = [name for name in outcome.failures if name != "regrtest"]
        broken = outcome.failures.get("regrtest", set())
        if not files:
            return [], set(broken)
        arguments = [*self._options(context), *files]
        second = self.on(context, tree, arguments, f"{self.name}-{tree}-again", jobs=1)
        first_failed = outcome.failed - broken
        still = second.failed
        # A crash is never bad luck. A file that fails as a whole stands for all its cases.
        still |= {name for name in files if outcome.crashed(name)}
        whole = {name for name in files if name in still}
        failed = still | {
            case
            for case in first_failed
            if regrtest.file_of(case) in whole or any(case.startswith(f"{n}.") for n in whole)
        }
        return sorted(first_failed - failed), failed | broken

    def _options(self, context: Context) -> list[str]:
        """What the leg's arguments say of each file, whichever that is."""
        return regrtest.options(self.select(context) or [])

    def _listed(self, context: Context, outcome: regrtest.Outcome) -> list[expected.Listed]:
        """The lines of the list that this run could have confirmed."""
        # Of a package that is run file by file, "test.test_asyncio.test_events", the list may name
        # any part.
        ran = {regrtest.file_of(name) for name in outcome.finished}
        lines = expected.read(context.listed_file(self.list_of))
        return [line for line in lines if regrtest.file_of(line.pattern) in ran]

    def stock(self, context: Context, failed: set[str], listed: list[expected.Listed]) -> set[str]:
        """What of *failed* and *listed* fails on stock, in the same environment."""
        files = {regrtest.file_of(case) for case in failed}
        files |= {regrtest.file_of(line.pattern) for line in listed}
        files = {name for name in files if name.isidentifier()} - set(context.ours())
        if not files or not self.on_stock:
            return set()
        arguments = [*self._options(context), *sorted(files)]
        outcome = self.on(context, "stock", arguments, f"{self.name}-stock")
        return self._again(context, "stock", outcome)[1]


def ours(context: Context) -> list[str] | None:
    """Select the overlay's own tests."""
    return context.ours() or None


def _whole(context: Context) -> list[str]:
    # Ours have a leg of their own, and stock does not have them.
    own = [] if context.stock else context.ours()
    return ["-x", *own] if own else []


def _suite(context: Context) -> list[str]:
    return list(context.arguments) or [choice.NO_CPU, *choice.BUILDS_CPYTHON, *_whole(context)]


def _once(context: Context) -> list[str]:
    left_out = {*context.repeated(), *choice.WAITING}
    return [name for name in (*context.ours(), *context.core()) if name not in left_out]


def driver(context: Context) -> Result:
    """Run the driver's tests, ruff, mypy and the lint of the series."""
    result = Result("driver")
    root = context.project.root
    env = flavors.changes(flavors.clean_environment(os.environ), os.environ)
    log = context.log("driver")
    log.unlink(missing_ok=True)
    pytest_runs.Run(
        title="test driver: pytest",
        python=sys.executable,
        tests="tools/tests",
        cwd=root,
        env=env,
        log=log,
        junit=context.log("driver", "xml"),
        jobs=context.jobs,
    ).add_to(result)
    checks = {
        "ruff": ["-m", "ruff", "check", "tools"],
        "mypy": ["-m", "mypy"],
        "lint": ["-m", "cpatch", "lint", "--pin", context.pin.branch],
    }
    for name, argv in checks.items():
        command = [sys.executable, *argv]
        title = f"test driver: {name}"
        done = proc.step(title, command, cwd=root, env=env, log=log, check=False)
        result.passed += done.ok
        if not done.ok:
            result.failed += 1
            result.tell_failed(f"{name}; its last lines:", proc.tail(log))
    if result.failed:
        result.notes.append(f"log: {context.project.show(log)}")
    return result


def lint(context: Context) -> Result:
    """Check the series of a pin."""
    argv = [sys.executable, "-m", "cpatch", "lint", "--pin", context.pin.branch]
    env = flavors.changes(flavors.clean_environment(os.environ), os.environ)
    log = context.log("lint")
    log.unlink(missing_ok=True)
    title = f"test lint: {context.pin.branch}"
    done = proc.step(title, argv, cwd=context.project.root, env=env, log=log, check=False)
    result = Result("lint", passed=int(done.ok), failed=int(not done.ok))
    if not done.ok:
        result.tell_failed("its last lines:", proc.tail(log))
    return result


def audit(context: Context) -> Result:
    """Let the auditor's own tests read this interpreter."""
    result = Result("audit")
    log = context.log("audit")
    for run in audit_leg.runs(context.project, context.pin, context.jobs, log):
        run.add_to(result)
    if result.failed:
        result.notes.append(f"log: {context.project.show(log)}")
    return result


def headers(context: Context) -> Result:
    """Load what either set of headers built into either interpreter; the quick rows of all."""
    log = context.log("stock-headers")
    passed, failed, skipped = stock_headers.check(context.project, context.pin, context.jobs, log)
    result = Result("headers", passed, failed, skipped)
    if failed:
        result.tell_failed(f"log: {context.project.show(log)}; its last lines:", proc.tail(log))
    header_rows.add(headers_session.quick(context.project, context.pin, context.jobs), result)
    return result


def exits(context: Context) -> Result:
    """Run the exit fuzzer's programs of the day, which have the date as their seed."""
    result = Result("fuzz")
    job = fuzz.Job(jobs=context.jobs, seed=fuzz.today())
    summary = fuzz.run(fuzz.settings(context.project, context.pin, job))
    result.passed, result.failed = summary.clean, len(summary.failed)
    result.skipped = summary.skipped.total()
    result.notes = [fuzz.again(job.seed), fuzz.totals(summary)]
    result.matters = fuzz.failures(summary, job.seed)
    return result


OURS: Row = ("ours", Regrtest("ours", "release", ours, on_stock=False).run)
AUDIT: Row = ("audit", audit)

# In the order they run; the quick ones first. The name before the colon is what --only takes.
LEGS: tuple[Row, ...] = (
    ("driver", driver),
    OURS,
    AUDIT,
    ("headers", headers),
    ("fuzz", exits),
    ("suite", Regrtest("suite", "release", _suite, crowd=2).run),
    (
        "off",
        Regrtest(
            "off",
            "release",
            lambda c: [*c.disturbed(), *c.core()],
            env={"PYTHONIMMORTALHEAP": "0"},
        ).run,
    ),
    # In the debug build a file runs once, or six times; those of choice.WAITING do not run there.
    ("debug", Regrtest("debug", "debug", _once).run),
    (
        "debug",
        Regrtest(
            "leaks",
            "debug",
            # What takes a minute once takes a quarter of an hour so.
            lambda c: ["-R", "3:3", choice.NO_CPU, *c.repeated()],
            count_files=True,
        ).run,
    ),
)

# All of CPython's suite: what needs the resource "cpu", and what builds another CPython.
WHOLE: Row = ("suite-whole", Regrtest("suite-whole", "release", _whole).run)

# What runs of a pin that is not the default one: all that is ours, and where that shows first.
OTHER_PINS: tuple[Row, ...] = (
    ("lint", lint),
    OURS,
    AUDIT,
    ("core", Regrtest("core", "release", lambda c: c.core()).run),
)


def run_leg(leg: Callable[[Context], Result], name: str, context: Context) -> Result:
    """Run one leg; what keeps it from running at all is one failure of it, and others go on."""
    start = time.monotonic()
    try:
        result = leg(context)
    except CpatchError as error:
        result = Result(name, failed=1, matters=error.render().splitlines())
    result.seconds = time.monotonic() - start
    return result
