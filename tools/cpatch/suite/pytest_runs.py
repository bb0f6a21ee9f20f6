"""One run of pytest in a leg: what it counts, what failed with its message, what fails again."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import proc
from cpatch.suite.result import Result

#: Lines of a failure's message that the summary repeats; the log has all of it.
_LINES = 3


@dataclass(frozen=True)
class Run:
    """Tests for an interpreter that has pytest: ``tests`` are paths from the directory ``cwd``."""

    title: str
    python: str | Path
    tests: str
    cwd: Path
    env: Mapping[str, str | None]
    log: Path
    junit: Path
    jobs: int = 1

    def add_to(self, result: Result) -> None:
        """Run them and add what pytest said to the leg's result, which names what failed.

        What fails runs once more, alone: a timing test fails on a busy machine. What passes then
        is a note and counts as passed, as in the legs that regrtest runs.
        """
        cache = self.junit.with_suffix(".cache")
        argv = ["-m", "pytest", "-q", "-o", f"cache_dir={cache}", self.tests]
        ok, cases = self._once(argv if self.jobs == 1 else [*argv, "-n", str(self.jobs)])
        mended: set[str] = set()
        if failed := _named(cases, "failed"):
            ok, again = self._once([*argv, "--last-failed", "--last-failed-no-failures", "none"])
            mended = failed & _named(again, "passed") - _named(again, "failed")
        _add(cases, mended, result)
        if not ok and not failed - mended:  # it crashed, or there were no tests
            result.failed += 1
            result.tell_failed(f"{self.tests}; its last lines:", proc.tail(self.log))

    def _once(self, argv: Sequence[str]) -> tuple[bool, list[tuple[str, ET.Element]]]:
        self.junit.unlink(missing_ok=True)
        command = [self.python, *argv, f"--junit-xml={self.junit}"]
        done = proc.step(self.title, command, cwd=self.cwd, env=self.env, log=self.log, check=False)
        return done.ok, read(self.junit) if self.junit.exists() else []


def read(junit: Path) -> list[tuple[str, ET.Element]]:
    """Return the cases of pytest's report, with their names."""
    root = ET.parse(junit).getroot()  # noqa: S314 - our own pytest wrote it
    return [(f"{c.get('classname')}::{c.get('name')}", c) for c in root.iter("testcase")]


def _state(case: ET.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def _named(cases: Sequence[tuple[str, ET.Element]], state: str) -> set[str]:
    return {name for name, case in cases if _state(case) == state}


def _add(cases: Sequence[tuple[str, ET.Element]], mended: set[str], result: Result) -> None:
    for name, case in cases:
        state = _state(case)
        if state == "failed":
            what = case.find("failure")
            what = case.find("error") if what is None else what
            message = (what.get("message") or "").splitlines() if what is not None else []
            once = name in mended
            tell = result.tell_flaky if once else result.tell_failed
            tell(name, message[:_LINES])
            state = "passed" if once else "failed"
        setattr(result, state, getattr(result, state) + 1)
