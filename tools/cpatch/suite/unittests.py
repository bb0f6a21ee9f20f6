"""What unittest says in the end of its runs, counted."""

from __future__ import annotations

import re

# Between the two lines may be what children printed.
_ENDING = re.compile(
    r"^Ran (\d+) tests? in .*$(?s:.*?)^(OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$", re.M
)


def totals(text: str, *, ok: bool) -> tuple[int, int, int]:
    """Return how many tests passed, failed, were skipped, in all runs whose output *text* is.

    *ok* says whether the processes ended well. One that did not is at least one failure, whatever
    it printed before: a crash comes after unittest's last line, too. So is a text without an end.
    """
    passed = failed = skipped = 0
    endings = _ENDING.findall(text)
    for ran, _, details in endings:
        counts = {key: int(value) for key, value in re.findall(r"(\w[\w ]*)=(\d+)", details)}
        bad = sum(counts.get(key, 0) for key in ("failures", "errors", "unexpected successes"))
        left_out = counts.get("skipped", 0)
        failed += bad
        skipped += left_out
        passed += max(int(ran) - bad - left_out, 0)
    if not (ok and endings and all(word == "OK" for _, word, _ in endings)):
        failed = max(failed, 1)
    return passed, failed, skipped
