"""What refresh would write: the user's commits read back into patches, series and overlay.

Nothing here touches the repository or the tree; the result is a plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cpatch.base.errors import CpatchError
from cpatch.base.git import Entry, Repo
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.series import chain as chains
from cpatch.series import export, overlay, patchfiles
from cpatch.series.chain import Chain, Inputs
from cpatch.series.commits import Commit, history
from cpatch.series.overlay import OverlayFile
from cpatch.series.patchfiles import Patch
from cpatch.sources.worktree import Record, Worktree, listed


@dataclass
class Plan:
    """Files to write (None: to delete), and what the tree then stands on.

    ``chain`` is None when the tree holds nothing that the repository does not.
    """

    writes: dict[Path, OverlayFile | bytes | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    inputs: Inputs | None = None
    chain: Chain | None = None
    total: int = 0


def make_plan(project: Project, pin: Pin, work: Worktree) -> Plan:
    """Compare the patched tree's commits with the repository.

    Raises CpatchError for anything that would lose work: uncommitted edits, an unfinished rebase,
    a history that is not "pristine, overlay, patches", nothing left of the series, or a file that
    was edited both here and there since the last apply.
    """
    record = _settled(work)
    stand = work.stand()
    if stand.dirty:
        raise CpatchError(
            f"{work.shown} has uncommitted changes",
            wanted="everything committed: refresh writes commits back",
            got=listed(stand.dirty),
            fix=f"git -C {work.shown} add -A && git -C {work.shown} commit --fixup=COMMIT "
            "(the one to change), then make refresh",
        )
    if stand.head == record.head:
        return Plan()
    repo = Repo(project.store)
    commits = history(repo, work, record, stand.head)
    return _Harvest(project, pin, repo, work, record, commits).plan()


def _settled(work: Worktree) -> Record:
    record = work.record() if work.exists() else None
    if record is None or record.moving:
        raise CpatchError(f"{work.shown} has not been made by apply yet", fix="make apply")
    unfinished = work.unfinished()
    if unfinished:
        raise CpatchError(
            f"a {unfinished} is going on in {work.shown}",
            fix=f"git -C {work.shown} {unfinished} --continue, or --abort",
        )
    return record


class _Harvest:
    """The steps from a history to a plan."""

    def __init__(
        self,
        project: Project,
        pin: Pin,
        repo: Repo,
        work: Worktree,
        record: Record,
        commits: Sequence[Commit],
    ) -> None:
        self.project = project
        self.pin = pin
        self.repo = repo
        self.work = work
        self.record = record
        self.commits = commits
        self.listed = patchfiles.load_series(project, pin)
        self.on_disk = {p.name: p for p in patchfiles.load_patches(project, self.listed)}
        self.result = Plan()

    def plan(self) -> Plan:
        """Return what to write."""
        final = self._overlay_entries()
        files = {
            path: OverlayFile(entry.mode, self.repo.blob(entry.blob))
            for path, entry in final.items()
        }
        patches = self._patches(final)
        self._check_repository_unchanged(patches)
        inputs = Inputs(files, tuple(patches), self.listed.text)
        made = chains.build_chain(self.repo, self.pin, self.record.pristine, inputs)
        if made.tree != self.commits[-1].tree:
            raise CpatchError(
                "the new patches would not give the tree that is checked out; nothing was changed",
                wanted=self.commits[-1].tree,
                got=made.tree,
                fix="this is a bug in cpatch; please report it with the commits in the tree",
            )
        self._write_patches(patches)
        self._write_overlay(files)
        self.result.inputs, self.result.chain = inputs, made
        return self.result

    def _overlay_entries(self) -> dict[str, Entry]:
        """Return the overlay as the tree's last commit has it.

        A new file in an overlay directory belongs to the overlay, whichever commit added it,
        unless one of the patches has always been adding it.
        """
        upstream = self.repo.files(self.record.pristine)
        parent, added = self.record.overlay, set[str]()
        for row in self.record.rows:
            changes = self.repo.changed(parent, row.commit)
            added |= {path for path, status in changes.items() if status == "A"}
            parent = row.commit
        out = {}
        for path, entry in self.repo.files(self.commits[-1].tree).items():
            new = path not in upstream and overlay.in_overlay_dirs(self.project, path)
            if path in self.record.overlay_files or (new and path not in added):
                if not entry.mode.startswith("100"):
                    raise CpatchError(
                        f"{path} in {self.work.shown} is not a plain file; the overlay has no links"
                    )
                out[path] = entry
        return out

    def _patches(self, final: dict[str, Entry]) -> list[Patch]:
        """Return the new series; a patch that still does the same keeps its bytes."""
        gone = sorted(set(self.record.overlay_files) - set(final))
        names = self._match()
        previous = self.repo.edit_tree(self.repo.tree_of(self.record.pristine), add=final)
        out: list[Patch] = []
        for commit in self.commits[1:]:
            # The overlay in its final state, in every commit: only upstream's files differ.
            tree = self.repo.edit_tree(commit.tree, add=final, remove=gone)
            name = names.get(commit.id)
            if tree == previous:
                if name is not None:
                    raise CpatchError(
                        f"the commit of patches/{name} no longer changes any file of upstream's",
                        fix=f"git -C {self.work.shown} rebase -i {self.record.pristine[:12]}, and "
                        "drop it",
                    )
                self.result.notes.append(f"{commit.id[:8]} {commit.subject}: folded into overlay")
                continue
            old = self.on_disk.get(name or "")
            if name is None:
                name = self._new_name(commit, [p.name for p in out])
                self.result.notes.append(f"new      patches/{name}")
            out.append(self._bytes(old, name, commit, previous, tree))
            previous = tree
        matched = {patch.name for patch in out}
        waiting = [n for n in self.listed.names if n not in {r.name for r in self.record.rows}]
        rest = [self.on_disk[name] for name in waiting if name not in matched]
        self.result.total = len(out) + len(rest)
        self.waiting = rest
        return out

    def _bytes(self, old: Patch | None, name: str, commit: Commit, parent: str, tree: str) -> Patch:
        if (
            old is not None
            and patchfiles.message_of(self.repo, old) == commit.message
            and chains.apply_one(self.repo, parent, old) == tree
        ):
            return old
        return Patch(name, export.format_patch(self.repo, parent, tree, commit.message))

    def _match(self) -> dict[str, str]:
        """Return commit id -> the patch it is: same commit, else same subject, else same diff."""
        known = {row.commit: row.name for row in self.record.rows}
        out = {c.id: known[c.id] for c in self.commits[1:] if c.id in known}
        free = [patch for name, patch in self.on_disk.items() if name not in out.values()]
        subjects = {patchfiles.message_of(self.repo, p).split("\n", 1)[0]: p for p in free}
        for commit in self.commits[1:]:
            patch = subjects.get(commit.subject)
            if commit.id not in out and patch and patch.name not in out.values():
                out[commit.id] = patch.name
        diffs = {export.patch_id(self.repo, p.diff): p for p in free if p.name not in out.values()}
        for commit in self.commits[1:]:
            if commit.id in out or not diffs:
                continue
            shown = export.formatted(self.repo, commit.id).decode("utf-8", "surrogateescape")
            patch = diffs.pop(export.patch_id(self.repo, shown), None)
            if patch:
                out[commit.id] = patch.name
        return out

    def _new_name(self, commit: Commit, taken: Sequence[str]) -> str:
        """Name a new patch after its subject; in common/ when it says it applies to several."""
        subject, _, trailers = patchfiles.split_message(commit.message)
        several = len(dict(trailers).get("Applies", "").split()) > 1
        folder = patchfiles.folder_of("common" if several else self.pin.branch, taken)
        stem, number = patchfiles.file_name(subject).removesuffix(".patch"), 1
        while True:
            name = f"{folder}/{stem}{'' if number == 1 else f'-{number}'}.patch"
            if name not in taken and not (self.project.patches / name).exists():
                return name
            number += 1

    def _check_repository_unchanged(self, patches: Sequence[Patch]) -> None:
        """Refuse when patches/ was edited as well since the last apply.

        A file that already is what refresh would write does not count: an interrupted refresh
        can simply be repeated.
        """
        planned = {patch.name: patch.data for patch in patches}
        both = []
        for row in self.record.rows:
            disk = self.on_disk.get(row.name)
            if disk is None:
                both += [row.name] if row.name in planned else []
            elif hashlib.sha256(disk.data).hexdigest() != row.digest:
                both += [row.name] if planned.get(row.name) != disk.data else []
        before = tuple(row.name for row in self.record.rows)
        after = (*planned, *(patch.name for patch in self.waiting))
        if self.listed.names[: len(before)] != before and self.listed.names != after:
            both.append(self.pin.series)
        if both:
            raise CpatchError(
                f"edited both in patches/ and in {self.work.shown} since the last apply: "
                + listed(both),
                wanted="one of the two",
                fix="git stash push -- patches; make refresh; git stash pop",
            )

    def _write_patches(self, patches: Sequence[Patch]) -> None:
        root = self.project.patches
        for patch in patches:
            disk = self.on_disk.get(patch.name)
            if disk is None or disk.data != patch.data:
                self.result.writes[root / patch.name] = patch.data
        names = [patch.name for patch in [*patches, *self.waiting]]
        others = _listed_elsewhere(self.project, self.pin)
        for name in self.on_disk:
            if name not in names:
                kept = name in others
                self.result.notes.append(
                    f"dropped  {name}" + (" (another series lists it: file kept)" if kept else "")
                )
                if not kept:
                    self.result.writes[root / name] = None
            elif name in others and root / name in self.result.writes:
                self.result.notes.append(
                    f"changed  {name}, which other pins use too: make lint ARGS=--all-pins"
                )
        text = patchfiles.edit_series(self.listed.text, names)
        if text != self.listed.text and names != list(self.listed.names):
            self.result.writes[self.listed.path] = text.encode()

    def _write_overlay(self, files: dict[str, OverlayFile]) -> None:
        disk = overlay.load_overlay(self.project, self.pin)
        both = []
        for path in sorted({*files, *self.record.overlay_files}):
            was = self.record.overlay_files.get(path)
            here = disk[path].digest if path in disk else None
            there = files[path].digest if path in files else None
            if there in (was, here):
                continue
            if here != was:
                both.append(path)
            self.result.writes[overlay.place(self.project, self.pin, path)] = files.get(path)
        if both:
            raise CpatchError(
                f"edited both here and in {self.work.shown} since the last apply: {listed(both)}",
                wanted="one of the two; nothing was changed",
                fix=f"diff {both[0]} {self.work.shown}/{both[0]}; make them equal, then "
                "make refresh",
            )


def _listed_elsewhere(project: Project, pin: Pin) -> set[str]:
    """Return the names of patches that other pins' series list."""
    out: set[str] = set()
    for other in load_pins(project).table.values():
        if other.branch != pin.branch and other.series != pin.series:
            out |= set(patchfiles.load_series(project, other).names)
    return out
