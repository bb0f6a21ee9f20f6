"""Whether an outcome is stock's: the same, or different only as ``differences.toml`` says.

A difference is listed with what may come and go, line by line, and with its reason::

    [[difference]]
    programs = ["asyncio_*"]              # shell patterns
    modes = ["call"]                      # left out: all
    part = "stderr"                       # stdout, stderr or files
    added = ["Task was destroyed .*"]     # regular expressions of whole lines that stock lacks
    lost = []                             # ... and that only stock has
    reason = "its finalizer runs here"

A status is never listed: what ends on stock ends here, with the same status.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from cpatch.base.errors import CpatchError
from cpatch.exits.programs import HANGS, MODES, Outcome

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PARTS = ("status", "stdout", "stderr", "files")

SAME = "same"
STATED = "stated"
DIFFERS = "differs"


@dataclass(frozen=True)
class Difference:
    """What one entry of the file allows, and why."""

    programs: tuple[str, ...]
    modes: tuple[str, ...]
    part: str
    added: tuple[str, ...]
    lost: tuple[str, ...]
    reason: str

    def concerns(self, name: str, mode: str, part: str) -> bool:
        """Say whether this entry is about that part of that run."""
        named = any(fnmatchcase(name, pattern) for pattern in self.programs)
        return named and mode in self.modes and part == self.part


@dataclass(frozen=True)
class Verdict:
    """How a run compares: ``kind`` is SAME, STATED or DIFFERS, or HANGS.

    ``lines`` are what differs and is not stated, ``+`` for what stock lacks; ``reasons`` those of
    the entries that were needed.
    """

    kind: str
    lines: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether it is as on stock, or differs as stated."""
        return self.kind in (SAME, STATED)


def load(path: Path) -> list[Difference]:
    """Read the differences; CpatchError for an entry that is not complete."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("difference", [])
    except tomllib.TOMLDecodeError as error:
        raise CpatchError(f"{path}: {error}") from None
    found = []
    for entry in entries:
        row = {"modes": MODES, "added": (), "lost": (), **entry}
        if set(row) != set(Difference.__dataclass_fields__) or row["part"] not in PARTS[1:]:
            raise CpatchError(
                f"{path}: {entry.get('reason') or entry} is no difference",
                wanted=", ".join(Difference.__dataclass_fields__)
                + f"; part: {'|'.join(PARTS[1:])}",
                got=", ".join(entry),
            )
        found.append(
            Difference(
                tuple(row["programs"]),
                tuple(row["modes"]),
                row["part"],
                tuple(row["added"]),
                tuple(row["lost"]),
                " ".join(row["reason"].split()),
            )
        )
    return found


def judge(
    name: str, mode: str, stock: Sequence[Outcome], found: Outcome, stated: Iterable[Difference]
) -> Verdict:
    """Compare *found* with each of *stock*'s outcomes and return the best verdict."""
    if found.status == HANGS:
        return Verdict(HANGS, (f"+ status: {HANGS}",))
    verdicts = [_judge(name, mode, each, found, list(stated)) for each in stock]
    order = (SAME, STATED, DIFFERS)
    return min(verdicts, key=lambda each: (order.index(each.kind), len(each.lines)))


def _judge(
    name: str, mode: str, stock: Outcome, found: Outcome, stated: list[Difference]
) -> Verdict:
    lines: list[str] = []
    reasons: list[str] = []
    for part in PARTS:
        ours, theirs = as_lines(found, part), as_lines(stock, part)
        if ours == theirs:
            continue
        entries = [each for each in stated if each.concerns(name, mode, part)]
        added, lost = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
        if not added and not lost:
            lines.append(f"  {part}: the same lines in another order")
        for sign, rows in (("+", added), ("-", lost)):
            for row in rows.elements():
                why = _stated(entries, sign, row)
                if why is None:
                    lines.append(f"{sign} {part}: {row}")
                elif why not in reasons:
                    reasons.append(why)
    kind = DIFFERS if lines else STATED if reasons else SAME
    return Verdict(kind, tuple(lines), tuple(reasons))


def _stated(entries: list[Difference], sign: str, row: str) -> str | None:
    for each in entries:
        patterns = each.added if sign == "+" else each.lost
        if any(re.fullmatch(pattern, row) for pattern in patterns):
            return each.reason
    return None


def as_lines(outcome: Outcome, part: str) -> list[str]:
    """Return one part of an outcome as the lines that are compared."""
    found = getattr(outcome, part)
    if part == "files":
        return [name if size < 0 else f"{name} {size}" for name, size in found.items()]
    return str(found).splitlines()
