"""A run of servers, folded: how often each latency, worker and page came, and few samples.

A run has some thousand answers, each a page, a latency in ms and the worker that gave it. What the
report says of them (quantiles, requests/s, the busiest worker) needs none of their order. Folded,
latencies are counted in tenths of a millisecond, the last digit that a report prints, and take a
twentieth of the room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

#: Latencies are kept in so many parts of a millisecond.
PARTS = 10

#: Of the samples of memory so many are kept: the first, the last, and some between.
SAMPLES = 4


def fold(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run with its answers counted and its samples thinned out.

    One that is folded already stays as it is.
    """
    load = dict(run["load"])
    if "answers" not in load:
        return dict(run)
    samples = run["samples"]
    # The first one that is ready is what growth is counted from.
    first = next(at for at, sample in enumerate(samples) if sample["phase"] == "ready")
    steps = SAMPLES - 1
    kept = sorted({first + (len(samples) - 1 - first) * step // steps for step in range(SAMPLES)})
    answers = load.pop("answers")
    load["latencies"] = sorted(Counter(round(each[1] * PARTS) for each in answers).items())
    load["pages"] = sorted(Counter(each[0] for each in answers).items())
    load["shares"] = sorted(Counter(each[2] for each in answers).items())
    return {**run, "load": load, "samples": [samples[at] for at in kept]}


def unfold(run: dict[str, Any]) -> dict[str, Any]:
    """Return a run with a list of answers again: as many of each latency, page and worker.

    Which of them belong together is not known any more.
    """
    load = run["load"]
    if "answers" not in load:
        columns = [_spread(load[name]) for name in ("pages", "latencies", "shares")]
        load["answers"] = [
            (page, tenths / PARTS, worker) for page, tenths, worker in zip(*columns, strict=True)
        ]
    return run


def _spread(counts: list[tuple[Any, int]]) -> list[Any]:
    return [value for value, number in counts for _ in range(number)]
