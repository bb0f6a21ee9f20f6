"""Plots of ratios against stock, as SVG."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from cpatch.measuring.stats import Estimate

FASTER, SLOWER, WITHIN, BAND, PUBLISHED = "#14795a", "#b23a24", "#6f7780", "#dfe3e8", "#3d4fb8"

_LOOKS = {"faster": (FASTER, ">"), "slower": (SLOWER, "<"), "noise": (WITHIN, "o")}

# Where the axis may have its marks, in times faster than stock.
_TICKS = (0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.3, 1.5, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Mark:
    """One line of a plot: a name, and for each column its estimate and the noise around 1."""

    name: str
    estimates: Sequence[Estimate | None]
    noises: Sequence[float | None]  # half the band's width, as a logarithm
    verdicts: Sequence[str]  # faster, slower or noise
    published: float | None = None  # the 2022 ratio
    bold: bool = False


def forest(marks: Sequence[Mark], columns: Sequence[str], *, better: str = "faster") -> str:
    """Return a plot as a data URI: a column for each machine, a line for each benchmark.

    *better* is what a ratio above 1 means.
    """
    above = 0.3 if len(columns) == 1 else 0.55
    height = 0.19 * len(marks) + 0.55 + above
    width = min(2.4 + (7.2 if len(columns) == 1 else 5.0) * len(columns), 18)
    figure = Figure(figsize=(width, height))
    panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    left, right = _reach(marks)
    for number, (axes, name) in enumerate(zip(panels, columns, strict=True)):
        _panel(axes, marks, number, (left, right), better)
        if len(columns) > 1:
            axes.set_title(name, fontsize=9, pad=8)
    first = panels[0]
    first.set_yticks(range(len(marks)), [mark.name for mark in marks])
    for label, mark in zip(first.get_yticklabels(), marks, strict=True):
        label.set_fontweight("bold" if mark.bold else "normal")
    first.set_ylim(len(marks) - 0.4, -0.6)
    # Everything around the panel has a fixed size, whatever the number of lines.
    figure.subplots_adjust(
        left=2.3 / width,
        right=0.985,
        top=1 - above / height,
        bottom=0.5 / height,
        wspace=0.05,
    )
    return uri(figure)


def _panel(
    axes: Axes, marks: Sequence[Mark], number: int, reach: tuple[float, float], better: str
) -> None:
    for at, mark in enumerate(marks):
        estimate, noise = mark.estimates[number], mark.noises[number]
        if noise:
            axes.barh(at, 2 * noise, left=-noise, height=0.82, color=BAND)
        if estimate is None:
            continue
        verdict = mark.verdicts[number]
        colour, shape = _LOOKS[verdict]
        axes.plot(
            [estimate.low, estimate.high], [at, at], color=colour, lw=1.3, solid_capstyle="butt"
        )
        filled = "white" if verdict == "noise" else colour
        axes.plot(
            estimate.log, at, shape, color=colour, markerfacecolor=filled, ms=5, mew=1.1, zorder=3
        )
        if mark.published:
            axes.plot(math.log(mark.published), at, "|", color=PUBLISHED, ms=8, mew=1.8, zorder=4)
    axes.axvline(0, color="#30363d", lw=0.8)
    axes.set_xlim(*reach)
    marked = [math.log(tick) for tick in _spread(reach)]
    axes.xaxis.set_major_locator(FixedLocator(marked))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{math.exp(value):g}"))
    axes.set_xlabel(f"← more than stock     times {better} than stock     {better} →", fontsize=8)
    if better == "faster":
        axes.set_xlabel("← slower     times faster than stock     faster →", fontsize=8)
    axes.tick_params(axis="y", length=0, labelsize=8)
    tall = len(marks) > 40
    axes.tick_params(axis="x", labelsize=8, top=tall, labeltop=tall)
    axes.grid(axis="x", color="#eceff2", lw=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _reach(marks: Sequence[Mark]) -> tuple[float, float]:
    """Return the axis's ends: all estimates are on it, and most of what is around them."""
    every = [each for mark in marks for each in mark.estimates if each]
    logs = [each.log for each in every]
    logs += [math.log(mark.published) for mark in marks if mark.published]
    lows, highs = sorted(each.low for each in every), sorted(each.high for each in every)
    noises = sorted(noise for mark in marks for noise in mark.noises if noise) or [0.0]
    most = int(0.9 * (len(noises) - 1))
    left = min([*logs, lows[(len(lows) - 1) // 10], -noises[most], -0.015])
    right = max([*logs, highs[int(0.9 * (len(highs) - 1))], noises[most], 0.015])
    air = 0.06 * (right - left)
    return left - air, right + air


def _spread(reach: tuple[float, float]) -> list[float]:
    """Return the marks that fit, not too close to each other."""
    span = reach[1] - reach[0]
    ticks = _TICKS if span > 0.15 else tuple(tick / 100 for tick in range(85, 116))
    kept = [1.0]
    for tick in sorted(ticks, key=lambda value: abs(math.log(value))):
        inside = reach[0] <= math.log(tick) <= reach[1]
        if inside and all(abs(math.log(tick / other)) > span / 14 for other in kept):
            kept.append(tick)
    return kept


def uri(figure: Figure) -> str:
    """Return a figure as a data URI; the same bytes for the same data."""
    stream = io.BytesIO()
    # The same bytes for the same data: no date, ids from a fixed salt.
    with mpl.rc_context({"svg.hashsalt": "cpatch", "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode()
