"""The rules of lint for the parts of a series, and for what each needs of the overlay."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from cpatch.base.git import Repo
from cpatch.base.pin import Pin
from cpatch.series import chain as chains
from cpatch.series import parts
from cpatch.series.chain import Chain, Inputs, PatchFailure
from cpatch.series.header import Finding
from cpatch.series.patchfiles import Series

RULES = {
    "P1": "a patch lies in the folder of its part",
    "P2": "every overlay file is named by Needs: or Tests: of some patch, a test by Tests:",
    "P3": "what a file or patch includes or imports of the overlay is of a part it needs",
    "P4": "Python/overlay.mk lists the overlay's C files and headers, and nothing else",
    "P5": "each part applies with just what it needs",
}
_MAKEFILE = "Python/overlay.mk"
_LISTED = re.compile(r"\$\(srcdir\)/([\w./]+\.[ch])\b")
# A conditional include is indented: PEP 7 indents the word after the hash.
_INCLUDE = re.compile(r'^\+?#include "([\w./]+)"', re.MULTILINE)
_IMPORT = re.compile(r"^ *(?:from test(?:\.(\w+))?.* import (.*)|import test\.(\w+))", re.MULTILINE)


def check(
    repo: Repo,
    pin: Pin,
    inputs: Inputs,
    listed: Series,
    made: Chain,
    elsewhere: Collection[str],
) -> Iterator[Finding]:
    """Yield what is wrong with the parts of a series.

    ``made`` is the chain of all of them. ``elsewhere`` are paths that only other pins have.
    """
    for patch in inputs.patches:
        words = patch.name.split("/")
        if listed.part_of(patch.name) != (words[1] if len(words) > 2 else ""):
            part = listed.part_of(patch.name)
            where = f"{words[0]}/{part}/".replace("//", "/")
            yield Finding("P1", f"patches/{patch.name}", f"the series lists it for {where}")
    owners = _owners(inputs, listed)
    yield from _named(inputs, owners)
    yield from _needed(inputs, listed, owners)
    yield from _makefile(inputs, elsewhere)
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


def _named(inputs: Inputs, owners: Mapping[str, set[str]]) -> Iterator[Finding]:
    tests = {path for patch in inputs.patches for path in parts.tests(patch)}
    for path, names in owners.items():
        if not names:
            yield Finding("P2", path, "no patch names it in Needs: or Tests:")
        elif path.startswith("Lib/test/test_") and not parts.is_named(path, tests):
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


def _makefile(inputs: Inputs, elsewhere: Collection[str]) -> Iterator[Finding]:
    if _MAKEFILE not in inputs.overlay:
        return
    listed = set(_LISTED.findall(_text(inputs.overlay[_MAKEFILE].data)))
    # setup.py has those of extension modules.
    wanted = {
        path
        for path in inputs.overlay
        if path.endswith(".h") or (path.endswith(".c") and not path.startswith("Modules/"))
    }
    for path in sorted(wanted - listed):
        yield Finding("P4", _MAKEFILE, f"lacks {path}")
    for path in sorted(listed - inputs.overlay.keys() - set(elsewhere)):
        yield Finding("P4", _MAKEFILE, f"lists {path}, which the overlay has not got")


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
