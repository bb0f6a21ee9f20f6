"""The tables of docs/builds.md, and what the verb prints."""

from __future__ import annotations

from collections.abc import Sequence

from cpatch.base import pages
from cpatch.suite.variants import BUILD, BUILD_OF_BOTH, VARIANTS, Difference, Record, unexplained


def line(record: Record, known: Sequence[Difference]) -> str:
    """Return a variant's line of the printed table."""
    new = len(list(unexplained(record, known)))
    word = f"{new} DIFFER" if new else f"{len(record.differs)} known" if record.differs else "same"
    told = f"not built: {record.error.splitlines()[0]}" if record.error else word
    counts = f"{record.passed:>6} {record.skipped:>5} {record.seconds:>6.0f} s"
    return f"{record.name:<14}{counts}  {told}"


def render(records: Sequence[Record], known: Sequence[Difference]) -> str:
    """Return the table of a pin, and the causes of what differs."""
    out: list[str] = []
    if records:
        out.append("| build | what | tree | files | passed | skipped | beside stock |")
        out.append("|---|---|---|---:|---:|---:|---|")
    for record in records:
        variant = VARIANTS[record.name]
        # How a sanitizer reports is no part of what was built.
        how = [
            f"`{key}={value}`" for key, value in variant.env.items() if not key.endswith("_OPTIONS")
        ]
        cells = [record.name, ", ".join(how) or variant.what, record.tree[:12]]
        cells.append(f"{record.files or ''}")
        cells += [f"{record.passed:,}", f"{record.skipped:,}"] if record.files else ["", ""]
        out.append(f"| {' | '.join([*cells, _cell(record, known)])} |")
    missing = [name for name in VARIANTS if name not in {record.name for record in records}]
    if missing:
        out += ["", *pages.item(f"Not run yet: {', '.join(missing)}.", indent="")]
    return "\n".join([*out, *_causes(records, known), *_not_built(records), *_both(records, known)])


def _cell(record: Record, known: Sequence[Difference]) -> str:
    if record.error:
        return "does not build either" if BUILD in record.both else "**stock builds**"
    new = list(unexplained(record, known))
    said = [f"**{len(new)} differ**"] if new else []
    if len(record.differs) > len(new):
        said.append(f"{len(record.differs) - len(new)} differ, known")
    word = ", ".join(said) or "the same"
    return f"{word}; {len(record.flaky)} passed alone" if record.flaky else word


def _causes(records: Sequence[Record], known: Sequence[Difference]) -> list[str]:
    out: list[str] = []
    for each in known:
        found = {
            record.name: count
            for record in records
            if (count := sum(each.concerns(record.name, case) for case in record.differs))
        }
        if found:
            names = ", ".join(f"{name} {count}" for name, count in found.items())
            out += pages.item(f"- {names}: {each.cause}")
    return ["", "What differs, and why:", "", *out] if out else []


def _not_built(records: Sequence[Record]) -> list[str]:
    out: list[str] = []
    for record in records:
        if BUILD in record.differs:
            out += pages.item(f"- {record.name}: {record.error.splitlines()[0]}")
    return ["", "What does not build, and stock does:", "", *out] if out else []


def _both(records: Sequence[Record], known: Sequence[Difference]) -> list[str]:
    out: list[str] = []
    for record in records:
        cases = [case for case in record.both if case != BUILD]
        if cases:
            out += pages.item(f"- {record.name}: {', '.join(f'`{case}`' for case in cases)}")
        if BUILD in record.both:
            causes = [each.cause for each in known if each.concerns(record.name, BUILD_OF_BOTH)]
            out += pages.item(f"- {record.name}: {(causes or record.error.splitlines())[0]}")
    return ["", "What stock does not pass or build either:", "", *out] if out else []
