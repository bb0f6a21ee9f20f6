"""The leg ``wheel``: the extension for an unpatched interpreter, built, and tested in it."""

from __future__ import annotations

import re

from cpatch.base import proc
from cpatch.base.errors import CpatchError
from cpatch.suite.legs import Context, Result
from cpatch.wheels import pack

#: What unittest says in the end.
_RAN = re.compile(r"^Ran (\d+) tests? in ", re.M)
_ENDED = re.compile(r"^(?:OK|FAILED)(?: \((.*)\))?$", re.M)


def built_and_tested(context: Context) -> Result:
    """Build sdist and wheel as ``make wheel`` does, and count what its tests did."""
    result = Result("wheel")
    log = context.project.logs(context.pin) / "wheel.log"
    try:
        pack.pack(context.project, context.pin, pack.Job(context.jobs, (), True))
    except CpatchError as error:
        result.failed = 1
        result.notes += [f"FAILED: {error.render()}"]
        if log.exists():
            result.notes += [f"log: {context.project.show(log)}; its last lines:", *proc.tail(log)]
    if log.exists():
        count(log.read_text(encoding="utf-8", errors="replace"), result)
    return result


def count(text: str, result: Result) -> None:
    """Add what unittest's closing lines say; *result* may have one failure for the run itself."""
    for ran, ended in zip(_RAN.finditer(text), _ENDED.finditer(text), strict=False):
        found = dict(re.findall(r"(\w+)=(\d+)", ended[1] or ""))
        failed = sum(int(found.get(name, 0)) for name in ("failures", "errors"))
        skipped = int(found.get("skipped", 0))
        result.skipped += skipped
        result.passed += int(ran[1]) - failed - skipped
        result.failed = max(result.failed, failed)
