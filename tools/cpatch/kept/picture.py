"""The picture of the README: memory, exit and speed, drawn from kept raw data."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cpatch.base import files
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.kept import entries
from cpatch.measuring import archive
from cpatch.report import rows, verdicts
from cpatch.servers import figures
from cpatch.servers.cases import Results

#: The runs that the picture shows, by the ends of their folders' names.
MEMORY, EXIT, SPEED = "-servers", "-ways", "-default"

STOCK, FREEZE, OURS, AMISS, PALE = "#6f7780", "#d08a1d", "#14795a", "#b23a24", "#dfe3e8"

_MODES = {
    "stock": ("stock", STOCK),
    "freeze": ("stock, gc.freeze()", FREEZE),
    "immortal": ("gc.immortalize_heap()", OURS),
}

_VERDICTS = {
    "faster": ("faster beyond noise", OURS),
    "slower": ("slower beyond noise", AMISS),
    "noise": ("within noise", STOCK),
}


def data(project: Project) -> dict[str, Any]:
    """Return the numbers that are drawn, from the default pin's newest kept run of each kind."""
    branch = load_pins(project).default
    memory_run, exit_run, speed_run = (
        entries.newest(project, ending, branch) for ending in (MEMORY, EXIT, SPEED)
    )
    memory = Results(archive.opened(project, memory_run))
    cells = {
        str(case.workers): {mode: round(modes[mode].middle("pss") / 2**20, 1) for mode in _MODES}
        for case, modes in figures.cells(memory.runs()).items()
        if case.setup == "django"
    }
    speed = rows.load(archive.opened(project, speed_run))
    means = verdicts.means(speed)
    assert means is not None
    return {
        "memory": cells,
        "exit": entries.ways(exit_run)["default"],
        "speed": sorted(
            [round(row.main.change.ratio, 3), verdicts.verdict(row)] for row in speed.times
        ),
        "mean": round(means.main.ratio, 3),
    }


def described(path: Path) -> dict[str, Any] | None:
    """Return the numbers that a picture was drawn from; None when it is not one of these."""
    try:
        text = path.read_text(encoding="utf-8")
        start = text.index("<dc:description>") + len("<dc:description>")
        found = json.loads(text[start : text.index("</dc:description>")])
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write(path: Path, numbers: Mapping[str, Any]) -> None:
    """Draw the picture as SVG, with the numbers in its description."""
    # Text stays text: small, and read aloud by whoever cannot see it.
    settings = {"svg.hashsalt": "cpatch", "svg.fonttype": "none", "font.size": 8}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(9.6, 2.7))
        left, middle, right = figure.subplots(1, 3, width_ratios=[1.15, 1, 1.15])
        _memory(left, numbers["memory"])
        _exit(middle, numbers["exit"])
        _speed(right, numbers["speed"], numbers["mean"])
        figure.tight_layout(w_pad=2)
        about = {"Date": None, "Creator": None, "Description": json.dumps(numbers)}
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new.svg")
        figure.savefig(fresh, format="svg", metadata=about)
    # matplotlib leaves blanks at line ends.
    lines = fresh.read_text(encoding="utf-8").splitlines()
    fresh.unlink()
    files.write(path, "\n".join(line.rstrip() for line in lines) + "\n")


def _memory(axes: Axes, cells: Mapping[str, Mapping[str, float]]) -> None:
    width = 0.27
    for at, (mode, (label, colour)) in enumerate(_MODES.items()):
        places = [number + (at - 1) * width for number in range(len(cells))]
        values = [each[mode] for each in cells.values()]
        axes.bar(places, values, width * 0.92, color=colour, label=label)
        for place, value in zip(places, values, strict=True):
            axes.text(place, value, f"{value:.0f}", ha="center", va="bottom", fontsize=6)
    axes.set_xticks(range(len(cells)), list(cells))
    axes.set_xlabel("workers of gunicorn, Django")
    _finish(axes, "memory of a server, MiB")
    axes.legend(frameon=False, fontsize=7, loc="upper left")


def _exit(axes: Axes, sides: Mapping[str, Mapping[str, int]]) -> None:
    names = ("patched", "stock")
    parts = {
        "once, all in place": (OURS, [sides[name]["whole"] for name in names]),
        "once, things are gone": (FREEZE, [sides[n]["once"] - sides[n]["whole"] for n in names]),
        "never, or in part": (AMISS, [sides[name]["all"] - sides[name]["once"] for name in names]),
    }
    low = [0] * len(names)
    for label, (colour, values) in parts.items():
        axes.barh(range(len(names)), values, 0.6, left=low, color=colour, label=label)
        for at, value in enumerate(values):
            if value:
                middle = low[at] + value / 2
                axes.text(middle, at, str(value), ha="center", va="center", color="white")
        low = [each + value for each, value in zip(low, values, strict=True)]
    axes.set_yticks(range(len(names)), ["this", "stock"])
    axes.set_ylim(-0.6, 2.6)
    axes.legend(frameon=False, fontsize=7, loc="upper left")
    _finish(axes, f"{low[0]} ways to hold an object at exit")


def _speed(axes: Axes, rows: Sequence[tuple[float, str]], mean: float) -> None:
    ratios = [ratio for ratio, _ in rows]
    for word, (label, colour) in _VERDICTS.items():
        at = [number for number, (_, each) in enumerate(rows) if each == word]
        # One line with gaps in it takes a fifth of the room that as many bars do.
        places = [place for number in at for place in (number, number, math.nan)]
        tops = [top for number in at for top in (0, math.log2(ratios[number]), math.nan)]
        axes.plot(
            places, tops, color=colour, lw=1.6, solid_capstyle="butt", label=f"{label}: {len(at)}"
        )
    axes.axhline(0, color="#30363d", lw=0.8)
    axes.axhline(math.log2(mean), color=OURS, lw=0.8, ls="--")
    axes.text(0, math.log2(mean) + 0.02, f"mean {mean:.3f}", fontsize=7, color=OURS)
    ticks = [tick for tick in (0.8, 0.9, 1, 1.1, 1.25, 1.5, 2) if tick <= max(ratios) * 1.1]
    axes.set_yticks([math.log2(tick) for tick in ticks], [f"{tick:g}" for tick in ticks])
    axes.set_xticks([])
    axes.set_xlabel(f"{len(ratios)} benchmarks, median {statistics.median(ratios):.2f}")
    axes.legend(frameon=False, fontsize=7, loc="upper left")
    _finish(axes, "pyperformance, times stock's speed")


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=8.5, loc="left")
    axes.tick_params(length=0)
    axes.grid(axis="y", color=PALE, lw=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
