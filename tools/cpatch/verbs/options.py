"""Command-line options that several verbs share, so that they are spelt alike everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

import click

from cpatch.base import console
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import TREES, Project
from cpatch.building import userland
from cpatch.building.flavors import FLAVORS, processors
from cpatch.series import parts as series_parts
from cpatch.series import patchfiles

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
    """Return the words of an option like ``A,B``: a callback of click's.

    Without the option there are none, which stands for all; given, it has to name one.
    """
    if value is None:
        return ()
    found = tuple(filter(None, value.replace(" ", ",").split(",")))
    if not found:
        raise click.BadParameter(f"{value!r} names nothing of {param.metavar}")
    return found


def each_of_names(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    """Return the words of each option like ``A,B`` that was given: a callback of click's."""
    return tuple(names(ctx, param, each) for each in value)


def check_modes(given: Iterable[str], known: Collection[str]) -> None:
    """Raise CpatchError for a mode that is not *known*."""
    for name in given:
        if name not in known:
            raise CpatchError(
                f"no such mode: {name}",
                wanted=", ".join(known),
                got=name,
                fix="leave --mode out, for all",
                code=USAGE,
            )


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


def tree_option(func: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--tree stock|patched`` and ``--parts LIST``; the verb gets ``tree``, a tree's name."""

    @functools.wraps(func)
    def with_tree(*args: Any, tree: str, parts: tuple[str, ...], **rest: Any) -> Any:
        if parts:
            if tree == "stock":
                raise CpatchError("the stock tree has no parts", fix="leave one out", code=USAGE)
            project, pin = open_pin(rest.get("pin_name"))
            tree = series_parts.tree_of(patchfiles.load_series(project, pin).parts, parts)
        return func(*args, tree=tree, **rest)

    for option in (
        click.option(
            "--tree",
            type=click.Choice(TREES),
            default="patched",
            show_default=True,
            help="Which source tree.",
        ),
        parts_option("Only these parts of the series."),
    ):
        with_tree = option(with_tree)
    return with_tree


def parts_option(text: str) -> Callable[[F], F]:
    """Add ``--parts PART,…``, passed as ``parts``, a tuple of names."""
    return click.option("--parts", callback=names, metavar="PART,…", help=text)


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


def suites_option(text: str, known: Collection[str] = ()) -> Callable[[F], F]:
    """Add ``--try SUITE,…``, passed as ``suites``: bare systems that are there or can be made.

    What would be refused after a build is refused before it: what is not *known*, if any are, too.
    """

    def suites(
        ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
    ) -> tuple[str, ...]:
        found = tuple(name for each in value for name in names(ctx, param, each))
        for suite in found:
            if known and suite not in known:
                raise click.BadParameter(f"{suite!r} is not one of {', '.join(known)}")
            userland.check(Project.find(), suite)
        return found

    return click.option(
        "--try", "suites", multiple=True, callback=suites, metavar="SUITE,…", help=text
    )


def open_pin(pin_name: str | None) -> tuple[Project, Pin]:
    """Return the project and the pin a verb works on."""
    project = Project.find()
    pins = load_pins(project)
    pin = pins.get(pin_name)
    console.set_pin(None if pin.branch == pins.get(None).branch else pin.branch)
    return project, pin
