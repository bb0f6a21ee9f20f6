"""The list of tests that fail on stock, and the comparison that decides what counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError


@dataclass(frozen=True)
class Listed:
    """One line of the list: a pattern in regrtest's --ignorefile style, and why it fails."""

    pattern: str
    reason: str

    def matches(self, case: str) -> bool:
        """Tell whether *case*, a dotted id or a file's name, is meant by this line."""
        return fnmatchcase(case, self.pattern)


@dataclass(frozen=True)
class Verdict:
    """What the failures of patched mean, given stock's failures and the list."""

    regressions: list[str]  # stock passes: these are ours
    unlisted: list[str]  # stock fails too, but nobody has written down why
    known: list[str]  # listed, and stock fails too
    mended: list[Listed]  # listed, but passes on patched or on stock: the line is out of date

    @property
    def counted(self) -> list[str]:
        """What makes the run fail."""
        return [*self.regressions, *self.unlisted]


def read(path: Path) -> list[Listed]:
    """Read the list at *path*; an absent file is an empty list.

    CpatchError (lint) for a pattern without a reason above it, and for one listed twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    listed: list[Listed] = []
    reason: list[str] = []
    fresh = False  # whether the comment was begun since the last blank line
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line:
            reason, fresh = [], False
        elif line.startswith("#"):
            if not fresh:
                reason, fresh = [], True
            reason.append(line.lstrip("# "))
        else:
            where = f"{path.name}:{number}"
            if not reason:
                raise CpatchError(
                    f"{where}: {line} is listed without a reason",
                    wanted="a comment line above it that says why stock fails it",
                    fix=f"edit {path}",
                    code=USAGE,
                )
            if any(line == earlier.pattern for earlier in listed):
                raise CpatchError(
                    f"{where}: {line} is listed twice", fix=f"edit {path}", code=USAGE
                )
            listed.append(Listed(line, " ".join(reason)))
            fresh = False  # one reason may stand above several names
    return listed


def judge(listed: Iterable[Listed], patched: set[str], stock: set[str]) -> Verdict:
    """Sort *patched*'s failures by what *stock*'s failures and the list say of them."""
    listed = list(listed)

    def on_list(case: str) -> bool:
        return any(line.matches(case) for line in listed)

    regressions = sorted(patched - stock)
    rest = sorted(patched & stock)
    return Verdict(
        regressions=regressions,
        unlisted=[case for case in rest if not on_list(case)],
        known=[case for case in rest if on_list(case)],
        mended=[
            line
            for line in listed
            if not any(line.matches(case) for case in patched)
            or not any(line.matches(case) for case in stock)
        ],
    )
