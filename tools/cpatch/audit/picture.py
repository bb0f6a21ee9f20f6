"""The picture of a heap: a row for each MiB, a cell for each page, coloured by its fate."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from cowaudit import objects
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

ABSENT, SHARED, FORK, NEW = "not there", "shared, untouched", "written by the fork", "new memory"

#: What a cell can be and its colour: first what is no cost, then what was written.
LEGEND: dict[str, str] = {
    ABSENT: "#ffffff",
    SHARED: "#dfe3e8",
    FORK: "#8a929b",
    objects.REFCOUNT: "#c0392b",
    objects.GC_HEAD: "#e67e22",
    objects.FIELD: "#d4a017",
    objects.CODE: "#8e44ad",
    objects.KEYS: "#b8729f",
    objects.TABLE: "#a0522d",
    objects.BLOCK: "#7f6a55",
    objects.FREE: "#2e86c1",
    objects.POOL: "#17a2a2",
    objects.CHUNK: "#1f618d",
    objects.STATIC: "#2c3e50",
    objects.FRAMES: "#6c8f3c",
    objects.STACK: "#9aa86a",
    objects.OTHER: "#c7b299",
    objects.SAME: "#e39b91",
    NEW: "#14795a",
}

_CODES = {name: number for number, name in enumerate(LEGEND)}
_COLOURS = ListedColormap(list(LEGEND.values()))

#: Areas from top to bottom, and what they are called.
_AREAS = {
    "arena": "arenas of objects",
    "mapped": "large blocks",
    "heap": "malloc's heap",
    "image": "static data",
    "stack": "C stack",
}
_ROW = 1 << 20
_CELL = 3  # pixels


def cells(data: dict[str, Any]) -> dict[str, np.ndarray[Any, np.dtype[np.uint8]]]:
    """Return for each area one row of codes for each MiB that has any page in it."""
    page = data["page"]
    last = data["checkpoints"][-1]
    what: dict[int, tuple[str, str]] = {}
    for run in data["picture"]:
        for number in range(run["pages"]):
            what[run["start"] + number * page] = run["area"], SHARED
    for address in last["resting"]:
        what[address] = what.get(address, ("mapped", ""))[0], FORK
    for row in last["pages"]:
        what[row["page"]] = row["area"], NEW if row["new"] else row["kind"]
    out = {}
    for area in _AREAS:
        rows: dict[int, np.ndarray[Any, np.dtype[np.uint8]]] = {}
        for address, (where, name) in what.items():
            if where == area:
                line = rows.setdefault(address // _ROW, np.zeros(_ROW // page, np.uint8))
                line[address % _ROW // page] = _CODES[name]
        if rows:
            out[area] = np.stack([rows[key] for key in sorted(rows)])
    return out


def heap(every: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Return the heaps side by side, as a data URI of a PNG."""
    columns = [cells(data) for _, data in every]
    areas = [area for area in _AREAS if any(area in column for column in columns)]
    heights = [max(len(column.get(area, ())) for column in columns) for area in areas]
    across = max(each.shape[1] for column in columns for each in column.values())
    gap, left, top = 22, 110, 30
    width = left + len(every) * (across * _CELL + gap)
    height = top + sum(count * _CELL + gap for count in heights)
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")
    at = top
    for area, count in zip(areas, heights, strict=True):
        for number, column in enumerate(columns):
            if area in column:
                place = (left + number * (across * _CELL + gap), at)
                axes = _axes(figure, column[area], place, (width, height))
                if at == top:
                    axes.set_title(every[number][0], fontsize=9, loc="left", pad=6)
                if number == 0:
                    axes.set_ylabel(_AREAS[area], fontsize=7, rotation=0, ha="right", va="center")
        at += count * _CELL + gap
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _axes(
    figure: Figure,
    codes: np.ndarray[Any, np.dtype[np.uint8]],
    place: tuple[int, int],
    size: tuple[int, int],
) -> Axes:
    """Draw one area so that a page is a square of a whole number of pixels."""
    rows, across = codes.shape
    left, top = place
    box = (
        left / size[0],
        1 - (top + rows * _CELL) / size[1],
        across * _CELL / size[0],
        rows * _CELL / size[1],
    )
    axes = figure.add_axes(box)
    axes.imshow(
        codes,
        cmap=_COLOURS,
        vmin=-0.5,
        vmax=len(LEGEND) - 0.5,
        interpolation="nearest",
        aspect="auto",
    )
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#aab2ba")
        spine.set_linewidth(0.5)
    return axes
