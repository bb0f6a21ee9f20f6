"""The long leg of ``test`` for the parts of the series: each is built and tested as promised.

The trees are the beginnings of the series, and each part with just what it needs.
"""

from __future__ import annotations

from dataclasses import replace

from cpatch.series import parts as series_parts
from cpatch.series import patchfiles
from cpatch.suite.legs import Context, Regrtest, ours, run_leg
from cpatch.suite.result import Result


def parts_alone(context: Context) -> Result:
    """Build each tree, run the overlay's tests that it has, and add it all up.

    A tree that cannot be built is one failure, and the next one is built.
    """
    total = Result("parts")
    listed = patchfiles.load_series(context.project, context.pin)
    for tree in series_parts.offered(listed.parts):
        leg = Regrtest(f"parts-{tree}", "release", ours, on_stock=False)
        result = run_leg(leg.run, leg.name, replace(context, tree=tree))
        total.notes.append(f"{tree}: {result.passed} passed, {result.failed} failed")
        total.add(result, tree)
    return total
