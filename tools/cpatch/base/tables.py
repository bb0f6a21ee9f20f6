"""Tables of what is run and of what is known to differ: TOML, whose entries become dataclasses."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cpatch.base.errors import CpatchError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read(path: Path) -> dict[str, Any]:
    """Return what a file says; CpatchError when it is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CpatchError(f"{path}: {error}") from None


def made(kind: Any, entry: dict[str, Any], path: Path) -> Any:
    """Return an entry as a *kind*, a dataclass; CpatchError for a key too many or too few.

    Lists become tuples. The complaint names the entry by its title, name or package, if it has one.
    """
    values = {key: tuple(row) if isinstance(row, list) else row for key, row in entry.items()}
    try:
        return kind(**values)
    except TypeError as error:
        names = (entry.get(key) for key in ("title", "name", "package"))
        name = next(filter(None, names), entry)
        raise CpatchError(f"{path}: {name}: {error}") from None


def matches(text: str, patterns: Iterable[str]) -> bool:
    """Say whether one of some patterns is of *text*; brackets, as ids of tests have, are plain."""
    return any(fnmatchcase(text, pattern.replace("[", "[[]")) for pattern in patterns)
