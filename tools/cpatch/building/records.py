"""What is written down about a build, and what can be said of it from that.

Two records live in an object directory. ``.cpatch-configured`` says what configure was run with;
``.cpatch-built`` says which tree the finished, checked interpreter was made from. The second is
removed before make starts, so an interrupted or failed build is never taken for a finished one,
and make itself continues where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpatch.series import apply

CONFIGURED = ".cpatch-configured"
BUILT = ".cpatch-built"
#: Of the last make: how many lines it compiled, which headers, whose profile.
LAST = ".cpatch-last"


@dataclass(frozen=True)
class Built:
    """A finished interpreter and what it was made from."""

    python: str
    tree_id: str
    commit: str
    version: str
    compiler: str
    prefix: str
    settings: dict[str, str]
    edits: str = ""  # names uncommitted edits in the source tree that went in; '' for none
    made: bool = True  # False when it was found up to date

    @property
    def path(self) -> Path:
        """The interpreter's absolute path."""
        return Path(self.python)


def read(path: Path) -> dict[str, Any] | None:
    """Return a record as it was written, or None when there is none that can be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def finished(objdir: Path) -> Built | None:
    """Return the finished interpreter of *objdir*, or None; says nothing about its freshness."""
    record = read(objdir / BUILT)
    try:
        built = Built(**{**record, "made": False}) if record else None
    except TypeError:  # written by another version of the driver
        return None
    return built if built and os.access(built.python, os.X_OK) else None


def edits_in(source: apply.Tree) -> str:
    """Name the uncommitted edits in a source tree by their content; '' when there are none."""
    if not source.dirty:
        return ""
    digest = hashlib.sha256()
    for name in source.dirty:
        path = source.path / name
        content = path.read_bytes() if path.is_file() else b"gone"
        digest.update(f"{name} {len(content)} ".encode("utf-8", "surrogateescape") + content)
    return digest.hexdigest()[:12]


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Replace a record, in one step."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)
