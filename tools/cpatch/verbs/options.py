"""Command-line options that several verbs share, so that they are spelt alike everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from cpatch.base import console
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import TREES, Project
from cpatch.building.flavors import FLAVORS, processors

F = TypeVar("F", bound=Callable[..., Any])
Asked = TypeVar("Asked")
Done = TypeVar("Done")


def asked(kind: Callable[..., Asked]) -> Callable[[Callable[[Asked], Done]], Callable[..., Done]]:
    """Hand a verb all that was asked for as one value of *kind*, which has a field per option."""

    def with_one_value(verb: Callable[[Asked], Done]) -> Callable[..., Done]:
        @functools.wraps(verb)
        def command(**options: Any) -> Done:
            return verb(kind(**options))

        return command

    return with_one_value


def names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Return the words of an option like ``A,B``: a callback of click's."""
    return tuple(filter(None, (value or "").replace(" ", ",").split(",")))


def _set_verbose(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        console.set_verbose(True)


def verbose_option(func: F) -> F:
    """Add ``-v``; the verb gets no parameter, ``console.detail`` simply speaks."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_set_verbose,
        help="Show each command and step.",
    )(func)


def pin_option(func: F) -> F:
    """Add ``--pin NAME``, passed as ``pin_name``; None means the default pin."""
    return click.option(
        "--pin",
        "pin_name",
        metavar="BRANCH",
        help="Which pinned CPython (default: the pin file's).",
    )(func)


def tree_option(func: F) -> F:
    """Add ``--tree stock|patched``, passed as ``tree``, patched by default."""
    return click.option(
        "--tree",
        type=click.Choice(TREES),
        default="patched",
        show_default=True,
        help="Which source tree.",
    )(func)


def flavor_option(func: F) -> F:
    """Add ``--flavor NAME``, passed as ``flavor``, release by default."""
    return click.option(
        "--flavor",
        default="release",
        show_default=True,
        help="; ".join(f"{row.name}: {row.summary}" for row in FLAVORS.values()),
    )(func)


def jobs_option(func: F) -> F:
    """Add ``--jobs N``, passed as ``jobs``, the number of usable processors by default."""
    return click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        default=processors,
        help="How many things at once (default: the number of processors).",
    )(func)


def open_pin(pin_name: str | None) -> tuple[Project, Pin]:
    """Return the project and the pin a verb works on."""
    project = Project.find()
    return project, load_pins(project).get(pin_name)
