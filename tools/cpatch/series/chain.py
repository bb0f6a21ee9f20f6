"""From inputs to commits: the base (pristine and its fixes), overlay, one commit per patch.

Works on git objects and a private index only, so nothing a user sees changes until the whole
series went through, and the same inputs give the same commit ids in every clone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cpatch.base import console
from cpatch.base.errors import CONFLICT, USAGE, CpatchError
from cpatch.base.git import PATCH_DATE, Entry, Repo
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.series import overlay, patchfiles
from cpatch.series.overlay import OverlayFile
from cpatch.series.patchfiles import Patch


@dataclass(frozen=True)
class Inputs:
    """Everything in the repository that decides what the patched tree is, in memory."""

    overlay: dict[str, OverlayFile]
    patches: tuple[Patch, ...]
    series_text: str

    def key(self, pin: Pin) -> str:
        """Name these inputs; equal keys give equal commits."""
        digest = hashlib.sha256(f"1 {pin.version} {pin.sha256} {pin.date}\n".encode())
        if pin.fixes:
            digest.update(f"{pin.fixes.archive.sha256} {' '.join(pin.fixes.patches)}\n".encode())
        for path, file in self.overlay.items():
            digest.update(f"{path} {file.digest}\n".encode("utf-8", "surrogateescape"))
        for patch in self.patches:
            digest.update(f"{patch.name} {hashlib.sha256(patch.data).hexdigest()}\n".encode())
        return digest.hexdigest()

    def upto(self, count: int) -> Inputs:
        """Return the same with only the first ``count`` patches."""
        return replace(self, patches=self.patches[:count])


@dataclass(frozen=True)
class Applied:
    """A patch and the commit made from it."""

    patch: Patch
    commit: str
    tree: str
    message: str


@dataclass(frozen=True)
class Chain:
    """The commits of a patched tree, oldest first; ``pristine`` is the last one of the fixes."""

    pristine: str
    overlay: str
    overlay_tree: str
    applied: tuple[Applied, ...]

    @property
    def head(self) -> str:
        """The last commit."""
        return self.applied[-1].commit if self.applied else self.overlay

    @property
    def tree(self) -> str:
        """The tree of the last commit."""
        return self.applied[-1].tree if self.applied else self.overlay_tree


class PatchFailure(CpatchError):  # noqa: N818 - reads as what it is
    """A patch that does not apply; ``number`` counts from 1."""

    def __init__(self, patch: Patch, number: int, total: int, why: str, fix: str) -> None:
        super().__init__(
            f"patches/{patch.name} ({number}/{total}) does not apply\n{why}",
            fix=fix,
            code=CONFLICT,
        )
        self.patch = patch
        self.number = number
        self.why = why


def load_inputs(project: Project, pin: Pin) -> Inputs:
    """Read overlay, series and patches from the repository; CpatchError for anything amiss."""
    listed = patchfiles.load_series(project, pin)
    return Inputs(
        overlay.load_overlay(project, pin), patchfiles.load_patches(project, listed), listed.text
    )


def build_chain(
    repo: Repo,
    pin: Pin,
    pristine: str,
    inputs: Inputs,
    *,
    whole: Chain | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Chain:
    """Make the commits and return them.

    ``whole`` is for a series with gaps, and is the one without: a patch that finds other text than
    there, because one before it is left out, is merged.
    Raises CpatchError when the overlay shadows upstream or a patch touches the overlay, and
    PatchFailure for the first patch that does not apply exactly.
    """
    overlay.check_add_only(inputs.overlay, repo.files(pristine), pin.version)
    added = overlay.entries(repo, inputs.overlay)
    base = overlay_commit(repo, pin, pristine, added)
    parent, tree = base, repo.tree_of(base)
    base_tree = tree
    done: list[Applied] = []
    with repo.index(tree) as index:
        for number, patch in enumerate(inputs.patches, 1):
            if progress:
                progress(patch.name, number, len(inputs.patches))
            message = patchfiles.message_of(repo, patch)
            touched = apply_to(repo, index, patch, number, len(inputs.patches), whole)
            clash = sorted(touched & set(inputs.overlay))
            if clash:
                raise CpatchError(
                    f"patches/{patch.name} touches overlay file {clash[0]}",
                    wanted="patches that change upstream's files only",
                    fix=f"make the change in {clash[0]} itself and drop the hunk",
                    code=USAGE,
                )
            new = repo.out("write-tree", index=index)
            _check_nothing_skipped(repo, patch, touched, tree, new)
            parent, tree = patch_commit(repo, pin, new, parent, message), new
            done.append(Applied(patch, parent, tree, message))
    return Chain(pristine, base, base_tree, tuple(done))


def overlay_commit(repo: Repo, pin: Pin, pristine: str, added: dict[str, Entry]) -> str:
    """Make the commit that adds the overlay (an empty one for an empty overlay)."""
    tree = repo.edit_tree(repo.tree_of(pristine), add=added)
    text = f"{overlay.SUBJECT}\n"
    return repo.commit_tree(tree, [pristine], text, date=pin.date, author_date=pin.date)


def patch_commit(repo: Repo, pin: Pin, tree: str, parent: str, message: str) -> str:
    """Make the commit of one patch."""
    return repo.commit_tree(tree, [parent], message, date=pin.date, author_date=PATCH_DATE)


def apply_one(repo: Repo, tree: str, patch: Patch) -> str | None:
    """Return the tree after one patch, or None when it does not apply exactly."""
    with repo.index(tree) as index:
        try:
            apply_to(repo, index, patch, 1, 1)
        except PatchFailure:
            return None
        return repo.out("write-tree", index=index)


def apply_to(
    repo: Repo, index: Path, patch: Patch, number: int, total: int, whole: Chain | None = None
) -> set[str]:
    """Apply a patch to an index, without fuzz; returns the paths its diff names.

    One that does not apply is merged with what it did in ``whole``, if that leaves no conflict.
    """
    # --apply: --numstat alone would only print.
    argv = ["apply", "--cached", "--apply", "--numstat", "-z", "--whitespace=nowarn"]
    done = repo.git(*argv, index=index, input=patch.diff or "\n", check=False)
    if whole and not done.ok:
        merged = repo.git(*argv, "--3way", index=index, input=_did(repo, whole, patch), check=False)
        done = merged if merged.ok else done
    if not done.ok:
        raise PatchFailure(patch, number, total, explain(done.stderr), _way_out(patch))
    # "added TAB deleted TAB path", or with an empty path followed by old and new for a rename.
    return {part.split("\t")[-1] for part in done.stdout.split("\0") if part.split("\t")[-1]}


def _did(repo: Repo, whole: Chain, patch: Patch) -> str:
    """Return the diff that a patch made in a chain, with the ids of the files for a merge."""
    trees = [whole.overlay_tree, *(applied.tree for applied in whole.applied)]
    number = [applied.patch.name for applied in whole.applied].index(patch.name)
    argv = ("diff-tree", "-p", "--full-index", "--no-renames", "--diff-algorithm=myers")
    return repo.git(*argv, trees[number], trees[number + 1]).stdout


def _check_nothing_skipped(repo: Repo, patch: Patch, touched: set[str], old: str, new: str) -> None:
    # Run in a directory of some other repository, git apply skips files and exits with 0. Our
    # store is its own repository, so this cannot happen; if it ever does, it must not go unseen.
    skipped = sorted(touched - set(repo.changed(old, new)))
    if skipped or not touched:
        raise CpatchError(
            f"patches/{patch.name} applied without changing {', '.join(skipped) or 'anything'}",
            fix=f"remove what has no effect from patches/{patch.name}",
            code=CONFLICT,
        )


def explain(stderr: str) -> str:
    """Turn git apply's complaints into one line per file."""
    out: list[str] = []
    failed = set(re.findall(r"^error: patch failed: (.*):\d+$", stderr, re.MULTILINE))
    for line in stderr.splitlines():
        hunk = re.match(r"error: patch failed: (.*):(\d+)$", line)
        if hunk:
            out.append(f"{hunk[1]}: the hunk at line {hunk[2]} finds other text there")
        elif line.startswith("error: "):
            text = line[len("error: ") :]
            if not (text.endswith(": patch does not apply") and text.split(":")[0] in failed):
                out.append(text)
    return "\n".join(out) or stderr.strip()


def _way_out(patch: Patch) -> str:
    return (
        f'edit patches/{patch.name}; or make apply ARGS="--stop {patch.name}", which leaves\n'
        "the tree just before it; redo the change there, commit it under the same subject, and\n"
        "make refresh"
    )


def trace(name: str, number: int, total: int) -> None:
    """Say which patch is being applied, in a verbose run."""
    console.detail(f"* Applying {name} ({number}/{total})")
