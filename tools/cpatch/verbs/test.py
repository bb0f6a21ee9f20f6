"""test: the driver's tests, ours, CPython's suite, and the debug build, judged against stock."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import click

from cpatch.base import console
from cpatch.base.errors import REGRESSION, USAGE, CpatchError
from cpatch.base.pinfile import load_pins
from cpatch.series import apply, patchfiles
from cpatch.series import parts as series_parts
from cpatch.suite import (
    choice,
    compat_leg,
    headers_leg,
    legs,
    parts_leg,
    regrtest,
    variants_leg,
    wheel_leg,
)
from cpatch.suite.result import Result
from cpatch.verbs.options import jobs_option, open_pin, parts_option, pin_option, verbose_option
from cpatch.wheels import stage

USUAL = tuple(dict.fromkeys(name for name, _ in legs.LEGS))
#: Runs for other pins, and when it is named: what it does is a part of other legs here.
NAMED = tuple(row for row in legs.OTHER_PINS if row[0] not in USUAL)
#: These need an index of packages. The wheel's runs where there is a wheel.
COMPAT = ("compat", compat_leg.few)
WHEEL = ("wheel", wheel_leg.built_and_tested)
#: Run when they are named only: some take hours.
ALONE = (
    legs.WHOLE,
    *variants_leg.SANITIZED,
    ("parts", parts_leg.parts_alone),
    ("headers-all", headers_leg.every),
    ("wheel-suite", wheel_leg.suite),
)
NAMES = (*USUAL, *(name for name, _ in (*NAMED, COMPAT, WHEEL, *ALONE)))
#: What ARGUMENTS name files for, and what runs on stock of that.
ON_STOCK = ("wheel-suite",)
OF_FILES = ("suite", *(name for name, _ in variants_leg.SANITIZED), *ON_STOCK)
#: What ARGUMENTS are for at all: for headers-all they are words of its rows.
WITH_ARGUMENTS = (*OF_FILES, "headers-all")
#: What can be run on a tree of some parts.
OF_PARTS = ("ours", "suite", "off", "debug")


@click.command("test", context_settings={"ignore_unknown_options": True})
@pin_option
@parts_option("Test a tree of these parts of the series.")
@jobs_option
@click.option("--quick", is_flag=True, help="Driver, ours, and a few core files of the suite.")
@click.option("--only", type=click.Choice(NAMES), multiple=True, help="Only this leg; repeatable.")
@click.option("--stock", is_flag=True, help="Run the suite on stock and compare with the list.")
@click.option("--minutes", type=float, help="Begin no leg after so many; say which.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@verbose_option
def command(
    pin_name: str | None,
    parts: tuple[str, ...],
    jobs: int,
    quick: bool,
    only: tuple[str, ...],
    stock: bool,
    minutes: float | None,
    arguments: tuple[str, ...],
) -> int:
    """Test the patched interpreter; a failure counts only if stock passes that test.

    Without anything else, the default pin whole, and of the other pins lint, ours, the auditor and
    the core files, for those whose series is not empty and that are not unfinished. A few packages'
    own tests, and the wheel where there is one.

    ARGUMENTS go to regrtest in place of the whole suite (names of test files, -m PATTERN), or to
    the legs named that take some: asan, ubsan, wheel-suite, and headers-all, for words of rows.
    """
    project, pin = open_pin(pin_name)
    tree = "patched"
    if parts:
        tree = series_parts.tree_of(patchfiles.load_series(project, pin).parts, parts)
    wheel = ("wheel",) if stage.is_for(project, pin) else ()
    wanted = only or (*USUAL, "compat", *wheel)
    if tree != "patched":
        if stock or set(only) - set(OF_PARTS):
            raise CpatchError(
                "not all legs are for a tree of some parts",
                wanted=", ".join(OF_PARTS),
                got="--stock" if stock else ", ".join(only),
                fix="leave PARTS out, or name these legs alone",
                code=USAGE,
            )
        wanted = only or OF_PARTS
    if arguments and (deaf := [name for name in only if name not in WITH_ARGUMENTS]):
        raise CpatchError(
            f"no arguments are for {', '.join(deaf)}",
            wanted=f"arguments for {', '.join(WITH_ARGUMENTS)}",
            got=" ".join(arguments),
            fix="leave them out, or run those legs by themselves",
            code=USAGE,
        )
    if stock:
        if set(only) - {"suite"}:
            raise CpatchError("--stock is for the suite", fix="make test ARGS=--stock", code=USAGE)
        wanted = ("suite",)
    elif arguments and not only:
        wanted = ("suite",)
    elif quick:
        wanted = only or tuple(n for n in ("driver", "ours", "suite") if n in wanted)
    context = legs.Context(project, pin, jobs, arguments, stock, tree)
    _check_names(context, wanted)
    if quick and not arguments:
        context = replace(context, arguments=tuple(choice.QUICK))
    end = time.monotonic() + 60 * minutes if minutes is not None else None
    results = _run([row for row in _in_order() if row[0] in wanted], context, end)
    if not (pin_name or parts or only or quick or stock or arguments):
        results += _other_pins(context, end)
    report(results)
    return REGRESSION if any(result.failed for result in results) else 0


def _check_names(context: legs.Context, wanted: Iterable[str]) -> None:
    """Refuse a name of no test file before anything is built for it."""
    names = regrtest.names(context.arguments)
    for leg in wanted:
        if names and leg in OF_FILES:
            tree = "stock" if context.stock or leg in ON_STOCK else context.tree
            tests = apply.ensure_tree(context.project, context.pin, tree).path / "Lib" / "test"
            choice.check(names, tests, context.project.show(tests))


def _in_order() -> list[legs.Row]:
    """All legs, as they run: the wheel's is the first that needs stock.

    It configures stock with a prefix, which the others keep; after them it would make stock again.
    """
    names = [name for name, _ in legs.LEGS]
    first = names.index("headers") if "headers" in names else len(names)
    return [*legs.LEGS[:first], WHEEL, *legs.LEGS[first:], *NAMED, COMPAT, *ALONE]


def _run(rows: Iterable[legs.Row], context: legs.Context, end: float | None) -> list[Result]:
    """Run legs; one that would begin after *end*, of time.monotonic(), is skipped, and says so."""
    results = []
    for name, leg in rows:
        if end is not None and time.monotonic() > end:
            what = "NOT RUN, the time is up (--minutes)"
            results.append(Result(name, skipped=1, matters=[what]))
        else:
            results.append(legs.run_leg(leg, name, context))
    return results


def _other_pins(context: legs.Context, end: float | None) -> list[Result]:
    """Run what other pins need; one that has nothing to test yet is passed over with a line."""
    results = []
    for pin in load_pins(context.project).table.values():
        if pin.branch == context.pin.branch:
            continue
        if not patchfiles.load_series(context.project, pin).names:
            console.say(f"{pin.branch}: skipped, its series is empty (patches/{pin.series})")
            continue
        if pin.unfinished:
            how = f"make test PIN={pin.branch} tests it"
            console.say(f"{pin.branch}: skipped, the pin file calls it unfinished; {how}")
            continue
        wheel = (WHEEL,) if stage.is_for(context.project, pin) else ()
        for result in _run((*legs.OTHER_PINS, *wheel), replace(context, pin=pin), end):
            result.name = f"{pin.branch} {result.name}"
            results.append(result)
    return results


def report(results: list[Result]) -> None:
    """Print what happened, the table, what failed once more, and the totals as the last line.

    Whoever sees the end only, as in a CI that keeps the last lines, then sees what failed.
    """
    for result in results:
        for line in (*result.notes, *result.matters):
            console.say(f"{result.name}: {line}")
    console.say()
    wide = max([8, *(len(row.name) + 2 for row in results)])
    console.say(f"{'leg':<{wide}}{'passed':>8}{'failed':>8}{'skipped':>9}  time")
    for row in results:
        console.say(
            f"{row.name:<{wide}}{row.passed:>8}{row.failed:>8}{row.skipped:>9}"
            f"  {console.seconds(row.seconds)}"
        )
    console.say()
    told = [f"{row.name}: {line}" for row in results for line in row.matters]
    for line in told:
        console.say(line)
    if told:
        console.say()
    passed, failed, skipped = (
        sum(getattr(result, key) for result in results) for key in ("passed", "failed", "skipped")
    )
    console.say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
