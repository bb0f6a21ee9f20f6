"""The leg of ``test`` that runs a few packages' own tests on stock, patched, and after the call."""

from __future__ import annotations

from cpatch.compat import page, session, table
from cpatch.suite.legs import Context
from cpatch.suite.result import Result


def few(context: Context) -> Result:
    """Run the packages that are marked as short; each package in each of two runs counts as one."""
    result = Result("compat")
    known = table.load(session.home(context.project) / "packages.toml")
    packages = [each for each in known.packages if each.short]
    job = session.Job(packages, "release", context.jobs, fresh=True)
    for row in session.Session(context.project, context.pin, job).rows():
        good = sum(verdict.good for verdict in row.verdicts.values())
        result.passed += good
        result.failed += len(row.verdicts) - good
        if good < len(row.verdicts):
            result.tell_failed(row.package.project, map(str.strip, page.lines(row)))
        if notes := page.notes(row):
            result.notes += [row.package.project, *notes]
    return result
