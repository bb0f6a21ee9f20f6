"""The long leg of ``test`` for the parts of the series: each is built and tested as promised.

The trees are the beginnings of the series, and each part with just what it needs.
"""

from __future__ import annotations

from dataclasses import replace

from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.series import parts as series_parts
from cpatch.series import patchfiles
from cpatch.series.patchfiles import Part
from cpatch.suite.legs import Context, Regrtest, Result, ours


def trees(parts: tuple[Part, ...]) -> list[str]:
    """Return the names of the trees to try, none twice, without the one that has all parts."""
    found = series_parts.prefixes(parts)
    for part in parts:
        alone = series_parts.closure(parts, part.name) - {""}
        found.append(series_parts.tree_of(parts, sorted(alone)))
    return [name for name in dict.fromkeys(found) if name != "patched"]


def parts_alone(context: Context) -> Result:
    """Build each tree, run the overlay's tests that it has, and add it all up."""
    total = Result("parts")
    for tree in trees(_parts(context.project, context.pin)):
        leg = Regrtest(f"parts-{tree}", "release", ours, on_stock=False)
        result = leg.run(replace(context, tree=tree))
        total.passed += result.passed
        total.failed += result.failed
        total.skipped += result.skipped
        total.notes.append(f"{tree}: {result.passed} passed, {result.failed} failed")
        total.notes += [f"{tree}: {note}" for note in result.notes]
    return total


def _parts(project: Project, pin: Pin) -> tuple[Part, ...]:
    return patchfiles.load_series(project, pin).parts
