"""The long leg of headers: all compilers, standards and tools, which are installed for it."""

from __future__ import annotations

from cpatch.headers import session
from cpatch.suite import header_rows
from cpatch.suite.legs import Context
from cpatch.suite.result import Result


def every(context: Context) -> Result:
    """Run all rows, or those of some names; all of them can be kept by ``make results``."""
    result = Result("headers-all")
    results, record = session.every(context.project, context.pin, context.jobs, context.arguments)
    header_rows.add(results, result)
    if not context.arguments:
        root = session.place(context.project, context.pin) / "run"
        kept = context.project.show(session.write(record, root))
        result.notes.append(
            f"kept: {kept}; make results ARGS='--keep {context.project.show(root)}'"
        )
    return result
