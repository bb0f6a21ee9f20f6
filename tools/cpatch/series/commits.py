"""The user's commits on a source tree, read as a series: fixups folded, its shape checked."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from cpatch.base.errors import CpatchError
from cpatch.base.git import Repo
from cpatch.series import overlay, patchfiles
from cpatch.sources.worktree import Record, Worktree, listed

_AUTOSQUASH = ("fixup! ", "squash! ", "amend! ")


@dataclass(frozen=True)
class Commit:
    """One commit of the tree's history."""

    id: str
    tree: str
    message: str

    @property
    def subject(self) -> str:
        """The message's first line."""
        return self.message.split("\n", 1)[0]


def history(repo: Repo, work: Worktree, record: Record, head: str) -> list[Commit]:
    """Return the commits after the pristine one, fixups squashed; checks their shape."""
    commits = _commits(repo, work, record.pristine, head)
    if any(commit.subject.startswith(_AUTOSQUASH) for commit in commits):
        head = autosquash(repo, work, record.pristine, head)
        commits = _commits(repo, work, record.pristine, head)
    strays = [commit for commit in commits if commit.subject.startswith(_AUTOSQUASH)]
    if strays:
        raise CpatchError(
            f"no commit matches {strays[0].subject!r}",
            fix=f"git -C {work.shown} rebase -i {record.pristine[:12]}",
        )
    if not commits or (record.rows and not commits[1:]):
        raise CpatchError(
            f"no patch is left in {work.shown}: refresh would delete all {len(record.rows)}",
            wanted=f"commits on top of {record.overlay[:12]} (the overlay)",
            got=f"HEAD is {head[:12]}",
            fix=f"git -C {work.shown} reset --keep {record.head[:12]}",
        )
    if commits[0].subject != overlay.SUBJECT:
        raise CpatchError(
            f"the first commit in {work.shown} is not the overlay's",
            wanted=overlay.SUBJECT,
            got=commits[0].subject,
            fix=f"git -C {work.shown} rebase -i {record.pristine[:12]}, and put it first",
        )
    return commits


def _commits(repo: Repo, work: Worktree, pristine: str, head: str) -> list[Commit]:
    if not repo.git("merge-base", "--is-ancestor", pristine, head, check=False).ok:
        raise CpatchError(
            f"HEAD of {work.shown} is not based on the pristine commit",
            wanted=f"descendants of {pristine[:12]}",
            got=f"HEAD is {head[:12]}",
            fix=f"git -C {work.shown} rebase --onto {pristine[:12]} …",
        )
    out = []
    listing = repo.out("rev-list", "--reverse", "--topo-order", "--parents", f"{pristine}..{head}")
    for line in filter(None, listing.split("\n")):
        commit, *parents = line.split(" ")
        if len(parents) != 1:
            raise CpatchError(
                f"{commit[:12]} in {work.shown} is a merge; a series is a straight line",
                fix=f"git -C {work.shown} rebase {pristine[:12]}",
            )
        text = patchfiles.normal(repo.message(commit))
        out.append(Commit(commit, repo.tree_of(commit), text))
    return out


def autosquash(repo: Repo, work: Worktree, pristine: str, head: str) -> str:
    """Fold fixup commits into their targets in a scratch tree; returns the new head.

    Raises CpatchError on a conflict. The user's tree is not involved and stays as it is.
    """
    build = work.project.build
    with tempfile.TemporaryDirectory(dir=build, prefix="rebase-") as name:
        scratch = Repo(repo.git_dir, Path(name, "src"))
        repo.git("worktree", "add", "--quiet", "--detach", str(scratch.worktree), head)
        try:
            done = scratch.git(
                *("rebase", "--quiet", "--interactive", "--autosquash", "--empty=keep", pristine),
                env={"GIT_SEQUENCE_EDITOR": "true"},
                check=False,
            )
            if not done.ok:
                files = scratch.out("diff", "--name-only", "--diff-filter=U").split()
                at = scratch.git("log", "-1", "--format=%s", "REBASE_HEAD", check=False).stdout
                raise CpatchError(
                    f"folding the fixup commits stops at {at.strip()!r}; nothing was changed",
                    got=f"conflict in {listed(files)}"
                    if files
                    else "it would leave a patch without any change; drop that patch instead",
                    fix=f"git -C {work.shown} rebase -i --autosquash {pristine[:12]}, resolve it "
                    "there, then make refresh",
                )
            new = scratch.out("rev-parse", "HEAD")
        finally:
            repo.git("worktree", "remove", "--force", str(scratch.worktree), check=False)
    if repo.tree_of(new) != repo.tree_of(head):
        raise CpatchError(
            "folding the fixup commits would change the final tree; nothing was changed",
            fix=f"git -C {work.shown} rebase -i --autosquash {pristine[:12]}, look, "
            "then make refresh",
        )
    return new
