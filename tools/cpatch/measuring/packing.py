"""A directory of results made small and public, to be kept in a repository."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from pathlib import Path

import pyperf

from cpatch.base import files
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.project import Project
from cpatch.measuring import resultdir
from cpatch.measuring.resultdir import KINDS, PACKED, Results


def pack(project: Project, source: Path, target: Path) -> None:
    """Copy the results in *source* to *target*, raw files compressed, without logs.

    The same results give the same bytes. What is private is left out of runs that an earlier
    driver wrote, too, and paths below the repository and the user's home become relative to them.
    CpatchError (usage) when *target* has something in it; when packing fails, it is gone again.
    """
    results = Results(source)
    record = results.record()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CpatchError(
            f"{project.show(target)} is there already",
            fix=f"rm -r {project.show(target)}, or another name",
            code=USAGE,
        )
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        for kind in KINDS:
            for role in sorted(path.name for path in (source / kind).glob("*")):
                for name in results.names(kind, role):
                    bench = resultdir.load_one(results.file(kind, role, name))
                    _write(fresh / kind / role / f"{name}.json{PACKED}", [bench])
        for script in results.calibrations():
            suite = pyperf.BenchmarkSuite.load(str(results.calibration(script)))
            _write(fresh / "loops" / f"{script}.json{PACKED}", suite.get_benchmarks())
        for path in [*sorted((source / "failed").glob("*.json")), source / "packages.txt"]:
            if path.exists():
                text = path.read_text(encoding="utf-8")
                files.write(fresh / path.relative_to(source), relative(project, text))
        Results(fresh).write_record(json.loads(relative(project, json.dumps(record))))
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.replace(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write(path: Path, benchmarks: list[pyperf.Benchmark]) -> None:
    public = [
        pyperf.Benchmark([resultdir.stamped(run) for run in each.get_runs()]) for each in benchmarks
    ]
    stream = io.StringIO()
    pyperf.BenchmarkSuite(public).dump(stream)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without the time of day that gzip puts into a file.
    path.write_bytes(gzip.compress(stream.getvalue().encode(), mtime=0))


def relative(project: Project, text: str) -> str:
    """Return *text* without where this user keeps the repository and other things."""
    text = text.replace(f"{project.root}/", "").replace(str(project.build), "build")
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text
