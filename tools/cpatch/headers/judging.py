"""What differs between the two sets of headers in one row, and which of it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cpatch.base import tables
from cpatch.headers.building import NAMED, Built
from cpatch.headers.table import Difference, Row

#: Both sets of headers, and who loads what was compiled with each.
STOCK, PATCHED = SETS = ("stock", "patched")
CALL = "call"
WHO = (STOCK, PATCHED, CALL)


@dataclass(frozen=True)
class Run:
    """How a process ended that loaded a module: its status, what it printed, or its last words."""

    status: int
    does: Any = None
    drift: int = 0
    said: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a row: by headers how it compiled, and by headers and who how it ran."""

    row: Row
    skipped: str = ""
    built: Mapping[str, Built] = field(default_factory=dict)
    runs: Mapping[str, Mapping[str, Run]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What nobody has explained, and what an entry of the table explains."""

    lines: tuple[str, ...] = ()
    known: tuple[tuple[str, Difference], ...] = ()


def told(outcome: Outcome) -> list[str]:
    """Return a line for everything that the patched headers do and stock's do not, or differently.

    A module has to do the same wherever it is loaded as it does when stock's headers and stock are
    all there is. Complaints of a compiler count when there are more of them.
    """
    if outcome.skipped:
        return []
    stock, patched = (outcome.built[each] for each in SETS)
    if not stock.ok:
        what = "neither compiles" if not patched.ok else "compiles with the patched headers only"
        return [f"{what}: {_first_error(stock)}"]
    lines = []
    if not patched.ok:
        lines.append(f"does not compile: {_first_error(patched)}")
    more = Counter(patched.complaints) - Counter(stock.complaints)
    lines += [f"{text} (+{more[text]})" for text in sorted(more) if ": warning: " in text]
    named = [{each for each in built.complaints if NAMED in each} for built in (stock, patched)]
    if named[0] != named[1]:
        lines.append(f"two wheels: {', '.join(sorted(named[0] | named[1]))}")
    if outcome.row.group.tool == "structures" and not stock.structures:
        lines.append("no structure was read of stock's headers")
    for name, layout in stock.structures.items():
        if (other := patched.structures.get(name, "gone")) != layout:
            lines.append(f"{name} moved: {other[:200]} (stock: {layout[:200]})")
    if not outcome.row.group.loads:
        return lines
    wanted = outcome.runs[STOCK][STOCK]
    for headers in SETS:
        for who, run in outcome.runs.get(headers, {}).items():
            said = _differs(wanted, run)
            if said:
                lines.append(f"{headers} headers on {who}: {said}")
    return lines


def _first_error(built: Built) -> str:
    errors = [text for text in built.complaints if "error: " in text]
    return errors[0] if errors else (built.said.strip().splitlines() or ["no word"])[-1]


def _differs(wanted: Run, run: Run) -> str:
    if run.status or run.does is None:
        last = (run.said.strip().splitlines() or ["no word"])[-1]
        return f"ended with {run.status}: {last}"
    if run.said != wanted.said:
        return f"said {run.said.strip()[-200:]!r} (stock: {wanted.said.strip()[-200:]!r})"
    for one, two in zip(wanted.does or [{}], run.does, strict=False):
        for name in dict.fromkeys([*one, *two]):
            if one.get(name) != two.get(name):
                return f"{name}: {two.get(name)} (stock: {one.get(name)})"
    return ""


def judge(outcome: Outcome, known: Sequence[Difference], branch: str) -> Verdict:
    """Return the verdict; what is broken on purpose has to be found, and not something else."""
    lines = told(outcome)
    if outcome.row.group.broken and not outcome.skipped:
        wanted = outcome.row.group.broken[outcome.row.variant]
        if any(tables.matches(line, [wanted]) for line in lines):
            return Verdict()
        return Verdict((f"broken on purpose, and not told: {wanted}", *lines))
    explained = []
    rest = []
    for line in lines:
        why = next((row for row in known if row.concerns(outcome.row, line, branch)), None)
        if why:
            explained.append((line, why))
        else:
            rest.append(line)
    return Verdict(tuple(rest), tuple(explained))
