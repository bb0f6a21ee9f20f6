"""Trees of some parts of a series: which parts, which patches, which files of the overlay.

A tree is named after its parts, joined by dashes in the order of the series; the one with all of
them is ``patched``.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.series import patchfiles
from cpatch.series.chain import Inputs, load_inputs
from cpatch.series.overlay import load_overlay
from cpatch.series.patchfiles import Part, Patch, Series, paths_in


def tree_of(parts: Sequence[Part], wanted: Sequence[str]) -> str:
    """Return the name of the tree that has the parts ``wanted``, whatever their order.

    Raises CpatchError for a name that is no part, or a part without one that it needs.
    """
    names = [part.name for part in parts]
    known = [name for name in names if name in wanted]
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted:
        raise CpatchError(
            f"{', '.join(unknown) or 'nothing'} is no part of the series",
            wanted=f"some of {', '.join(names) or '(this series has no parts)'}",
            got=f"PARTS={','.join(wanted)}",
            fix=f"PARTS={','.join(known)}" if known else "leave PARTS out, for all",
            code=USAGE,
        )
    for part in parts:
        lacking = [name for name in part.needs if name not in wanted]
        if part.name in wanted and lacking:
            raise CpatchError(
                f"part {part.name} needs {' and '.join(lacking)}",
                got=f"PARTS={','.join(wanted)}",
                fix=f"PARTS={','.join(name for name in names if name in [*wanted, *lacking])}",
                code=USAGE,
            )
    return "patched" if known == names else "-".join(known)


def parts_of(parts: Sequence[Part], tree: str) -> tuple[str, ...]:
    """Return the names of the parts that a tree has; the reverse of ``tree_of``.

    Raises CpatchError for a name that is no tree's.
    """
    if tree in ("stock", "patched"):
        return tuple(part.name for part in parts) if tree == "patched" else ()
    words = tree.split("-")
    if tree_of(parts, words) != tree:
        raise CpatchError(
            f"unknown tree {tree!r}",
            wanted=tree_of(parts, words),
            got=tree,
            fix="name the parts once each, in the order of the series",
            code=USAGE,
        )
    return tuple(words)


def prefixes(parts: Sequence[Part]) -> list[str]:
    """Return the trees that are a beginning of the series, the shortest first, patched last."""
    names = [part.name for part in parts]
    return [tree_of(parts, names[: n + 1]) for n in range(len(names))]


def offered(parts: Sequence[Part]) -> list[str]:
    """Return the trees that are tested: the beginnings, and each part with just what it needs.

    The one that has all parts, ``patched``, is not among them.
    """
    found = prefixes(parts)
    for part in parts:
        found.append(tree_of(parts, sorted(closure(parts, part.name) - {""})))
    return [name for name in dict.fromkeys(found) if name != "patched"]


def closure(parts: Sequence[Part], name: str) -> set[str]:
    """Return a part and all it needs, directly or not; '' stands for what every tree has."""
    found, todo = {""}, [name]
    while todo:
        at = todo.pop()
        if at not in found:
            found.add(at)
            todo += [need for part in parts if part.name == at for need in part.needs]
    return found


def choose(inputs: Inputs, listed: Series, tree: str) -> Inputs:
    """Return what goes into a tree of some parts: their patches, and the overlay files they name.

    What ``Needs:`` and ``Tests:`` of none of the patches names stays out.
    """
    chosen = {"", *parts_of(listed.parts, tree)}
    patches = tuple(p for p in inputs.patches if listed.part_of(p.name) in chosen)
    named = {path for patch in patches for path in [*needs(patch), *tests(patch)]}
    overlay = {path: file for path, file in inputs.overlay.items() if is_named(path, named)}
    return replace(inputs, overlay=overlay, patches=patches)


def own_tests(project: Project, pin: Pin, tree: str) -> list[str]:
    """Return the names of the overlay's test files that a tree has, as regrtest knows them.

    Of the whole series, without those that patches of other pins name and none of this one: they
    test what this CPython has not got.
    """
    files = load_overlay(project, pin)
    if tree == "patched":
        mine = tested(project, pin)
        theirs = {
            path
            for other in load_pins(project).table.values()
            if other.branch != pin.branch
            for path in tested(project, other)
        }
        files = {p: f for p, f in files.items() if is_named(p, mine) or not is_named(p, theirs)}
    else:
        inputs = load_inputs(project, pin)
        files = choose(inputs, patchfiles.load_series(project, pin), tree).overlay
    words = [path.split("/") for path in files if path.startswith("Lib/test/test_")]
    names = {w[2].removesuffix(".py") for w in words if len(w) == 3 or w[3:] == ["__init__.py"]}
    return sorted(names)


def tested(project: Project, pin: Pin) -> set[str]:
    """Return the paths in ``Tests:`` of all patches of a pin."""
    listed = patchfiles.load_series(project, pin)
    return {p for patch in patchfiles.load_patches(project, listed) for p in tests(patch)}


def needs(patch: Patch) -> list[str]:
    """Return the paths in ``Needs:``; a directory stands for all below it."""
    return paths_in(patchfiles.trailer(patch, "Needs"))


def tests(patch: Patch) -> list[str]:
    """Return the paths in ``Tests:``."""
    return paths_in(patchfiles.trailer(patch, "Tests"))


def is_named(path: str, named: Set[str]) -> bool:
    """Say whether a path, or a directory above it, is among some paths."""
    words = path.split("/")
    return any("/".join(words[:n]) in named for n in range(1, len(words) + 1))
