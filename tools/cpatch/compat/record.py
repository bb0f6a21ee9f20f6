"""Kept runs of a pin's packages, as one file: each test's outcome, without what it printed."""

from __future__ import annotations

import json
import lzma
import os
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cpatch.base import files
from cpatch.base.errors import USAGE, CpatchError
from cpatch.compat import page
from cpatch.compat.session import Row
from cpatch.compat.table import PATCHED, STOCK

NAME = "compat.json.xz"


def is_place(source: Path) -> bool:
    """Return whether a directory is a pin's, with runs of packages."""
    return any((source / "runs").glob("*.*.json"))


def gather(source: Path, branch: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Return all runs of the rows, which lie in the directory *source*."""
    paths = [_run(source, f"{row.package.project}.{who}") for row in rows for who in row.runs]
    begun = max((path.stat().st_mtime for path in paths), default=0.0)
    runs = {path.name.removesuffix(".json"): json.loads(path.read_text("utf-8")) for path in paths}
    for found in runs.values():
        for run in found["runs"]:
            run.pop("texts", None)
    return {
        "begun": f"{datetime.fromtimestamp(begun, timezone.utc):%Y-%m-%d}",
        "pin": branch,
        "tree_id": Counter(row.trees[PATCHED] for row in rows).most_common(1)[0][0],
        "flavor": Counter(row.flavor for row in rows).most_common(1)[0][0],
        "packages": len(rows),
        "differ": sum(not each.good for row in rows for each in row.verdicts.values()),
        "tests": sum(len(row.runs[STOCK][0].tests) for row in rows),
        "runs": runs,
    }


def restore(kept: Path, target: Path, branch: str) -> int:
    """Put the runs of a kept record where ``gather`` takes them from; returns how many.

    Those that are there already stay. CpatchError if *kept* has no such record, or one of another
    pin than *branch*.
    """
    try:
        record = json.loads(lzma.decompress((kept / NAME).read_bytes()))
    except (OSError, ValueError, lzma.LZMAError) as error:
        raise CpatchError(
            f"{kept} cannot be restored: {error}",
            wanted=f"a directory of results/ with {NAME}",
            fix=f"ls results/*/{NAME}",
            code=USAGE,
        ) from None
    if record["pin"] != branch:
        raise CpatchError(
            f"{kept} is of another pin",
            wanted=branch,
            got=str(record["pin"]),
            fix=f"make compat PIN={record['pin']} ARGS='--restore {kept}'",
            code=USAGE,
        )
    day = datetime.strptime(record["begun"], "%Y-%m-%d").replace(tzinfo=timezone.utc).timestamp()
    missing = {name: run for name, run in record["runs"].items() if not _run(target, name).exists()}
    for name, found in missing.items():
        files.write(_run(target, name), json.dumps(found, indent=1) + "\n")
        os.utime(_run(target, name), (day, day))
    return len(missing)


def _run(place: Path, name: str) -> Path:
    return place / "runs" / f"{name}.json"


def write(target: Path, record: dict[str, Any], rows: Sequence[Row]) -> None:
    """Write the record and its report to a new directory."""
    text = json.dumps(record, indent=0, sort_keys=True) + "\n"
    target.mkdir(parents=True)
    (target / NAME).write_bytes(lzma.compress(text.encode()))
    files.write(
        target / "report.md",
        f"# Packages with compiled code, CPython {record['pin']}\n\n"
        f"```\nmake compat PIN={record['pin']}\n```\n\n{page.render(rows)}\n",
    )
