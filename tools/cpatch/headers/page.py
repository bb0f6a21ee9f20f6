"""What is said of rows: the leg's counts, and the table of docs/headers.md and of a kept run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cpatch.base import pages
from cpatch.headers.judging import PATCHED, SETS
from cpatch.headers.session import Result
from cpatch.headers.table import RUST

#: Lines of what differs that the leg shows of a row.
SHOWN = 6

_HEAD = """\
# Extensions and headers, CPython {pin}

What each column and line means, [docs/headers.md](../../docs/headers.md) tells. Raw data:
`headers.json.gz`.

```
make test PIN={pin} ARGS="--only headers-all"
```

"""


def tally(results: Iterable[Result]) -> tuple[int, dict[str, list[str]], dict[str, str]]:
    """Return how many rows passed, and by name what failed with its lines, and why one did not run.

    Not all lines of a row are among them: SHOWN at most.
    """
    passed = 0
    failed: dict[str, list[str]] = {}
    skipped: dict[str, str] = {}
    for each in results:
        row = each.outcome.row
        name = row.title
        if each.outcome.skipped:
            skipped[name] = each.outcome.skipped
        elif each.verdict.lines:
            failed[name] = list(each.verdict.lines[:SHOWN])
        else:
            passed += 1
    return passed, failed, skipped


def report(record: Mapping[str, Any]) -> str:
    """Return the report of a run that is kept."""
    return _HEAD.format(pin=record["pin"]) + render(record) + "\n"


def put(text: str, record: Mapping[str, Any], name: str) -> str:
    """Return a page with a record's table between the marks of its pin; *name* is its folder."""
    link = f"[Raw data and report](../results/{name}/report.md)."
    table = f"{render(record)}\n\n{link}"
    return pages.put(text, record["pin"], "make results", table) or text


def render(record: Mapping[str, Any]) -> str:
    """Return the table of a record, and below it what is known and who compiled."""
    rows: list[dict[str, Any]] = record["rows"]
    good = [row for row in rows if not row["lines"] and not row["skipped"]]
    trees = {name: record["sides"][name]["tree_id"][:12] for name in SETS}
    out = [
        *(f"{name.capitalize()}: tree {tree}.  " for name, tree in trees.items()),
        f"{len(good)} of {len(rows)} rows without an unexplained difference.",
        "",
        "| what | how | same | differs |",
        "|---|---|---|---|",
    ]
    causes: list[str] = []
    seen: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        seen.setdefault((row["group"], row["variant"]), []).append(row)
    for (group, variant), found in seen.items():
        same = [_who(row) for row in found if not (row["lines"] or row["known"] or row["skipped"])]
        other = [text for row in found if (text := _other(row, causes))]
        said = "found" if found[0]["broken"] else ""
        cells = [group, _how(variant), ", ".join(same) if not said else "", "; ".join(other)]
        if said and same:
            cells[3] = "; ".join(["found", *other])
        out.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    for number, cause in enumerate(causes, 1):
        out += ["", *pages.item(f"({number}) {cause}", indent="")]
    for text in (drifts(rows), _made_with(record)):
        out += ["", *pages.item(text, indent="")]
    return "\n".join(out)


def _who(row: Mapping[str, Any]) -> str:
    return str(row["compiler"] or row["tool"])


def _how(variant: str) -> str:
    return f"`{variant}`" if variant.startswith("-") else variant


def _other(row: Mapping[str, Any], causes: list[str]) -> str:
    if row["skipped"]:
        return f"{_who(row)}: not run, {row['skipped']}"
    said = [f"**{len(row['lines'])} lines**"] if row["lines"] else []
    for line, cause in row["known"]:
        if cause not in causes:
            causes.append(cause)
        word = line.partition(":")[0] if line.startswith("neither") else "known"
        text = f"{word} ({causes.index(cause) + 1})"
        if text not in said:
            said.append(text)
    return f"{_who(row)}: {', '.join(said)}" if said else ""


def drifts(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how far None's count went on the patched interpreter, by headers."""
    found: dict[str, list[int]] = {}
    for row in rows:
        for headers, runs in row["runs"].items():
            if PATCHED in runs and not row["broken"]:
                with_ = "PyO3" if row["tool"] in RUST else f"{headers} headers"
                found.setdefault(with_, []).append(runs[PATCHED]["drift"])
    said = (f"{_between(each)} with {name}" for name, each in found.items())
    return f"How far None's count goes on patched while a row works: {', '.join(said)}."


def _between(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:+,}" if low == high else f"{low:+,} to {high:+,}"


def _made_with(record: Mapping[str, Any]) -> str:
    every = {**record["programs"], **dict(each.split("==") for each in record["packages"])}
    return "Compiled with: " + "; ".join(f"{name}: {said}" for name, said in every.items()) + "."
