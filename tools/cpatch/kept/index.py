"""The index of the kept runs, as Markdown: one row for each."""

from __future__ import annotations

from cpatch.base.project import Project
from cpatch.kept import entries
from cpatch.kept.entry import Entry

_HEAD = """\
# Kept runs

One row for each run that a claim of today rests on, or for each tree that it compared with stock;
[docs/figures.md](../docs/figures.md) has the claims. This page is made by `make results` from the
raw data: do not edit it. A result that is a number alone is a geometric mean: above 1 is faster
than stock; the interval is in brackets, *A/A* is stock against itself. The words are explained in
[docs/how-it-works.md](../docs/how-it-works.md#glossary).

| folder | what it holds |
|---|---|
| `run.json`, `report.md`, `raw.tar.xz` | what `make bench` or `make servers` measured |
| anything else | raw data of an audit, or of a [small tool](../tools/measure/README.md) |

```
make report ARGS=results/NAME                    # the report again, and its HTML with plots
make results ARGS="--keep build/results/NAME"    # keep a new run
make results                                     # write this page and the picture of the README
```

Runs that are not kept any more are in history: `git log --stat -- results`.

"""
_COLUMNS = ("run", "tree", "parts", "rounds", "result (a ratio: times faster)", "A/A", "more")


def text(project: Project) -> str:
    """Return the page; CpatchError when a run cannot be read."""
    lines = [_line(_COLUMNS), "|---|---|---|---:|---|---|---|"]
    return _HEAD + "\n".join([*lines, *map(_entry, entries.every(project))]) + "\n"


def _entry(each: Entry) -> str:
    link = f"[{each.name}]({each.name}/report.md)"
    return _line((link, each.tree, each.parts, each.rounds, each.mean, each.noise, each.verdict))


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
