"""The sanitizers as legs of ``test``: each is its row of the table of variants."""

from __future__ import annotations

from cpatch.suite import variants
from cpatch.suite.legs import Context, Row
from cpatch.suite.result import Result


def _row(name: str) -> Row:
    def run(context: Context) -> Result:
        variant = variants.VARIANTS[name]
        if context.arguments:
            result = variant.leg(context.arguments).run(context)
            result.name = name
            return result
        record = variants.run(context, variant, fresh=True)
        known = variants.differences(context.project, context.pin)
        new = list(variants.unexplained(record, known))
        result = Result(name, record.passed, len(new), record.skipped)
        if record.error:  # if stock does not build either: nothing was tested
            first, *rest = record.error.splitlines()
            result.failed = 1
            result.tell_failed(f"not built: {first}", rest)
            return result
        for case in new:
            result.tell_failed(f"{case} (stock does not fail it)")
        for case in record.flaky:
            result.tell_flaky(case)
        return result

    return name, run


SANITIZED: tuple[Row, ...] = tuple(map(_row, ("asan", "ubsan")))
