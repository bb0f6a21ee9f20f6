"""A row of the index of kept runs."""

from __future__ import annotations

import gzip
import json
import lzma
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Where a run does not say which parts of the series were applied.
ALL = "all"
NONE = "–"


@dataclass(frozen=True)
class Entry:
    """A run as the index shows it. ``mean`` and ``noise`` say what they are of, if not of time."""

    name: str
    tree: str
    rounds: str
    mean: str
    noise: str
    verdict: str
    parts: str = ALL


def read_json(path: Path) -> Any:
    """Read a file of JSON, compressed if its name says so."""
    unpack = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)
    return json.loads(unpack(path.read_bytes()))
