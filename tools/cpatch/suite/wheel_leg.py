"""The legs of the extension for an unpatched interpreter.

``wheel`` builds it and runs its tests; ``wheel-suite`` runs CPython's own tests on stock, each file
in a process whose heap was made immortal before.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cpatch.base import proc
from cpatch.base.errors import CpatchError
from cpatch.suite import expected, regrtest, unittests
from cpatch.suite.legs import Context, Regrtest
from cpatch.suite.result import Result
from cpatch.wheels import pack

#: In the repository: what stands in front of regrtest.
_RUN = Path("tools", "wheel", "run.py")


def built_and_tested(context: Context) -> Result:
    """Build sdist and wheel as ``make wheel`` does, and count what its tests did."""
    result = Result("wheel")
    log = context.project.logs(context.pin) / "wheel.log"
    ok = True
    try:
        pack.pack(context.project, context.pin, pack.Job(context.jobs, (), True))
    except CpatchError as error:
        ok = False
        first, *rest = error.render().splitlines()
        result.tell_failed(first, rest)
        if log.exists():
            where = f"log: {context.project.show(log)}; its last lines:"
            result.tell_failed(where, proc.tail(log))
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    result.passed, result.failed, result.skipped = unittests.totals(text, ok=ok)
    return result


class _OnStock(Regrtest):
    """A run of regrtest on stock, with the extension; what differs from stock is explained."""

    def interpreter(self, tree: str) -> str:
        """Whose interpreter stands for *tree*."""
        return "stock"

    def program(self, context: Context, tree: str) -> Sequence[str]:
        """What that interpreter is told to run for *tree*."""
        if tree == "stock":
            return regrtest.PROGRAM
        return (str(context.project.root / _RUN), str(_place(context)))

    def stock(self, context: Context, failed: set[str], listed: list[expected.Listed]) -> set[str]:
        """What of *failed* is explained, or fails on stock without the extension, too."""
        explained = {case for case in failed if any(line.matches(case) for line in listed)}
        plain = replace(context, tree="patched")
        return explained | super().stock(plain, failed - explained, [])


def _place(context: Context) -> Path:
    """Where the package is for the suite: outside of the interpreter that it is tested in."""
    return context.project.pin_build(context.pin) / pack.PLACE / "suite"


def suite(context: Context) -> Result:
    """Pack the wheel, and run CPython's suite, or the files named, on stock with it."""
    packed = pack.pack(context.project, context.pin, pack.Job(context.jobs, (), True))
    place = _place(context)
    shutil.rmtree(place, ignore_errors=True)
    shutil.unpack_archive(packed.wheel, place, "zip")
    leg = _OnStock(
        "wheel-suite",
        "release",
        lambda chosen: list(chosen.arguments),
        list_of="wheel",
        known="fails with the heap immortal, as explained",
    )
    return leg.run(replace(context, tree="wheel"))
