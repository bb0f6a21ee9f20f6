"""Programs made from a seed that stock ends well, run on patched and compared at exit."""

from __future__ import annotations

from dataclasses import dataclass

import exitfuzz.fuzz
from exitfuzz.fuzz import Settings, Summary, Verdict, today, totals

from cpatch.base import console
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import build, flavors

__all__ = ["DAILY", "Job", "again", "failures", "run", "settings", "today", "totals"]

#: What ``make test`` runs each day.
DAILY = 150


@dataclass(frozen=True)
class Job:
    """Which programs of which seed to run, on what, and how many failures to make small.

    ``stock`` and ``patched`` are interpreters built elsewhere; None builds them here.
    """

    jobs: int
    seed: int
    flavor: str = "release"
    programs: tuple[int, ...] | range = range(DAILY)
    stock: str | None = None
    patched: str | None = None
    shrinks: int = 6


def settings(project: Project, pin: Pin, job: Job) -> Settings:
    """Return what to run, with interpreters built where none is given."""
    found = []
    for python, tree, name in (
        (job.stock, "stock", "release"),
        (job.patched, "patched", job.flavor),
    ):
        wanted = flavors.get(name)
        made = python or build.ensure_built(project, pin, tree, wanted, jobs=job.jobs).python
        found.append(made)
    # An instrumented build takes some times as long, and must not look as if it hung.
    slow = 1 if job.flavor in ("release", "pgo") else 4
    return Settings(
        stock=found[0],
        patched=found[1],
        seed=job.seed,
        programs=job.programs,
        jobs=job.jobs,
        limit=20.0 * slow,
        keep=project.make_dir(project.build / "fuzz"),
        shrinks=job.shrinks,
    )


def run(made: Settings) -> Summary:
    """Run the programs, showing progress."""
    with console.progress(f"fuzz: {len(made.programs)} programs of seed {made.seed}") as advance:
        done = 0

        def report(verdict: Verdict) -> None:
            nonlocal done
            done += 1
            advance(done, len(made.programs))

        return exitfuzz.fuzz.fuzz(made, report)


def again(seed: int) -> str:
    """Return what to print about a seed: how to run all its programs once more."""
    return f"seed {seed}; again: make fuzz ARGS='--seed {seed}'"


def failures(summary: Summary, seed: int) -> list[str]:
    """Return what to print about the programs that failed, and how to repeat one."""
    found = []
    for verdict in summary.failed:
        found += exitfuzz.fuzz.lines(verdict)
        index = verdict.program.index
        found.append(f"  again, alone: make fuzz ARGS='--seed {seed} --only {index}'")
    return found
