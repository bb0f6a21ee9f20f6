"""Fixes: a distribution's patches for the pinned version, a commit each on the pristine one.

They are read from the archive that the pin names, and are in no file of this repository. What
they make is the base: the stock tree, and what the overlay and the series stand on.
"""

from __future__ import annotations

import hashlib
import tarfile
from functools import cached_property
from pathlib import Path

from cpatch.base import locks
from cpatch.base.errors import CONFLICT, USAGE, CpatchError
from cpatch.base.git import Repo
from cpatch.base.pin import Fixes, Pin
from cpatch.base.project import Project
from cpatch.series import chain as chains
from cpatch.series.chain import Applied, PatchFailure
from cpatch.series.patchfiles import Patch
from cpatch.sources import fetch, upstream

#: What the interpreter says of its fixes: ``sysconfig.get_config_var()`` of these names.
NAMES_VARIABLE = "SOURCE_FIXES"
FROM_VARIABLE = "SOURCE_FIXES_FROM"

_SETUP = Path("Modules", "Setup.local")


class Fix(Patch):
    """A patch of the distribution's; its name is the one in the archive."""

    @cached_property
    def diff(self) -> str:
        """All of it: git skips the header, and not every fix has a ``diff --git`` line."""
        return self.text


def load(project: Project, fixes: Fixes, source: Path | None = None) -> tuple[Fix, ...]:
    """Return the fixes in the pin's order, fetching and verifying the archive if it is new.

    Raises CpatchError when no source gives the right bytes, or when the archive lacks a fix.
    """
    members = _members(project, fixes, source)
    for name in fixes.patches:
        if name not in members:
            raise CpatchError(
                f"{fixes.archive.name} has no {fixes.folder}/{name}",
                wanted=f"a patch of its {fixes.folder}",
                fix=f"correct {fixes.archive.where}.patches in {project.show(project.pins_file)}",
                code=USAGE,
            )
    return tuple(Fix(name, members[name]) for name in fixes.patches)


def order(project: Project, fixes: Fixes) -> list[str]:
    """Return the names in the archive's own series file, in its order."""
    lines = _members(project, fixes, None).get("series", b"").decode().splitlines()
    words = [line.split("#", 1)[0].split() for line in lines]
    return [word[0] for word in words if word]


def _members(project: Project, fixes: Fixes, source: Path | None) -> dict[str, bytes]:
    """Return the plain files of the archive's folder of patches, by name."""
    with locks.driver(project):
        path = fetch.ensure(project, fixes.archive, source)
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                folder, _, name = member.name.removeprefix("./").rpartition("/")
                if folder == fixes.folder and member.isfile():
                    handle = archive.extractfile(member)
                    assert handle is not None
                    found[name] = handle.read()
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise CpatchError(
            f"{path} cannot be unpacked: {exc}", fix=f"rm {path} && make fetch"
        ) from exc
    return found


def base(project: Project, pin: Pin, source: Path | None = None) -> str:
    """Return the commit that stock is and the overlay stands on: pristine, then a commit a fix.

    ``source`` is a local tarball. Raises CpatchError as ``store.pristine`` and ``applied`` do.
    """
    with locks.driver(project):
        pristine = upstream.pristine(project, pin, source)
        if pin.fixes is None:
            return pristine
        repo = Repo(project.store)
        key = hashlib.sha256(f"1 {pristine} {pin.date} {pin.fixes}\n".encode()).hexdigest()
        ref = f"refs/fixed/{key}"
        made = repo.resolve(f"{ref}^{{commit}}")
        if made is None:
            made = applied(project, pin)[-1].commit
            repo.git("update-ref", ref, made)
        return made


def applied(project: Project, pin: Pin) -> tuple[Applied, ...]:
    """Make the commits of a pin's fixes; () when it has none.

    Raises CpatchError for the first that does not apply exactly.
    """
    if pin.fixes is None:
        return ()
    with locks.driver(project):
        parent = upstream.pristine(project, pin)
        repo = Repo(project.store)
        fixes = load(project, pin.fixes)
        done: list[Applied] = []
        with repo.index(repo.tree_of(parent)) as index:
            for number, fix in enumerate(fixes, 1):
                chains.trace(fix.name, number, len(fixes))
                tree = _apply(project, pin.fixes, repo, index, fix, number)
                message = _message(pin.fixes, fix)
                parent = repo.commit_tree(
                    tree, [parent], message, date=pin.date, author_date=pin.date
                )
                done.append(Applied(fix, parent, tree, message))
    return tuple(done)


def _apply(project: Project, fixes: Fixes, repo: Repo, index: Path, fix: Fix, number: int) -> str:
    """Apply a fix to an index; returns the tree it makes."""
    before = repo.out("write-tree", index=index)
    try:
        touched = chains.apply_to(repo, index, fix, number, len(fixes.patches))
    except PatchFailure as exc:
        why = exc.why
    else:
        tree = repo.out("write-tree", index=index)
        if touched and not touched - set(repo.changed(before, tree)):
            return tree
        why = "it changes nothing, or not all it names"
    raise CpatchError(
        f"fix {fix.name} ({number}/{len(fixes.patches)}) does not apply\n{why}",
        fix=f"take it out of {fixes.archive.where}.patches in {project.show(project.pins_file)}, "
        "or pin\nan archive that was made for this version",
        code=CONFLICT,
    )


def _message(fixes: Fixes, fix: Fix) -> str:
    return (
        f"fix: {fix.name}\n\nFrom {fixes.folder} in {fixes.archive.name}.\n\n"
        f"Archive-SHA256: {fixes.archive.sha256}\n"
        f"Patch-SHA256: {hashlib.sha256(fix.data).hexdigest()}\n"
    )


def summary(project: Project, pin: Pin) -> str:
    """Return what there is to say of a pin's fixes in one line."""
    if pin.fixes is None:
        return "none"
    archive = pin.fixes.archive
    here = "cached" if (project.cache / archive.name).exists() else "not fetched"
    return f"{len(pin.fixes.patches)} of {archive.name}   sha256 {archive.sha256[:8]} {here}"


def names(pin: Pin) -> str:
    """Return the fixes as the interpreter tells them: the names, with blanks between."""
    return " ".join(pin.fixes.patches) if pin.fixes else ""


def tell_makefile(objdir: Path, pin: Pin) -> None:
    """Let the makefile define which fixes the source has; sysconfig reads it from there.

    Upstream's place for variables of a local setup is used, so that no file of its own changes.
    It is rewritten only when it differs: make follows its time.
    """
    lines = ["# Written by cpatch: the fixes that the source has, for sysconfig."]
    if pin.fixes:
        lines += [f"{FROM_VARIABLE}={pin.fixes.revision}", f"{NAMES_VARIABLE}={names(pin)}"]
        lines += pin.fixes.makefile
    text = "".join(f"{line}\n" for line in lines)
    path = objdir / _SETUP
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
