"""Plots of servers: memory by workers and mode, and private memory over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cpatch.measuring.plots import uri
from cpatch.servers.figures import MIB, Cell, per_worker
from cpatch.servers.setups import MODES

COLOURS = {
    "stock": "#6f7780",
    "freeze": "#d08a1d",
    "again": "#e3b975",
    "wheel": "#57b894",
    "startup": "#3d4fb8",
    "immortal": "#14795a",
}


def label(mode: str) -> str:
    """Return a mode's label without marks of code."""
    return MODES[mode].label.replace("`", "")


def by_workers(cases: Sequence[Mapping[str, Cell]]) -> str:
    """Return bars as a data URI: the sum of PSS, for each number of workers and each mode."""
    figure = Figure(figsize=(9, 3.4))
    axes = figure.subplots()
    modes = [mode for mode in MODES if any(mode in cells for cells in cases)]
    width = 0.8 / max(1, len(modes))
    for at, mode in enumerate(modes):
        for number, cells in enumerate(cases):
            if mode not in cells:
                continue
            middle = cells[mode].middle("pss") / MIB
            low, high = (each / MIB for each in cells[mode].spread("pss"))
            place = number + (at - (len(modes) - 1) / 2) * width
            axes.bar(
                place, middle, width * 0.92, color=COLOURS[mode],
                label=label(mode) if not number else None,
            )  # fmt: skip
            axes.plot([place, place], [low, high], color="#1f2429", lw=1)
            axes.text(
                place, high, f"{middle:.0f}", ha="center", va="bottom", fontsize=7, color="#30363d"
            )
    workers = [next(iter(cells.values())).case.workers for cells in cases]
    axes.set_xticks(range(len(cases)), [f"{number} workers" for number in workers])
    axes.set_ylabel("sum of PSS, MiB", fontsize=8)
    _finish(axes)
    figure.tight_layout()
    return uri(figure)


def over_time(runs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return lines as a data URI: private dirty memory of a worker, from start to last request."""
    figure = Figure(figsize=(9, 3.0))
    axes = figure.subplots()
    for mode in MODES:
        if mode not in runs:
            continue
        samples = runs[mode]["samples"]
        begun = samples[0]["at"]
        axes.plot(
            [sample["at"] - begun for sample in samples],
            [per_worker(sample, "private_dirty") / MIB for sample in samples],
            color=COLOURS[mode],
            lw=1.6,
            label=label(mode),
        )
    axes.set_xlabel("seconds under load", fontsize=8)
    axes.set_ylabel("private dirty, MiB per worker", fontsize=8)
    axes.set_xlim(left=0)
    _finish(axes)
    figure.tight_layout()
    return uri(figure)


def _finish(axes: Axes) -> None:
    axes.set_ylim(bottom=0)
    axes.margins(y=0.12)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", color="#eceff2", lw=0.8)
    axes.set_axisbelow(True)
    axes.legend(fontsize=8, frameon=False, loc="upper left", ncols=2)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.18)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
