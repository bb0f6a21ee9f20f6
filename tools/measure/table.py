r"""The table of pairs.py again, from the JSON it kept; several runs are put together.

build/venv/bin/python tools/measure/table.py DIR... --base stock
"""

from __future__ import annotations

import statistics
from pathlib import Path

import click
import pairs
import pyperf


def load(directory: Path) -> pairs.Means:
    """Read the means of one run of pairs.py; two runs of each interpreter make a round."""
    means: pairs.Means = {}
    files = [path for path in sorted(directory.glob("*.json")) if not path.stem.endswith(".facts")]
    if not files:
        raise click.UsageError(f"{directory} holds no results of pairs.py")
    for path in files:
        for benchmark in pyperf.BenchmarkSuite.load(str(path)).get_benchmarks():
            values = [statistics.mean(run.values) for run in benchmark.get_runs() if run.values]
            rounds = list(zip(values[::2], values[1::2], strict=True))
            means[benchmark.get_name(), path.stem] = rounds
    return means


@click.command()
@click.argument("directories", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--base", default="stock", show_default=True, help="Whom the others are compared with."
)
def main(directories: tuple[Path, ...], base: str) -> None:
    """Print the table of one or several kept runs, their rounds put together."""
    means: pairs.Means = {}
    for directory in directories:
        for key, rounds in load(directory).items():
            means.setdefault(key, []).extend(rounds)
    names = sorted({name for _, name in means}, key=lambda name: (name != base, name))
    if names[0] != base:
        raise click.UsageError(f"no results of {base}; there are: {' '.join(names)}")
    pairs.report(names, means)


if __name__ == "__main__":
    main()
