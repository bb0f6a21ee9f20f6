"""What exits.py and heap_cost.py share: interpreters, asked and run as make bench does."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from cpatch.base.errors import CpatchError
from cpatch.bench.probes import Measuring
from cpatch.bench.runs import RunFailedError
from cpatch.measuring import machine
from cpatch.measuring.interpreters import Role, ask


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what the driver raises into a message of click's."""
    try:
        yield
    except CpatchError as error:
        raise click.ClickException(error.render()) from None
    except RunFailedError as error:
        raise click.ClickException(f"{error.what}\n{error.tail[-2000:]}") from None


def interpreter(name: str, python: Path) -> Measuring:
    """Return the means to run *python*; CpatchError when it is no interpreter.

    Its programs run with a fixed hash seed, on any CPU, and not in the user's directory.
    """
    side = ask(name, python.absolute())
    return Measuring(Role(name, side), seed=0, cpu=None, scratch=Path("/"))


def interpreters(items: tuple[str, ...]) -> dict[str, Measuring]:
    """Read NAME=PYTHON arguments; UsageError says what is wrong with the first bad one."""
    found = {}
    for item in items:
        name, _, path = item.partition("=")
        if not path or not os.access(path, os.X_OK):
            raise click.UsageError(f"{item!r}: want NAME=PYTHON, PYTHON an executable; make build")
        found[name] = interpreter(name, Path(path))
    return found


def facts(asked: Measuring) -> dict[str, Any]:
    """Return what an interpreter was made from, and what machine it runs on."""
    return {**asked.role.side.made_from, "machine": machine.facts()}
