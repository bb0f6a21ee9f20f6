"""cpatch lint: the rules of patches/README.md, checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from cpatch.base.errors import CpatchError
from cpatch.base.git import Repo
from cpatch.base.pin import Pin, Pins
from cpatch.base.project import Project
from cpatch.series import chain as chains
from cpatch.series import export, fixes, lint_parts, overlay, patchfiles
from cpatch.series.chain import Chain, Inputs, PatchFailure
from cpatch.series.harvest import make_plan
from cpatch.series.header import Finding, check_header
from cpatch.series.patchfiles import paths_in
from cpatch.sources.worktree import Worktree

RULES = {
    "S1": "the series lists existing patches, once each",
    "S2": "every patch file is listed by some series",
    "S3": "a series that is empty is begun by somebody (warning); rules for what it needs wait",
    "H1": "subject: 'area: verb …', at most 72 characters, no brackets",
    "H2": "the body says in prose why",
    "H3": "no commit id, author or date of its own",
    "H4": "the trailers are there, known, and given once",
    "H5": "Touches: is the list of files the diff changes",
    "H6": "Needs: names files of this repository",
    "H7": "Tests: names files of this repository",
    "H8": "Applies: names the pinned branches it is listed for, and it applies there",
    "H9": "Upstream-Status: is one of OpenEmbedded's words, with its reason",
    "D1": "the diff can be parsed and applies exactly",
    "D2": "no trailing blanks in added lines",
    "D3": "tests of upstream's change only in refcount assertions on immortal objects",
    "D4": "a new file belongs to the overlay",
    "D5": "a trial patch in tools/measure/…/BRANCH applies to that pin's finished tree",
    "R1": "patch -> commit -> patch loses nothing; refresh would change nothing",
    "O1": "the overlay adds paths only",
    "O2": "an overlay C file is at most 400 lines (warning)",
    "O3": "a path is in one of the shared overlay and the pin's own",
    "O4": "the pin's own headers provide every name in patches/port-names, and no other _PyPort_",
    "O5": "a C line of the overlay or the extension has at most 79 columns, as PEP 7 says",
    "F1": "the pin lists fixes in the order of the archive's own series file",
    **lint_parts.RULES,
    "V1": "the version is written in the pin file only",
}
_MOST_LINES = 400
_MOST_COLUMNS = 79
_PORT_NAME = re.compile(r"^_Py\w+", re.MULTILINE)
# PEP 7 begins a function's definition in the first column; a type or a macro needs its word.
# What a header must have from upstream, it asks for: "#ifndef NAME", and an error.
_PORT_DEFINED = re.compile(r"^(?:# *define |# *ifndef |typedef .*\(\*)?(_Py\w+)", re.MULTILINE)


def lint(project: Project, pins: Pins, chosen: list[Pin]) -> Iterator[Finding]:
    """Yield everything the rules find for some of the pins."""
    yield from version_literals(project, pins)
    yield from _extension(project)
    every = []
    for pin in pins.table.values():
        try:
            every.append(patchfiles.load_series(project, pin))
        except CpatchError as exc:
            yield Finding("S1", f"patches/{pin.series}", exc.what)
            return
    for name in patchfiles.unlisted(project, every):
        yield Finding("S2", f"patches/{name}", "no series lists it")
    for pin in chosen:
        try:
            inputs = chains.load_inputs(project, pin)
        except overlay.TwiceError as exc:
            yield Finding("O3", exc.path, f"{exc.got}; {exc.fix}")
            continue
        pristine = fixes.base(project, pin)
        repo = Repo(project.store)
        yield from _fixes(project, pin)
        yield from _overlay(project, repo, pin, pristine, inputs)
        if inputs.patches:
            yield from _port(project, pin)
        else:
            yield Finding("S3", f"patches/{pin.series}", "has no patch yet", fatal=False)
        yield from _headers(project, repo, pins, pin, inputs)
        try:
            made = chains.build_chain(repo, pin, pristine, inputs)
        except PatchFailure as exc:
            yield Finding("D1", f"patches/{exc.patch.name}", f"{pin.branch}: {exc.why}")
            continue
        except CpatchError as exc:
            yield Finding("D1", f"patches/{pin.series}", f"{exc.what}; {exc.got or ''}")
            continue
        if inputs.patches:
            listed = patchfiles.load_series(project, pin)
            every_pin = lint_parts.of_all(project, pins)
            yield from lint_parts.check(repo, pin, inputs, listed, made, every_pin)
        yield from _round_trip(project, repo, pin, made)
        yield from _trials(project, pin, repo, made)


def _fixes(project: Project, pin: Pin) -> Iterator[Finding]:
    if pin.fixes is None:
        return
    where = f"{project.show(project.pins_file)}: {pin.fixes.archive.where}.patches"
    theirs = fixes.order(project, pin.fixes)
    for name in pin.fixes.patches:
        if name not in theirs:
            yield Finding("F1", where, f"{name} is not in the archive's series")
    known = [name for name in pin.fixes.patches if name in theirs]
    for one, next_one in pairwise(known):
        if theirs.index(one) > theirs.index(next_one):
            yield Finding("F1", where, f"{next_one} comes before {one} in the archive's series")


def _overlay(
    project: Project, repo: Repo, pin: Pin, pristine: str, inputs: Inputs
) -> Iterator[Finding]:
    for path, other in overlay.shadowing(inputs.overlay, repo.files(pristine)).items():
        yield Finding("O1", path, f"shadows upstream: {other} exists in CPython {pin.version}")
    for path, file in inputs.overlay.items():
        # What Argument Clinic writes is as long and as wide as it makes it.
        if not path.endswith((".c", ".h")) or "/clinic/" in path:
            continue
        lines = file.data.count(b"\n")
        if lines > _MOST_LINES:
            yield Finding("O2", path, f"{lines} lines; split it by concern", fatal=False)
        yield from _wide(project.show(overlay.place(project, pin, path)), file.data)


def _extension(project: Project) -> Iterator[Finding]:
    for folder in ("src", "include"):
        for path in sorted((project.root / "wheel" / folder).rglob("*.[ch]")):
            yield from _wide(project.show(path), path.read_bytes())


def _wide(where: str, data: bytes) -> Iterator[Finding]:
    for number, line in enumerate(data.decode(errors="replace").split("\n"), 1):
        columns = len(line.expandtabs())
        if columns > _MOST_COLUMNS:
            yield Finding("O5", f"{where}:{number}", f"{columns} columns; break the line")


def _port(project: Project, pin: Pin) -> Iterator[Finding]:
    """Compare the names that a pin's own headers define with those that shared files may use."""
    listed = project.patches / "port-names"
    wanted = set(_PORT_NAME.findall(listed.read_text())) if listed.exists() else set()
    root = overlay.own_root(project, pin)
    given = set()
    for path in sorted((root / "Include").rglob("*.h")):
        given |= set(_PORT_DEFINED.findall(path.read_text(encoding="utf-8", errors="replace")))
    where = project.show(root / "Include")
    for name in sorted(wanted - given):
        yield Finding("O4", where, f"no header defines {name}, which patches/port-names lists")
    for name in sorted(name for name in given - wanted if name.startswith("_PyPort_")):
        yield Finding("O4", where, f"defines {name}, which patches/port-names does not list")


def _headers(
    project: Project, repo: Repo, pins: Pins, pin: Pin, inputs: Inputs
) -> Iterator[Finding]:
    for patch in inputs.patches:
        where = f"patches/{patch.name}"
        try:
            message = patchfiles.message_of(repo, patch)
        except CpatchError as exc:
            yield Finding("H1", where, exc.what)
            continue
        roots = (project.root, overlay.own_root(project, pin))
        yield from check_header(patch, message, roots=roots, branches=pins.table)
        _, prose, trailers = patchfiles.split_message(message)
        applies = dict(trailers).get("Applies", "").split()
        if applies and pin.branch not in applies:
            yield Finding("H8", where, f"Applies: lacks {pin.branch}, whose series lists it")
        touched = paths_in(dict(trailers).get("Touches", ""))
        tests = [path for path in touched if path.startswith("Lib/test/")]
        if tests and not (_mentions(prose, "refcount") and _mentions(prose, "immortal")):
            yield Finding(
                "D3",
                where,
                f"changes {tests[0]}: the body must say that each hunk is a refcount assertion "
                "on an immortal object",
            )


def _mentions(prose: str, word: str) -> bool:
    return word in prose.lower().replace("reference count", "refcount")


def _round_trip(project: Project, repo: Repo, pin: Pin, made: Chain) -> Iterator[Finding]:
    parent = made.overlay_tree
    for applied in made.applied:
        where = f"patches/{applied.patch.name}"
        data = export.format_patch(repo, parent, applied.tree, applied.message)
        again = patchfiles.Patch(applied.patch.name, data)
        if patchfiles.message_of(repo, again) != applied.message:
            yield Finding("R1", where, "a line of the message reads like the start of a diff")
        for path, status in repo.changed(parent, applied.tree).items():
            new = status == "A" and path.startswith(tuple(f"{d}/" for d in project.overlay_dirs))
            if new:
                yield Finding("D4", where, f"adds {path}: new files belong to the overlay")
        parent = applied.tree
    work = Worktree(project, pin, "patched")
    if work.exists() and work.record():
        try:
            plan = make_plan(project, pin, work)
        except CpatchError as exc:
            yield Finding("R1", work.shown, exc.what, fatal=False)
            return
        for file in plan.writes:
            yield Finding("R1", project.show(file), "make refresh would change it")


def _trials(project: Project, pin: Pin, repo: Repo, made: Chain) -> Iterator[Finding]:
    for path in sorted((project.root / "tools" / "measure").rglob(f"{pin.branch}/*.patch")):
        trial = patchfiles.Patch(path.name, path.read_bytes())
        if chains.apply_one(repo, made.tree, trial) is None:
            where = str(path.relative_to(project.root))
            yield Finding("D5", where, "does not apply to the patched tree any more: make it anew")


def version_literals(project: Project, pins: Pins) -> Iterator[Finding]:
    """Yield places where a pinned version or branch is written outside the pin file."""
    words = {pin.version for pin in pins.table.values()} | set(pins.table)
    pattern = re.compile(
        r"(?<![\w.])(" + "|".join(map(re.escape, sorted(words))) + r")(?![\w.]*\d)"
    )
    for path in _own_files(project.root):
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            found = pattern.search(line)
            if found:
                # Prose says which CPythons there are, and may have to name a version; what runs
                # may not.
                prose = path.suffix == ".md"
                if prose and found[1] in pins.table:
                    continue
                where = f"{path.relative_to(project.root)}:{number}"
                yield Finding("V1", where, f"names {found[1]}; the pin says it", fatal=not prose)


def _own_files(root: Path) -> list[Path]:
    """Return the files that must not name a version: code, Makefile, tests, README."""
    found = [root / "Makefile", root / "README.md", root / ".ci" / "run"]
    found += sorted((root / "tools").rglob("*.py")) + sorted((root / "tools").glob("*.sh"))
    return [path for path in found if path.is_file()]
