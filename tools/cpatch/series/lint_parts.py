"""The rules of lint for the parts of a series, and for what each needs of the overlay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from cpatch.base.git import Repo
from cpatch.base.pin import Pin, Pins
from cpatch.base.project import Project
from cpatch.series import chain as chains
from cpatch.series import parts
from cpatch.series.chain import Chain, Inputs, PatchFailure
from cpatch.series.header import Finding
from cpatch.series.patchfiles import Series

RULES = {
    "P1": "a patch lies in the folder of its part",
    "P2": "every overlay file is named by Needs: or Tests: of some patch, a test by Tests:; "
    "what pins share by one of any pin's",
    "P3": "what a file or patch includes or imports of the overlay is of a part it needs",
    "P4": "Python/overlay.mk lists the C files and headers of all overlays, and nothing else",
    "P5": "each part applies with just what it needs",
}
_MAKEFILE = "Python/overlay.mk"
_LISTED = re.compile(r"\$\(srcdir\)/([\w./]+\.[ch])\b")
# A conditional include is indented: PEP 7 indents the word after the hash.
_INCLUDE = re.compile(r'^\+?#include "([\w./]+)"', re.MULTILINE)
_IMPORT = re.compile(r"^ *(?:from test(?:\.(\w+))?.* import (.*)|import test\.(\w+))", re.MULTILINE)


@dataclass(frozen=True)
class EveryPin:
    """What the overlays of all pins have, and what the patches of all pins name of it.

    ``shared`` are the paths that all pins have.
    """

    paths: frozenset[str]
    shared: frozenset[str]
    named: frozenset[str]
    tests: frozenset[str]


def of_all(project: Project, pins: Pins) -> EveryPin:
    """Read the overlays and patches of all pins."""
    paths: set[str] = set()
    named: set[str] = set()
    tests: set[str] = set()
    for pin in pins.table.values():
        inputs = chains.load_inputs(project, pin)
        paths |= inputs.overlay.keys()
        for patch in inputs.patches:
            named |= {*parts.needs(patch), *parts.tests(patch)}
            tests |= {*parts.tests(patch)}
    shared = frozenset(path for path in paths if (project.root / path).exists())
    return EveryPin(frozenset(paths), shared, frozenset(named), frozenset(tests))


def check(
    repo: Repo, pin: Pin, inputs: Inputs, listed: Series, made: Chain, every: EveryPin
) -> Iterator[Finding]:
    """Yield what is wrong with the parts of a series; ``made`` is the chain of all of them."""
    for patch in inputs.patches:
        words = patch.name.split("/")
        if listed.part_of(patch.name) != (words[1] if len(words) > 2 else ""):
            part = listed.part_of(patch.name)
            where = f"{words[0]}/{part}/".replace("//", "/")
            yield Finding("P1", f"patches/{patch.name}", f"the series lists it for {where}")
    owners = _owners(inputs, listed)
    yield from _named(inputs, every)
    yield from _needed(inputs, listed, owners)
    yield from _makefile(inputs, every)
    yield from _applies(repo, pin, inputs, listed, made)


def _owners(inputs: Inputs, listed: Series) -> dict[str, set[str]]:
    """Return the parts whose patches name each file of the overlay; '' for what all trees have."""
    found: dict[str, set[str]] = {path: set() for path in inputs.overlay}
    for patch in inputs.patches:
        named = {*parts.needs(patch), *parts.tests(patch)}
        for path in inputs.overlay:
            if parts.is_named(path, named):
                found[path].add(listed.part_of(patch.name))
    return found


def _named(inputs: Inputs, every: EveryPin) -> Iterator[Finding]:
    tests = {path for patch in inputs.patches for path in parts.tests(patch)}
    named = tests | {path for patch in inputs.patches for path in parts.needs(patch)}
    for path in inputs.overlay:
        shared = path in every.shared
        if not parts.is_named(path, every.named if shared else named):
            yield Finding("P2", path, "no patch names it in Needs: or Tests:")
        elif path.startswith("Lib/test/test_") and not parts.is_named(
            path, every.tests if shared else tests
        ):
            yield Finding("P2", path, "no patch names it in Tests:")


def _needed(inputs: Inputs, listed: Series, owners: Mapping[str, set[str]]) -> Iterator[Finding]:
    texts = [(path, owners[path], _text(file.data)) for path, file in inputs.overlay.items()]
    texts += [
        (f"patches/{patch.name}", {listed.part_of(patch.name)}, patch.diff)
        for patch in inputs.patches
    ]
    for where, mine, text in texts:
        for path in _uses(where, text, owners):
            for part in sorted(mine):
                if not owners[path] & parts.closure(listed.parts, part):
                    theirs = " or ".join(sorted(owners[path])) or "no part"
                    yield Finding(
                        "P3", where, f"part {part or '-'} needs {path}, which {theirs} has"
                    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _uses(where: str, text: str, overlay: Mapping[str, object]) -> list[str]:
    """Return the overlay's files that a text, a patch's diff perhaps, includes or imports."""
    if where.endswith(".py"):
        words = {word for found in _IMPORT.findall(text) for word in re.findall(r"\w+", found[1])}
        words |= {word for found in _IMPORT.findall(text) for word in (found[0], found[2])}
        return [
            path
            for path in overlay
            if path.startswith("Lib/test/") and path.split("/")[2].removesuffix(".py") in words
        ]
    names = {PurePosixPath(name).name for name in _INCLUDE.findall(text)}
    return [path for path in overlay if path.endswith(".h") and path.split("/")[-1] in names]


def _makefile(inputs: Inputs, every: EveryPin) -> Iterator[Finding]:
    if _MAKEFILE not in inputs.overlay:
        return
    listed = set(_LISTED.findall(_text(inputs.overlay[_MAKEFILE].data)))
    # setup.py has those of extension modules; what a test compiles is data.
    wanted = {
        path
        for path in inputs.overlay
        if path.endswith(".h")
        or (path.endswith(".c") and not path.startswith(("Modules/", "Lib/")))
    }
    for path in sorted(wanted - listed):
        yield Finding("P4", _MAKEFILE, f"lacks {path}")
    for path in sorted(listed - every.paths):
        yield Finding("P4", _MAKEFILE, f"lists {path}, which no overlay has")


def _applies(
    repo: Repo, pin: Pin, inputs: Inputs, listed: Series, made: Chain
) -> Iterator[Finding]:
    """Try the longest trees: what is the beginning of another applies if that does."""
    tried = [inputs.patches]
    trees = [parts.choose(inputs, listed, tree) for tree in parts.offered(listed.parts)]
    for some in sorted(trees, key=lambda some: -len(some.patches)):
        if any(some.patches == whole[: len(some.patches)] for whole in tried):
            continue
        tried.append(some.patches)
        try:
            chains.build_chain(repo, pin, made.pristine, some, whole=made)
        except PatchFailure as exc:
            names = sorted({listed.part_of(patch.name) for patch in some.patches} - {""})
            yield Finding(
                "P5", f"patches/{exc.patch.name}", f"with {' '.join(names)} only: {exc.why}"
            )
