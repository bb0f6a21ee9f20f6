"""A source tree on disk: a git worktree of the store, and what we last put into it.

The record (``build/<branch>/<tree>.json``) tells our own commits from the user's work: what is not
in the record is not thrown away.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cpatch.base.errors import CpatchError
from cpatch.base.git import Repo
from cpatch.base.pin import Pin
from cpatch.base.project import Project

_UNFINISHED = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")


@dataclass(frozen=True)
class Row:
    """One applied patch: name, digest of its file, and the commit it became."""

    name: str
    digest: str
    commit: str


@dataclass(frozen=True)
class Record:
    """What a tree was last made from. ``total`` counts the series, ``rows`` what was applied.

    ``pristine`` is the commit below the overlay: the tarball's, with the pin's fixes on it.
    """

    key: str
    pristine: str
    overlay: str
    head: str
    tree: str
    total: int
    rows: tuple[Row, ...]
    overlay_files: dict[str, str]
    moving: tuple[str, str] | None = None


@dataclass(frozen=True)
class Stand:
    """Where a tree is now: its commit and the paths that differ from it."""

    head: str
    dirty: tuple[str, ...]


class Worktree:
    """The source tree of one pin; ``name`` is 'stock' or 'patched'."""

    def __init__(self, project: Project, pin: Pin, name: str) -> None:
        self.project = project
        self.pin = pin
        self.name = name
        self.path = project.src(pin, name)
        self.shown = project.show(self.path)
        self.repo = Repo(project.store, self.path)
        self._record = project.pin_build(pin) / f"{name}.json"

    def record(self) -> Record | None:
        """Return what was last applied, or None when that is not known."""
        try:
            data = json.loads(self._record.read_text(encoding="utf-8"))
            data["rows"] = tuple(Row(**row) for row in data["rows"])
            data["moving"] = tuple(data["moving"]) if data["moving"] else None
            return Record(**data)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_record(self, record: Record) -> None:
        """Replace the record, in one step."""
        self.project.make_dir(self._record.parent)
        partial = self._record.with_suffix(".new")
        partial.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
        partial.replace(self._record)

    def exists(self) -> bool:
        """Whether the tree is there; repairs its links after the checkout has been moved.

        Raises CpatchError for a directory of that name that is none of ours.
        """
        link = self.path / ".git"
        if not link.exists():
            if self.path.is_dir() and any(self.path.iterdir()):
                raise self._foreign("it has no .git")
            return False
        admin = self.admin
        if not link.is_file() or not admin.is_dir():
            raise self._foreign(f"{self.project.show(admin)} does not know it")
        for file, text in ((link, f"gitdir: {admin}\n"), (admin / "gitdir", f"{link}\n")):
            if file.read_text() != text:
                file.write_text(text)
        return True

    def _foreign(self, why: str) -> CpatchError:
        return CpatchError(
            f"{self.shown} is not a source tree made by cpatch: {why}",
            fix=f"mv {self.shown} elsewhere, then make apply",
        )

    @property
    def admin(self) -> Path:
        """Return git's own directory for this tree."""
        # Two pins' trees have the same base name; git would number them in order of creation.
        return self.project.store / "worktrees" / self._id

    @property
    def _id(self) -> str:
        return f"{self.pin.branch}-{self.name}"

    def stand(self) -> Stand:
        """Ask git where the tree is."""
        said = self.repo.git(
            "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"
        ).stdout
        head, dirty = "", []
        parts = iter(said.split("\0"))
        for part in parts:
            if part.startswith("# branch.oid "):
                head = part.split(" ", 2)[2]
            elif part.startswith("?"):
                dirty.append(part[2:])
            elif part[:1] in ("1", "u"):
                dirty.append(part.split(" ", 8 if part[0] == "1" else 10)[-1])
            elif part.startswith("2"):
                dirty += [part.split(" ", 9)[-1], next(parts)]
        return Stand(head, tuple(sorted(dirty)))

    def unfinished(self) -> str | None:
        """Name a rebase, merge or the like that the user has not finished here."""
        for name in _UNFINISHED:
            if (self.admin / name).exists():
                return "rebase" if "rebase" in name else name.split("_")[0].lower()
        return None

    def create(self) -> None:
        """Make an empty worktree, registered in the store, on no commit yet."""
        self.project.make_dir(self.path.parent)
        admin = self.admin
        self.project.make_dir(admin)
        self.project.make_dir(self.path)
        # What `git worktree add` writes, but under a name of our choice. HEAD is on a branch so
        # that the user's commits have a home.
        (admin / "commondir").write_text("../..\n")
        (admin / "HEAD").write_text(f"ref: refs/heads/{self.pin.branch}/{self.name}\n")
        (admin / "gitdir").write_text(f"{self.path / '.git'}\n")
        for stale in ("index", "index.lock"):
            (admin / stale).unlink(missing_ok=True)
        Repo(self.project.store).git(
            "update-ref", "-d", f"refs/heads/{self.pin.branch}/{self.name}"
        )
        (self.path / ".git").write_text(f"gitdir: {admin}\n")

    def move(self, record: Record) -> None:
        """Move the tree to ``record.head`` and note it; only files that differ are written.

        The caller has made sure that there is nothing to lose. Killed half-way, the note
        ``moving`` lets ``finish_move`` go on.
        """
        before = self.repo.resolve("HEAD") or ""
        self.write_record(replace(record, moving=(before, record.head)))
        self._reset(record.head)
        self.write_record(record)

    def finish_move(self, record: Record) -> Record:
        """Complete a move that was killed; raises CpatchError when the user edited meanwhile."""
        assert record.moving is not None
        before, target = record.moving
        lock = self.admin / "index.lock"
        lock.unlink(missing_ok=True)  # we hold the driver's lock: no git of ours is running
        stand = self.stand()
        ours = set(self.repo.changed(before, target)) if before else None
        if ours is not None:
            others = [path for path in stand.dirty if path not in ours]
            if others:
                raise CpatchError(
                    f"an interrupted apply left {self.shown} half-way, and other files are "
                    f"edited too: {listed(others)}",
                    fix=f"git -C {self.shown} stash -- {' '.join(others[:5])}, then make apply",
                )
        self._reset(target)
        done = replace(record, moving=None)
        self.write_record(done)
        return done

    def _reset(self, commit: str) -> None:
        # --hard compares each file with the index first and rewrites only what differs, so the
        # mtimes of the rest stay and make rebuilds only what it must.
        self.repo.git("reset", "--quiet", "--hard", commit)
        # Kept from pruning even when the user moves the branch away.
        self.repo.git("update-ref", f"refs/applied/{self.pin.branch}/{self.name}", commit)

    def follow(self, record: Record) -> None:
        """Point HEAD at commits with the very same tree; no file changes."""
        self.repo.git("reset", "--quiet", "--soft", record.head)
        self.repo.git("update-ref", f"refs/applied/{self.pin.branch}/{self.name}", record.head)
        self.write_record(record)

    def put_aside(self, stand: Stand, known: Sequence[str]) -> list[str]:
        """Stash edits and name commits that are about to be discarded; returns how to get back."""
        saved = []
        if stand.dirty:
            self.repo.git("stash", "push", "--quiet", "--include-untracked", "-m", "discarded")
            saved.append(f"uncommitted edits: git -C {self.shown} stash pop")
        if stand.head not in known:
            ref = f"refs/discarded/{stand.head[:12]}"
            self.repo.git("update-ref", ref, stand.head)
            saved.append(f"commits: git -C {self.shown} log {ref}")
        return saved

    def user_commits(self, head: str, record: Record | None) -> list[str]:
        """List the user's commits, 'abbrev subject', newest first."""
        since = [f"^{record.head}", f"^{record.pristine}"] if record else ["-1"]
        said = self.repo.git("log", "--format=%h %s", head, *since, "--", check=False)
        return said.stdout.splitlines()


def listed(paths: Sequence[str], most: int = 5) -> str:
    """Join paths for a message, the first few of many."""
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more
