"""What was seen of a tarball: what it was compared with, and what its trials printed.

One file for each tarball, beside it. It goes on as long as the bytes are the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cpatch.base import files
from cpatch.base.errors import CpatchError
from cpatch.dist import elf
from cpatch.dist.archive import digest
from cpatch.dist.assemble import Made

#: What a kept run of several tarballs is called.
NAME = "dist.json"


def place(tarball: Path) -> Path:
    """Return where a tarball's record is."""
    return tarball.with_name(f"{tarball.name.removesuffix('.tar.gz')}.json")


def begin(made: Made, again: Sequence[str]) -> dict[str, Any]:
    """Write the record of a tarball, as far as it is known, and return it.

    What an earlier run saw of these bytes is in it, but for the suites that are tried *again*.
    """
    known = _known(made)
    for suite in again:
        known["tried"].pop(suite, None)
    write(made, known)
    return known


def _known(made: Made) -> dict[str, Any]:
    wanted, built, path = made.stage.wanted, made.stage.built, place(made.path)
    known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if known.get("sha256") != made.sha256:
        known = {"begun": f"{datetime.now(timezone.utc):%Y-%m-%d}", "compared": {}, "tried": {}}
    return known | {
        "tarball": made.path.name,
        "sha256": made.sha256,
        "bytes": made.path.stat().st_size,
        "version": built.version,
        "tree": wanted.tree,
        "tree_id": built.tree_id,
        "flavor": wanted.flavor.name,
        "shared": wanted.shared,
        "profile": made.profile and digest(made.profile),
        "compiler": built.compiler,
        "glibc": elf.shown(made.glibc),
        "files_with_build_path": made.leaks,
        "libraries": {each.soname: each.version for each in made.bundled.libraries},
        "modules_left_out": made.bundled.left_out,
    }


def write(made: Made, record: dict[str, Any]) -> None:
    """Write a record beside its tarball."""
    files.write(place(made.path), json.dumps(record, indent=1) + "\n")


def read(home: Path) -> list[dict[str, Any]]:
    """Return the records of a directory of tarballs; CpatchError for one of other bytes."""
    found = []
    for path in sorted(home.glob("*.tar.gz")):
        if not place(path).exists():
            continue
        record = json.loads(place(path).read_text("utf-8"))
        if record["sha256"] != (sha256 := digest(path)):
            raise CpatchError(
                f"{place(path)} is of other bytes than {path.name}",
                wanted=f"sha256 {record['sha256']}",
                got=f"sha256 {sha256}",
                fix="make dist again",
            )
        found.append(record)
    return found


def report(records: Sequence[dict[str, Any]]) -> str:
    """Return records as Markdown."""
    lines = ["# Tarballs of make dist", "", "`dist.json` has all of it.", ""]
    lines += ["| tarball | tree | MB | SHA-256 | needs glibc | other builds | bare systems |"]
    lines += ["|---|---|---:|---|---|---|---|"]
    for each in records:
        builds = each["compared"].values()
        cells = (
            each["tarball"],
            each["tree_id"][:12],
            f"{each['bytes'] / 1e6:.1f}",
            each["sha256"][:12],
            each["glibc"],
            f"{sum(not found for found in builds)} of {len(builds)} equal",
            ", ".join(each["tried"]) or "–",
        )
        lines.append(f"| {' | '.join(cells)} |")
    for each in records:
        for suite, said in each["tried"].items():
            lines += ["", f"## {each['tarball']} on {suite}", "", "```", *said, "```"]
    return "\n".join(lines) + "\n"
