"""Tables of what is run and of what is known to differ: TOML, whose entries become dataclasses."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from cpatch.base.errors import CpatchError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What is known to differ, and why; ``pins`` are those that it is about, none: all."""

    cause: str
    pins: tuple[str, ...] = ()

    def holds(self, branch: str) -> bool:
        """Say whether this entry is about that pin."""
        return not self.pins or branch in self.pins

    @property
    def unused(self) -> str:
        """The note for an entry of which nothing was seen."""
        return f"nothing differs any more for this cause: {self.cause.split('. ')[0]}"


_D = TypeVar("_D", bound=Difference)


def of_pin(known: Iterable[_D], branch: str) -> list[_D]:
    """Return the entries that are about that pin."""
    return [each for each in known if each.holds(branch)]


def read(path: Path) -> dict[str, Any]:
    """Return what a file says; CpatchError when it is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CpatchError(f"{path}: {error}") from None


def made(kind: Any, entry: dict[str, Any], path: Path) -> Any:
    """Return an entry as a *kind*, a dataclass; CpatchError for a key too many or too few.

    Lists become tuples; a text where a list belongs is refused, too. The complaint names the entry
    by its title, name or package, if it has one.
    """
    values = {key: tuple(row) if isinstance(row, list) else row for key, row in entry.items()}
    lists = [each.name for each in fields(kind) if each.type == "tuple[str, ...]"]
    try:
        if texts := [key for key in lists if isinstance(values.get(key), str)]:
            raise TypeError(f"no list: {', '.join(texts)}")
        return kind(**values)
    except TypeError as error:
        names = (entry.get(key) for key in ("title", "name", "package"))
        name = next(filter(None, names), entry)
        raise CpatchError(f"{path}: {name}: {error}") from None


def matches(text: str, patterns: Iterable[str]) -> bool:
    """Say whether one of some patterns is of *text*; brackets, as ids of tests have, are plain."""
    return any(fnmatchcase(text, pattern.replace("[", "[[]")) for pattern in patterns)
