"""cpatch apply: bring a source tree to what pin, overlay and series say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import console, locks
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.git import Repo
from cpatch.base.pin import Pin
from cpatch.base.project import Project, named
from cpatch.series import chain as chains
from cpatch.series import fixes, parts, patchfiles
from cpatch.series.chain import Chain, Inputs
from cpatch.sources.worktree import Record, Row, Stand, Worktree, listed


@dataclass(frozen=True)
class Tree:
    """A source tree ready to be built.

    ``commit`` and ``tree_id`` are what is checked out, the user's own commits included; ``dirty``
    lists files edited since, ``own`` counts the user's commits.
    """

    commit: str
    tree_id: str
    path: Path
    dirty: tuple[str, ...] = ()
    own: int = 0

    @property
    def label(self) -> str:
        """A short name for reports: the tree id, and how it was edited, if it was."""
        edited = f" + {len(self.dirty)} edited file(s)" if self.dirty else ""
        return f"{self.tree_id[:12]}{edited}"


def ensure_tree(
    project: Project,
    pin: Pin,
    tree: str,
    *,
    source: Path | None = None,
    strict: bool = False,
    discard: bool = False,
    stop: str | None = None,
) -> Tree:
    """Make sure a source tree matches the repository; fetch, unpack and apply only if needed.

    The user's edits in a tree whose inputs have not changed are left alone and reported in the
    result, so that they can be built and tried; with ``strict`` they are refused. When inputs did
    change, edits and commits that are not in patches/ are a refusal, unless ``discard`` (which
    keeps them where git can find them). ``stop`` names a patch before which to end.
    Raises CpatchError; the tree is then as it was.
    """
    work = Worktree(project, pin, tree)
    inputs = _inputs(project, pin, tree, stop)
    if inputs.whole and stop:
        raise CpatchError("--stop is for the whole series", fix="leave PARTS out", code=USAGE)
    there = work.exists()
    record = work.record()
    if there and record and not record.moving and record.key == inputs.key(pin):
        stand = work.stand()
        if stand.head == record.head and not stand.dirty:
            return Tree(record.head, record.tree, work.path)
        if not strict and not discard:
            own = len(work.user_commits(stand.head, record))
            now = work.repo.tree_of(stand.head)
            return Tree(stand.head, now, work.path, stand.dirty, own)
    with locks.driver(project):
        return _bring(work, inputs, source=source, discard=discard)


def up_to_date(project: Project, pin: Pin, tree: str) -> bool:
    """Say whether a source tree was made from what the repository holds now; changes nothing."""
    record = Worktree(project, pin, tree).record()
    key = _inputs(project, pin, tree, None).key(pin)
    return record is not None and not record.moving and record.key == key


@dataclass(frozen=True)
class _Wanted:
    """What goes into a tree, and how many patches that would be without ``--stop``.

    ``whole`` is the series with all parts, where the tree has only some of them.
    """

    now: Inputs
    total: int
    whole: Inputs | None = None

    def key(self, pin: Pin) -> str:
        key = f"{self.now.key(pin)} {len(self.now.patches)}/{self.total}"
        # What is merged depends on what it is merged with.
        return f"{key} {self.whole.key(pin)}" if self.whole and self.has_gaps() else key

    def has_gaps(self) -> bool:
        """Whether a part is left out that comes before one that is not."""
        whole = self.whole.patches if self.whole else self.now.patches
        return self.now.patches != whole[: len(self.now.patches)]


def _inputs(project: Project, pin: Pin, tree: str, stop: str | None) -> _Wanted:
    if tree == "stock":
        return _Wanted(Inputs({}, (), ""), 0)
    inputs = chains.load_inputs(project, pin)
    total = len(inputs.patches)
    if tree != "patched":
        some = parts.choose(inputs, patchfiles.load_series(project, pin), tree)
        return _Wanted(some, len(some.patches), inputs)
    if stop is None:
        return _Wanted(inputs, total)
    names = [patch.name for patch in inputs.patches]
    if stop not in names:
        raise CpatchError(
            f"{stop} is not in patches/{pin.series}",
            wanted=listed(names) or "-",
            got=stop,
            fix="make apply ARGS='--stop NAME', with one of these",
            code=USAGE,
        )
    return _Wanted(inputs.upto(names.index(stop)), total)


def _bring(work: Worktree, inputs: _Wanted, *, source: Path | None, discard: bool) -> Tree:
    pristine = fixes.base(work.project, work.pin, source)
    repo = Repo(work.project.store)
    if work.name == "stock":
        made = Chain(pristine, pristine, repo.tree_of(pristine), ())
    else:
        whole = None
        if inputs.whole and inputs.has_gaps():
            whole = chains.build_chain(repo, work.pin, pristine, inputs.whole)
        made = chains.build_chain(
            repo, work.pin, pristine, inputs.now, whole=whole, progress=chains.trace
        )
    wanted = record_of(made, inputs.now, total=inputs.total, key=inputs.key(work.pin))
    record = work.record()
    if not work.exists():
        work.create()
    else:
        if record and record.moving:
            record = work.finish_move(record)
        if work.repo.resolve("HEAD"):
            _check_nothing_to_lose(work, record, wanted, discard=discard)
    work.move(wanted)
    return Tree(wanted.head, wanted.tree, work.path)


def record_of(made: Chain, inputs: Inputs, *, total: int, key: str) -> Record:
    """Return the record of a chain that is about to be checked out."""
    rows = tuple(
        Row(a.patch.name, hashlib.sha256(a.patch.data).hexdigest(), a.commit) for a in made.applied
    )
    return Record(
        key=key,
        pristine=made.pristine,
        overlay=made.overlay,
        head=made.head,
        tree=made.tree,
        total=total,
        rows=rows,
        overlay_files={path: file.digest for path, file in inputs.overlay.items()},
    )


def _check_nothing_to_lose(
    work: Worktree, record: Record | None, wanted: Record, *, discard: bool
) -> None:
    """Refuse to move a tree that holds work of the user's."""
    unfinished = work.unfinished()
    if unfinished:
        raise CpatchError(
            f"a {unfinished} is going on in {work.shown}",
            fix=f"git -C {work.shown} {unfinished} --continue, or --abort",
        )
    stand = work.stand()
    known = [wanted.head, *([record.head] if record else [])]
    if stand.head in known and not stand.dirty:
        return
    if discard:
        for line in work.put_aside(stand, known):
            console.say(f"kept     {line}")
        return
    raise _refusal(work, stand, record, known)


def _refusal(
    work: Worktree, stand: Stand, record: Record | None, known: Iterable[str]
) -> CpatchError:
    saw = []
    if stand.dirty:
        saw.append(f"uncommitted: {listed(stand.dirty)}")
    if stand.head not in known:
        commits = work.user_commits(stand.head, record)
        saw.append(f"commits not in patches/: {listed(commits, 3) or stand.head[:12]}")
    was = f"commit {record.head[:12]}, as last applied" if record else "a tree cpatch has made"
    keep = "git commit -a in it, then make refresh" if stand.dirty else "make refresh"
    if work.name != "patched":  # nobody refreshes from it
        keep = f"git -C {work.shown} stash"
    return CpatchError(
        f"{work.shown} holds work that applying would lose",
        wanted=was,
        got="\n".join(saw),
        fix=f"to keep it: {keep}; to drop it: make apply {named(work.name)}ARGS=--discard",
    )
