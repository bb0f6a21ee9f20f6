"""The long leg of headers: all compilers, standards and tools, which are installed for it."""

from __future__ import annotations

from cpatch.headers import page, session
from cpatch.suite.legs import Context
from cpatch.suite.result import Result


def every(context: Context) -> Result:
    """Run all rows, or those of some names; all of them can be kept by ``make results``."""
    results, record = session.every(context.project, context.pin, context.jobs, context.arguments)
    passed, failed, skipped, notes = page.tally(results)
    if not context.arguments:
        root = session.place(context.project, context.pin) / "run"
        kept = context.project.show(session.write(record, root))
        notes.append(f"kept: {kept}; make results ARGS='--keep {context.project.show(root)}'")
    return Result("headers-all", passed, failed, skipped, notes=notes)
