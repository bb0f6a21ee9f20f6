"""What the reports of an audit show: the raw data of ``cowaudit``, counted and put into words."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cowaudit.objects import KINDS
from rich.console import Console
from rich.table import Table

from cpatch.audit import picture
from cpatch.measuring import templates

_TEMPLATES = Path(__file__).with_name("templates")

# Functions that write for somebody else: the report names their caller as well.
_SERVANT_NAMES = """
    _PyObject_Malloc _PyObject_Calloc _PyObject_Realloc _PyObject_Free PyObject_Malloc
    PyObject_Calloc PyObject_Realloc PyObject_Free PyMem_Malloc PyMem_Calloc PyMem_Realloc
    PyMem_Free _PyMem_RawMalloc _PyMem_RawCalloc _PyMem_RawRealloc _PyMem_RawFree new_arena
    allocate_from_new_pool malloc calloc realloc free cfree __libc_malloc __libc_calloc
    __libc_realloc __libc_free _PyObject_GC_New _PyObject_GC_NewVar PyUnicode_New
"""
_SERVANTS = frozenset(_SERVANT_NAMES.split())

#: One page, as ``cowaudit.attribute`` tells of it.
Row = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """One interpreter in one mode, and what its report says."""

    label: str
    data: dict[str, Any]
    looks: list[dict[str, Any]]
    last: dict[str, Any]
    written: list[Row]
    new: list[Row]

    @property
    def traced(self) -> bool:
        """Whether it is known who wrote."""
        return bool(self.data["trace"]["done"])


def sides(results: Sequence[dict[str, Any]]) -> list[Side]:
    """Return what was audited, with names that tell them apart."""
    names = [f"{_side(result)}, {result['mode']}" for result in results]
    out = []
    for number, data in enumerate(results):
        name = names[number]
        if names.count(name) > 1:
            name += f" #{names[: number + 1].count(name)}"
        last = data["checkpoints"][-1]
        written = [row for row in last["pages"] if not row["new"]]
        new = [row for row in last["pages"] if row["new"]]
        out.append(Side(name, data, data["checkpoints"], last, written, new))
    return out


def _side(result: dict[str, Any]) -> str:
    """Return what an interpreter is called; kept results may be older than the wheel."""
    return "patched" if result["immortal"] else "wheel" if result.get("wheel") else "stock"


def content(results: Sequence[dict[str, Any]], *, top: int) -> dict[str, Any]:
    """Return everything that the templates refer to."""
    every = sides(results)
    return {
        "application": Path(results[0]["application"]).name,
        "sides": every,
        "top": top,
        "growth": [_growth(side, look) for side in every for look in side.looks],
        "kinds": kinds(every),
        "totals": totals(every),
        "writers": [_top(side, writer, top) for side in every],
        "lines": [_top(side, python_line, top) for side in every],
        "functions": [_top(side, function, top) for side in every],
        "owners": [_top(side, owner, top) for side in every],
        "picture": picture.heap([(side.label, side.data) for side in every]),
        "legend": picture.LEGEND,
        "notes": [note for side in every for note in notes(side)],
    }


def _growth(side: Side, look: dict[str, Any]) -> dict[str, Any]:
    """Return one line of the first table; all amounts in bytes."""
    workers = look["workers"]
    page = side.data["page"]
    return {
        "side": side.label,
        "rounds": look["rounds"],
        "growth": [worker["growth"] for worker in workers],
        "dirty": max(worker["private_dirty"] for worker in workers),
        "pages": max(worker["exclusive"] for worker in workers) * page,
        "idle": look["idle"]["private_dirty"],
        "written": max(worker["written"] for worker in workers) * page,
        "new": max(worker["new"] for worker in workers) * page,
    }


def kinds(every: Sequence[Side]) -> list[dict[str, Any]]:
    """Return one line for each kind of store: pages by first store, and pages of that kind only."""
    counts = [Counter(row["kind"] for row in side.written) for side in every]
    alone = [Counter(_only(row) for row in side.written) for side in every]
    return [
        {
            "kind": kind,
            "cells": [
                {"pages": each[kind], "size": each[kind] * side.data["page"], "alone": only[kind]}
                for side, each, only in zip(every, counts, alone, strict=True)
            ],
        }
        for kind in KINDS
        if any(each[kind] for each in counts)
    ]


def totals(every: Sequence[Side]) -> list[dict[str, Any]]:
    """Return the lines below the kinds: all of them, and what is not theirs."""
    counts = {
        "all old pages": [len(side.written) for side in every],
        "new memory": [len(side.new) for side in every],
        "written by the fork itself": [side.last["subject"]["forked"] for side in every],
    }
    return [
        {
            "kind": name,
            "cells": [
                {"pages": number, "size": number * side.data["page"]}
                for side, number in zip(every, numbers, strict=True)
            ],
        }
        for name, numbers in counts.items()
    ]


def _only(row: Row) -> str:
    every = {row["kind"], *row["kinds"]}
    return str(row["kind"]) if len(every) == 1 else ""


def owner(row: Row) -> tuple[str, ...]:
    """Return what a store hit: the kind, and the type or block with the field."""
    what = ".".join(word for word in (row["owner"], row["field"]) if word)
    return row["kind"], what


def function(row: Row) -> tuple[str, ...]:
    """Return who stored: the C function, and for whom, if it serves others."""
    name = row.get("function")
    if name is None:
        return ("not seen",)
    name = str(name)
    if name in _SERVANTS or ".so" in name:
        callers = [each for each in row.get("callers", []) if each not in _SERVANTS]
        name += f" for {callers[0]}" if callers else ""
    if "syscall" in row:
        name = f"system call {row['syscall']} in {name}"
    return (name,)


def source(row: Row) -> str:
    """Return the C source line, '' when it is not known."""
    return str(row.get("source", ""))


def python_line(row: Row) -> tuple[str, ...]:
    """Return the Python line at which the store happened."""
    line = row.get("line")
    return (f"{Path(line[0]).name}:{line[1]} {line[2]}",) if line else ("not seen",)


def writer(row: Row) -> tuple[str, ...]:
    """Return everything about a store at once."""
    return (*owner(row), *function(row), *python_line(row))


def _top(
    side: Side, key: Callable[[Row], tuple[str, ...]], top: int
) -> list[tuple[int, tuple[str, ...]]]:
    counts = Counter(key(row) for row in side.written)
    return [(number, words) for words, number in counts.most_common(top)]


def notes(side: Side) -> Iterable[str]:
    """Yield what a reader must know of one side."""
    trace = side.data["trace"]
    if trace["why"] and trace["why"] != "not asked for":
        yield f"{side.label}: {trace['why']}."
    if trace["done"]:
        unseen = sum(1 for row in side.written if "function" not in row)
        if unseen:
            yield (
                f"{side.label}: {unseen} of {len(side.written)} pages were written unseen: static "
                "data in private mappings of files cannot be watched, C stacks are not."
            )
    if side.data["huge_pages"] == "always":
        yield f"{side.label}: transparent huge pages are on; a store may copy more than one page."
    for look in side.looks:
        for worker in look["workers"]:
            apart = worker["exclusive"] * side.data["page"] - worker["private_dirty"]
            if abs(apart) > max(64 * 1024, worker["private_dirty"] // 50):
                both = size(worker["private_dirty"]), size(worker["private_dirty"] + apart)
                yield (
                    f"{side.label}: {worker['name']} has {both[0]} Private_Dirty, and its pages "
                    f"add up to {both[1]}."
                )


def size(number: float) -> str:
    """Return bytes in the unit that suits."""
    if abs(number) >= 10 * 2**20:
        return f"{number / 2**20:.1f} MiB"
    return f"{number / 2**10:.0f} KiB"


def span(numbers: Sequence[int]) -> str:
    """Return the smallest and the largest of some sizes."""
    low, high = size(min(numbers)), size(max(numbers))
    return low if low == high else f"{low} to {high}"


def render(context: dict[str, Any], template: str) -> str:
    """Return a template of ``templates/`` filled in."""
    filters: dict[str, Callable[..., str]] = {"size": size, "span": span, "cell": _cell}
    return templates.fill(_TEMPLATES / template, context, filters)


def _cell(text: str) -> str:
    """Return a word that may stand in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "\\<").replace("_", "\\_")


def terminal(context: dict[str, Any]) -> list[str]:
    """Return the tables as a terminal shows them."""
    stream = io.StringIO()
    console = Console(file=stream, width=None if _is_terminal() else 150, force_terminal=False)
    table = Table("", "rounds", title="Private memory of a worker, above one that did nothing")
    for head in ("growth per worker", "Private_Dirty", "by pages", "idle", "old pages", "new"):
        table.add_column(head, justify="right")
    for row in context["growth"]:
        numbers = (row[key] for key in ("dirty", "pages", "idle", "written", "new"))
        table.add_row(
            row["side"], str(row["rounds"]), span(row["growth"]), *(size(each) for each in numbers)
        )
    console.print(table)
    _kinds_table(console, context)
    for side, rows in zip(context["sides"], context["writers"], strict=True):
        table = Table(title=f"{side.label}: first stores to a page, most frequent first")
        for head in ("pages", "kind", "what", "C function", "Python"):
            table.add_column(head, justify="right" if head == "pages" else "left")
        for number, words in rows:
            table.add_row(str(number), *words)
        console.print(table)
    lines = stream.getvalue().rstrip().splitlines()
    return [*lines, *(f"note: {note}" for note in context["notes"])]


def _kinds_table(console: Console, context: dict[str, Any]) -> None:
    table = Table("first store to a page", title="Pages that were shared at the fork, by what hit")
    for side in context["sides"]:
        table.add_column(side.label, justify="right")
        table.add_column("nothing else", justify="right")
    for row in context["kinds"]:
        cells = [(str(cell["pages"]), str(cell["alone"])) for cell in row["cells"]]
        table.add_row(row["kind"], *(word for cell in cells for word in cell))
    table.add_section()
    for row in context["totals"]:
        cells = [(str(cell["pages"]), "") for cell in row["cells"]]
        table.add_row(row["kind"], *(word for cell in cells for word in cell))
    console.print(table)


def _is_terminal() -> bool:
    return Console().is_terminal
