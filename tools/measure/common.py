"""What counts.py and pairs.py share: the interpreters, the benchmark scripts, the environment."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pyperformance

BENCHMARKS = Path(pyperformance.__file__).parent / "data-files" / "benchmarks"


def script_of(benchmark: str) -> Path:
    """Return pyperformance's script of a benchmark."""
    return BENCHMARKS / f"bm_{benchmark}" / "run_benchmark.py"


def interpreters(items: tuple[str, ...]) -> dict[str, Path]:
    """Read NAME=PYTHON arguments; UsageError says what is wrong with the first bad one."""
    pythons = {}
    for item in items:
        name, _, path = item.partition("=")
        if not path or not os.access(path, os.X_OK):
            raise click.UsageError(f"{item!r}: want NAME=PYTHON, PYTHON an executable; make build")
        pythons[name] = Path(path).absolute()
    return pythons


def environment(**more: str) -> dict[str, str]:
    """Return our environment without Python's variables, but with a fixed hash seed and locale."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return env | {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"} | more
