"""Builds that nobody ships, tested: what of it fails on patched and does not on stock.

A variant is a flavor of build and an environment to run it in. Each leaves a record below
``build/BRANCH/variants``, so that what was interrupted goes on. ``--write`` puts the records into
``docs/builds-BRANCH.json``, where those of other machines and days stay, and makes docs/builds.md
of all.

What differs and is known stands in ``tools/expected/variants.toml``::

    [[difference]]
    variants = ["m32"]
    tests = ["test.test_x.C.test_y"]    # shell patterns; "build" stands for the building of it
    cause = "Asserts ..."
    pins = ["3.NN"]                     # none: of all

``build of both`` explains what stock does not build either; it excuses nothing of patched alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cpatch.base import files, tables
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import build, flavors, make, records
from cpatch.series import apply
from cpatch.suite import choice
from cpatch.suite.legs import Context, Regrtest

#: Stands for the building itself, where a test's id would be.
BUILD = "build"
#: In the table, where neither is built.
BUILD_OF_BOTH = "build of both"


@dataclass(frozen=True)
class Variant:
    """One row of the table; ``tests``, if any, are run instead of the usual ones."""

    name: str
    flavor: str
    what: str
    env: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[str, ...] = ()

    def selected(self, context: Context) -> list[str]:
        """Return the names of its test files that this CPython has."""
        ours = context.ours()
        source = apply.ensure_tree(context.project, context.pin, context.tree).path
        upstream = choice.there(choice.VARIANTS, source / "Lib" / "test")
        if self.tests:
            return [name for name in self.tests if name in (*ours, *upstream)]
        return [*(name for name in ours if name not in choice.LONG), *upstream]

    def leg(self, files: Sequence[str] = ()) -> Regrtest:
        """Return the run of its test files, or of those that are named."""
        return Regrtest(
            f"variant-{self.name}",
            self.flavor,
            lambda context: list(files) or self.selected(context),
            env=self.env,
            list_of="variants",
        )


def _of(flavor: str, env: Mapping[str, str] | None = None) -> Variant:
    return Variant(flavor, flavor, flavors.get(flavor).summary, env or {})


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("debug", "debug", "assertions and reference totals"),
        _of("tracerefs"),
        _of("asan"),
        # A report ends the process, and so fails the test.
        _of("ubsan", {"UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}),
        # Upstream's daemon threads are never joined.
        Variant(
            "tsan",
            "tsan",
            flavors.get("tsan").summary,
            {"TSAN_OPTIONS": "die_after_fork=0:report_signal_unsafe=0:report_thread_leaks=0"},
            tests=choice.THREADS,
        ),
        _of("valgrind"),
        _of("nopymalloc"),
        Variant("malloc", "release", "the C library's malloc", {"PYTHONMALLOC": "malloc"}),
        Variant("malloc-debug", "release", "pymalloc with checks", {"PYTHONMALLOC": "debug"}),
        _of("shared"),
        _of("clang"),
        _of("m32"),
        _of("musl"),
        # Emulated: what touches layout and assembly.
        Variant("arm64", "arm64", flavors.get("arm64").summary, tests=choice.LAYOUT),
    )
}


def choose(names: Sequence[str]) -> list[Variant]:
    """Return the variants of these names, all for none; CpatchError for an unknown one."""
    for name in names:
        if name not in VARIANTS:
            raise CpatchError(
                f"no such variant: {name}",
                wanted=", ".join(VARIANTS),
                got=name,
                fix="make variants ARGS=--list",
                code=USAGE,
            )
    return [each for each in VARIANTS.values() if not names or each.name in names]


@dataclass(frozen=True)
class Record:
    """What came of a variant. ``error`` is why it was not built, by patched alone or by both.

    It answers for a variant whose ``key`` is the same, and may be published if it has a key and no
    edits: only then its tree says what was tested.
    """

    name: str
    tree: str
    compiler: str = ""
    configure: str = ""
    files: int = 0
    passed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    differs: tuple[str, ...] = ()  # fails on patched; stock passes it, or has no such test
    both: tuple[str, ...] = ()  # fails on both
    flaky: tuple[str, ...] = ()
    error: str = ""
    edits: str = ""  # names uncommitted edits in the tree; '' for none
    key: str = ""  # names all that was asked for; '' in a record from before there was one


def home(project: Project, pin: Pin) -> Path:
    """Where the records are."""
    return project.pin_build(pin) / "variants"


def read(project: Project, pin: Pin, name: str) -> Record | None:
    """Return what was recorded of a variant, or None."""
    try:
        return _record(
            json.loads((home(project, pin) / f"{name}.json").read_text(encoding="utf-8"))
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _record(data: dict[str, Any]) -> Record:
    lists = {key: tuple(data[key]) for key in ("differs", "both", "flaky")}
    return Record(**{**data, **lists})


def shelf(project: Project, pin: Pin) -> Path:
    """Where the records are that the page is made of, and that stay."""
    return project.root / "docs" / f"builds-{pin.branch}.json"


@dataclass(frozen=True)
class Shelved:
    """The records that stay; the names of those just put there, and of those that may not be."""

    records: list[Record]
    put: list[str]
    refused: list[str]


def shelve(project: Project, pin: Pin, names: Iterable[str]) -> Shelved:
    """Put the records of these variants, where there are some, to those that stay.

    Of what may not be published, and of all others, what was there stays as it is.
    """
    path = shelf(project, pin)
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    rows: dict[str, dict[str, Any]] = {row["name"]: row for row in old}
    put, refused = [], []
    for name in names:
        record = read(project, pin, name)
        if record and record.key and not record.edits:
            rows[name] = asdict(record)
            put.append(name)
        elif record and not (name in rows and record == _record(rows[name])):
            refused.append(name)
    found = [rows[name] for name in VARIANTS if name in rows]
    if put:
        files.write(path, json.dumps(found, indent=1) + "\n")
    return Shelved([_record(row) for row in found], put, refused)


def run(context: Context, variant: Variant, *, fresh: bool = False) -> Record:
    """Build and test a variant, and on stock what fails; returns the record, a kept one if good.

    CpatchError when something else than the source keeps it from being built, as a compiler that is
    not here; nothing is recorded then.
    """
    project, pin = context.project, context.pin
    asked = _asked(context, variant)
    kept = read(project, pin, variant.name)
    # What was not built may be, with another compiler: it is tried again.
    if kept and kept.key == asked.key and not kept.error and not fresh:
        return kept
    found = _run(context, variant, asked)
    text = json.dumps(asdict(found), indent=1) + "\n"
    files.write(home(project, pin) / f"{variant.name}.json", text)
    return found


def _asked(context: Context, variant: Variant) -> Record:
    """Return the record of a variant before it is run: of which tree, and its key."""
    source = apply.ensure_tree(context.project, context.pin, context.tree)
    edits = records.edits_in(source)
    flavor = flavors.get(variant.flavor)
    settings = flavors.settings(flavor, flavors.chosen(flavor, os.environ))
    parts = (source.tree_id, edits, settings, dict(variant.env), variant.selected(context))
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return Record(variant.name, source.tree_id, edits=edits, key=key)


def _run(context: Context, variant: Variant, asked: Record) -> Record:
    project, pin, jobs = context.project, context.pin, context.jobs
    flavor = flavors.get(variant.flavor)
    try:
        built = build.ensure_built(project, pin, context.tree, flavor, jobs=jobs)
    except make.NotBuiltError as error:
        # The record is kept, and this machine's path says nothing elsewhere.
        told = error.what.replace(f"{project.root}/", "")
        try:
            build.ensure_built(project, pin, "stock", flavor, jobs=jobs)
        except make.NotBuiltError:
            return replace(asked, both=(BUILD,), error=told)
        return replace(asked, differs=(BUILD,), error=told)
    begun = time.monotonic()
    result = variant.leg().run(context)
    assert result.verdict is not None
    return replace(
        asked,
        compiler=built.compiler,
        configure=built.settings["configure"],
        files=len(variant.selected(context)),
        passed=result.passed,
        skipped=result.skipped,
        seconds=round(time.monotonic() - begun, 1),
        differs=tuple(result.verdict.regressions),
        both=(*result.verdict.unlisted, *result.verdict.known),
        flaky=tuple(result.flaky),
    )


@dataclass(frozen=True)
class Difference(tables.Difference):
    """Tests that may fail in some variants."""

    variants: tuple[str, ...]
    tests: tuple[str, ...]

    def concerns(self, variant: str, case: str) -> bool:
        """Say whether this entry is about that test of that variant."""
        return variant in self.variants and tables.matches(case, self.tests)


def differences(project: Project, pin: Pin) -> list[Difference]:
    """Read what is known of a pin; CpatchError for an entry with keys too many or too few."""
    path = project.root / "tools" / "expected" / "variants.toml"
    entries = tables.read(path).get("difference", []) if path.exists() else []
    found: list[Difference] = [tables.made(Difference, entry, path) for entry in entries]
    for row in found:
        choose(row.variants)
    return tables.of_pin(found, pin.branch)


def unexplained(record: Record, known: Sequence[Difference]) -> Iterator[str]:
    """Yield what fails on patched alone, and has no entry."""
    for case in record.differs:
        if not any(each.concerns(record.name, case) for each in known):
            yield case


def unused(record: Record, known: Sequence[Difference]) -> Iterator[Difference]:
    """Yield the entries about a variant that nothing of its record needs, if its tests ran."""
    for each in known:
        needed = any(each.concerns(record.name, case) for case in record.differs)
        if record.name in each.variants and not needed and not record.error:
            yield each
