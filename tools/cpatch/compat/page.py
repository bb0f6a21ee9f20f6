"""What the verb prints, and the tables of docs/compat.md that it writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cpatch.base import pages
from cpatch.compat import verdicts
from cpatch.compat.running import LIMIT, Run
from cpatch.compat.session import Row
from cpatch.compat.table import CALL, COMPARED, KINDS, PATCHED, STOCK, WHEEL, Package
from cpatch.compat.verdicts import Known

#: What a test comes to that does not fail.
GOOD = ("passed", "skipped", "xfailed")

#: Lines of differences that a run's row shows.
SHOWN = 12


def line(row: Row) -> str:
    """Return a package's line of the printed table."""
    cells = "  ".join(f"{who} {_word(row, who):<10}" for who in row.verdicts)
    return f"{row.package.project:<20} {len(row.runs[STOCK][0].tests):>7,}  {cells}".rstrip()


def lines(row: Row) -> list[str]:
    """Return what differs and is not explained."""
    return _shown({who: verdict.lines for who, verdict in row.verdicts.items()})


def notes(row: Row) -> list[str]:
    """Return what was once one thing and once another, and the entries that nothing needs."""
    found = {}
    for who, verdict in row.verdicts.items():
        texts = (verdicts.both(test, row.runs[STOCK], row.runs[who]) for test in verdict.varied)
        found[who] = [f"varies: {text}" for text in texts]
        found[who] += [each.unused for each in verdict.unused]
    return _shown(found)


def _shown(found: Mapping[str, Sequence[str]]) -> list[str]:
    said = []
    for who, texts in found.items():
        said += [f"    {who}: {text}" for text in texts[:SHOWN]]
        if len(texts) > SHOWN:
            said.append(f"    {who}: and {len(texts) - SHOWN} more")
    return said


def _word(row: Row, who: str) -> str:
    verdict = row.verdicts[who]
    known = f"{len(verdict.known)} known" if verdict.known else "same"
    return (f"{len(verdict.lines)} DIFFER" if verdict.lines else known) + _part(row, who)


def _part(row: Row, who: str) -> str:
    """Say of how many tests a comparison is, when a run did not come to its end; '' if both did."""
    stock, found = row.runs[STOCK][0], row.runs[who][0]
    if stock.whole and found.whole:
        return ""
    both = verdicts.ran([stock]) & verdicts.ran([found])
    status = _ended(found, stock)
    return f", of {len(both):,}" + (f" ({status})" if status != LIMIT else "")


def write(path: Path, branch: str, rows: Sequence[Row], packages: Sequence[Package]) -> None:
    """Put a pin's tables into the page, between its marks; CpatchError when those are not there."""
    pages.write(path, branch, "make compat", render(rows, packages))


def render(rows: Sequence[Row], packages: Sequence[Package] = ()) -> str:
    """Return the table of a pin, and the causes of what differs.

    Of *packages*, which is all that there are, those without a row are named as not run.
    """
    out = [
        *_ran_on("Stock: tree", rows, lambda row: _trees(row, STOCK, WHEEL)),
        *_ran_on("Patched: tree", rows, lambda row: _trees(row, PATCHED, CALL)),
        *_ran_on("Wheel, on stock: SHA-256", rows, lambda row: {WHEEL: row.wheel}),
    ]
    whole = [row for row in rows if all(each.good for each in row.verdicts.values())]
    tests = sum(len(row.runs[STOCK][0].tests) for row in rows)
    passed = sum(_outcomes(row)["passed"] for row in rows)
    out.append(f"{len(whole)} of {len(rows)} packages without an unexplained difference,")
    compared = [who for who in COMPARED if any(who in row.runs for row in rows)]
    out += [f"{tests:,} tests, of which stock passes {passed:,}.", *_missing(rows, packages), ""]
    out.append(f"| package | tests | stock passes | {' | '.join(compared)} |")
    out.append(f"|---|---|---:|{'---|' * len(compared)}")
    for row in rows:
        passed = _outcomes(row)["passed"]
        cells = [f"{row.package.project} {row.package.version}", _which(row), f"{passed:,}"]
        cells += [_cell(row, who) if who in row.runs else "not run" for who in compared]
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join([*out, *_parts(rows), *_failing(rows), *_varying(rows), *_causes(rows)])


def _trees(row: Row, *whos: str) -> dict[str, str]:
    return {who: row.trees[who][:12] for who in whos if who in row.trees}


def _ran_on(what: str, rows: Sequence[Row], ids: Callable[[Row], Mapping[str, str]]) -> list[str]:
    """Say on which trees, or with which wheels, the rows' runs were made.

    *ids* are a row's, by who ran; '' for none. If there are several, each has the names of its
    packages, but for the one with most.
    """
    by: dict[str, list[str]] = {}
    for row in rows:
        found = ids(row)
        for each in sorted({*found.values()} - {""}):
            whos = [who for who in found if found[who] == each]
            part = "" if len(whos) == len(found) else f"'s {' and '.join(whos)}"
            by.setdefault(each, []).append(row.package.project + part)
    if not by:
        return []
    *few, most = sorted(by, key=lambda each: (len(by[each]), each))
    told = [f"{each} ({', '.join(by[each])})" for each in few]
    told.append(f"{most} (all other runs)" if few else most)
    *lines, last = pages.item(f"{what} {', '.join(told)}.", "")
    return [*lines, f"{last}  "]


def _missing(rows: Sequence[Row], packages: Sequence[Package]) -> list[str]:
    """Name the packages that are in the table of all and have no run that counts."""
    there = {row.package.project for row in rows}
    names = [each.project for each in packages if each.project not in there]
    return ["", *pages.item(f"Not run yet: {', '.join(names)}.", "")] if names else []


def _outcomes(row: Row) -> Counter[str]:
    """Count what a package's tests came to on stock."""
    return Counter(row.runs[STOCK][0].tests.values())


def _failing(rows: Sequence[Row]) -> list[str]:
    """Name the packages of which tests fail on stock, which no other cell says."""
    found = []
    for row in rows:
        bad = sum(count for what, count in _outcomes(row).items() if what not in GOOD)
        if bad:
            found.append(f"{row.package.project} {bad:,}")
    return ["", *pages.item(f"Fail on stock: {', '.join(found)}.", "")] if found else []


def _varying(rows: Sequence[Row]) -> list[str]:
    """Name the packages of which tests are once one thing and once another."""
    found = []
    for row in rows:
        tests = {test for verdict in row.verdicts.values() for test in verdict.varied}
        if tests:
            found.append(f"{row.package.project} {len(tests):,}")
    return ["", *pages.item(f"Vary from run to run: {', '.join(found)}.", "")] if found else []


def _which(row: Row) -> str:
    source = {"sdist": "sdist", "wheel": "wheel", "modules": "wheel", "program": "ours"}
    return source[row.package.tests] + (", in part" if row.package.part else "")


def _cell(row: Row, who: str) -> str:
    verdict = row.verdicts[who]
    said = f"**{len(verdict.lines)} differ**" if verdict.lines else ""
    if verdict.known:
        said += f"{', ' if said else ''}{len(verdict.known)} known"
    return (said or "same") + _part(row, who)


def _ended(*runs: Run) -> str:
    """Return how the first of the runs ended that did not come to its end."""
    status = next(run.status for run in runs if not run.whole)
    return status if isinstance(status, str) else f"status {status}"


def _parts(rows: Sequence[Row]) -> list[str]:
    out = ["", "Which part:", ""]
    for row in rows:
        if row.package.part:
            out += pages.item(f"- **{row.package.project}**: {row.package.part}.")
    return out if len(out) > 3 else []


def _causes(rows: Sequence[Row]) -> list[str]:
    found: dict[tuple[str, str, str], dict[str, list[Known]]] = {}
    for row in rows:
        for who, verdict in row.verdicts.items():
            for each in verdict.known:
                key = (row.package.project, each.why.kind, each.why.cause)
                found.setdefault(key, {}).setdefault(who, []).append(each)
    out = []
    if found:
        out += ["", "What differs, and why:", ""]
    for (name, kind, cause), by in found.items():
        counts = ", ".join(f"{who} {len(each)}" for who, each in by.items())
        out += pages.item(f"- **{name}** ({kind}; {counts}): {cause}")
    used = sorted({kind for _, kind, _ in found})
    if used:
        out += ["", *[f"*{kind}*: the test {KINDS[kind]}.  " for kind in used]]
    return out


def totals(rows: Sequence[Row]) -> str:
    """Return the last line of the verb."""
    bad = [row for row in rows if not all(each.good for each in row.verdicts.values())]
    tests = sum(len(row.runs[STOCK][0].tests) for row in rows)
    return f"{len(rows)} packages, {tests:,} tests, {len(bad)} packages with differences"


def told(row: Row) -> str:
    """Return how a package's runs ended, for -v."""
    runs = (f"{who}: {verdicts.total(runs[0])}" for who, runs in row.runs.items())
    seconds = "/".join(f"{runs[0].seconds:.0f}" for runs in row.runs.values())
    return f"    {'; '.join(runs)} ({seconds} s)"
