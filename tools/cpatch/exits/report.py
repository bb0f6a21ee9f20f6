"""What the verb packages prints and writes: a line per program, and a Markdown report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from cpatch.exits.differences import DIFFERS, STATED, Verdict
from cpatch.exits.programs import Program
from cpatch.measuring.interpreters import Side

#: Lines of a difference that the report shows.
SHOWN = 25

Rows = Mapping[Program, Mapping[str, Verdict]]


def line(program: Program, verdicts: Mapping[str, Verdict]) -> str:
    """Return a program's line of the printed table."""
    cells = "  ".join(f"{mode} {verdict.kind:<8}" for mode, verdict in verdicts.items())
    return f"{program.name:<28} {cells}".rstrip()


def render(rows: Rows, sides: Mapping[str, Side], packages: list[str], flavor: str) -> str:
    """Return the report: the sums, the table, what differs, what is stated, what was installed."""
    modes = list(next(iter(rows.values())))
    kinds = Counter(verdict.kind for row in rows.values() for verdict in row.values())
    out = ["# Real packages at exit, beside stock", ""]
    for name, side in sides.items():
        edits = f", edited: {side.edits}" if side.edits else ""
        out.append(f"- {name}: {side.version}, {flavor}, tree {side.tree_id}{edits}")
    total = sum(kinds.values())
    said = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    out += [f"- {len(rows)} programs in {len(modes)} modes, {total} runs: {said}", ""]
    out += [f"| program | {' | '.join(modes)} |", f"|---|{'---|' * len(modes)}"]
    for program, row in rows.items():
        cells = (_cell(verdict) for verdict in row.values())
        out.append(f"| {program.name} | {' | '.join(cells)} |")
    out += ["", *_differing(rows), *_stated(rows)]
    out += ["## Installed", "", ", ".join(sorted(set(packages))), ""]
    return "\n".join(out)


def _cell(verdict: Verdict) -> str:
    return verdict.kind if verdict.good else f"**{verdict.kind}**"


def _differing(rows: Rows) -> list[str]:
    out: list[str] = []
    for program, row in rows.items():
        groups: dict[tuple[str, ...], list[str]] = {}
        for mode, verdict in row.items():
            if not verdict.good:
                groups.setdefault(verdict.lines, []).append(mode)
        if groups:
            out += [f"### {program.name}", "", program.about, ""]
        for lines, modes in groups.items():
            more = len(lines) - SHOWN
            out += [f"{', '.join(modes)}:", "", "```", *lines[:SHOWN]]
            out += [f"({more} more)"] if more > 0 else []
            out += ["```", ""]
    head = f"## What {DIFFERS}"
    return [head, "", *(out or ["Nothing.", ""])]


def _stated(rows: Rows) -> list[str]:
    found: dict[str, dict[str, list[str]]] = {}
    for program, row in rows.items():
        for mode, verdict in row.items():
            for reason in verdict.reasons:
                found.setdefault(reason, {}).setdefault(program.name, []).append(mode)
    out = [f"## What is {STATED}", ""]
    for reason, programs in found.items():
        told = "; ".join(f"{name} ({', '.join(modes)})" for name, modes in programs.items())
        out.append(f"- {reason} Seen in: {told}.")
    return [*out, ""] if found else [*out, "Nothing.", ""]
