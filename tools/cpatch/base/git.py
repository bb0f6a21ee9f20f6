"""Git, cut off from the user's configuration, with fixed identities and dates.

Whatever the user's git is set up to do (hooks, signing, line endings, an outer GIT_DIR), the same
input gives the same commit ids here.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import proc
from cpatch.base.errors import CpatchError

NAME = "cpatch"
EMAIL = "cpatch@localhost"

#: Author date of every patch. One constant, the date git itself prints for "no date", because a
#: patch in common/ belongs to several pins and must read the same under each.
PATCH_DATE = 1000684800  # Mon, 17 Sep 2001 00:00:00 +0000

_SETTINGS = (
    "core.autocrlf=false",
    "core.fileMode=true",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "advice.detachedHead=false",
    "safe.directory=*",  # `sudo make install` reads a store that the user built
)


def environment(*, author_date: int = 0, date: int = 0) -> dict[str, str | None]:
    """Return the changes to the environment that make git hermetic."""
    env: dict[str, str | None] = {key: None for key in os.environ if key.startswith("GIT_")}
    env.update(
        GIT_CONFIG_GLOBAL="/dev/null",
        GIT_CONFIG_SYSTEM="/dev/null",
        GIT_CONFIG_NOSYSTEM="1",
        GIT_TERMINAL_PROMPT="0",
        GIT_EDITOR="true",
        GIT_AUTHOR_NAME=NAME,
        GIT_AUTHOR_EMAIL=EMAIL,
        GIT_AUTHOR_DATE=f"@{author_date} +0000",
        GIT_COMMITTER_NAME=NAME,
        GIT_COMMITTER_EMAIL=EMAIL,
        GIT_COMMITTER_DATE=f"@{date} +0000",
        LC_ALL="C",
        LANGUAGE=None,
        TZ="UTC",
        # The same as -c on the command line, without cluttering every message and log.
        GIT_CONFIG_COUNT=str(len(_SETTINGS)),
    )
    for number, setting in enumerate(_SETTINGS):
        env[f"GIT_CONFIG_KEY_{number}"], env[f"GIT_CONFIG_VALUE_{number}"] = setting.split("=", 1)
    return env


@dataclass(frozen=True)
class Entry:
    """A file in a tree: git's mode ('100644', '100755', '120000') and blob id."""

    mode: str
    blob: str


@dataclass(frozen=True)
class Repo:
    """A git directory, or a work tree when ``worktree`` is set."""

    git_dir: Path
    worktree: Path | None = None

    def git(
        self,
        *args: str,
        index: Path | None = None,
        input: str | bytes | None = None,  # noqa: A002 - the name subprocess uses
        check: bool = True,
        author_date: int = 0,
        date: int = 0,
        env: proc.Env | None = None,
    ) -> proc.Result:
        """Run one git command; ``index`` names a private index file."""
        settings = environment(author_date=author_date, date=date)
        if self.worktree is None:
            settings["GIT_DIR"] = str(self.git_dir)
        if index is not None:
            settings["GIT_INDEX_FILE"] = str(index)
        settings.update(env or {})
        cwd = self.worktree or self.git_dir
        return proc.run(["git", *args], cwd=cwd, env=settings, input=input, check=check)

    def out(self, *args: str, index: Path | None = None, input: str | None = None) -> str:  # noqa: A002
        """Run git and return its stdout without the last newline."""
        return self.git(*args, index=index, input=input).stdout.rstrip("\n")

    def resolve(self, name: str) -> str | None:
        """Return the id ``name`` stands for, or None."""
        result = self.git("rev-parse", "--verify", "--quiet", name, check=False)
        return result.stdout.strip() if result.ok else None

    def tree_of(self, commit: str) -> str:
        """Return the tree id of a commit."""
        return self.out("rev-parse", "--verify", f"{commit}^{{tree}}")

    def commit_tree(
        self, tree: str, parents: Sequence[str], message: str, *, date: int, author_date: int
    ) -> str:
        """Create a commit; the same arguments give the same id everywhere."""
        args = ["commit-tree", tree]
        for parent in parents:
            args += ["-p", parent]
        made = self.git(*args, input=message, date=date, author_date=author_date)
        return made.stdout.strip()

    def message(self, commit: str) -> str:
        """Return a commit's whole message, ending in one newline."""
        return self.out("log", "-1", "--format=%B", commit).rstrip("\n") + "\n"

    def files(self, tree: str, *paths: str) -> dict[str, Entry]:
        """List the files of a tree, below ``paths`` only if given."""
        listing = self.git("ls-tree", "-r", "-z", "--full-tree", tree, "--", *paths).stdout
        out = {}
        for row in listing.split("\0")[:-1]:
            meta, path = row.split("\t", 1)
            mode, _, blob = meta.split(" ")
            out[path] = Entry(mode, blob)
        return out

    def changed(self, old: str, new: str) -> dict[str, str]:
        """Return path -> status letter (A, D, M, T) between two trees; renames are D and A."""
        listing = self.git("diff-tree", "-r", "-z", "--no-renames", "--name-status", old, new)
        parts = listing.stdout.split("\0")[:-1]
        return dict(zip(parts[1::2], parts[0::2], strict=True))

    def write_blobs(self, contents: Sequence[bytes]) -> list[str]:
        """Store file contents; returns their ids in the same order."""
        if not contents:
            return []
        with tempfile.TemporaryDirectory(prefix="cpatch-") as name:
            paths = []
            for number, data in enumerate(contents):
                path = Path(name, str(number))
                path.write_bytes(data)
                paths.append(f"{path}\n")
            ids = self.out("hash-object", "-w", "--no-filters", "--stdin-paths",
                           input="".join(paths))  # fmt: skip
        return ids.split("\n")

    def blob(self, blob: str) -> bytes:
        """Return a blob's bytes."""
        return self.git("cat-file", "blob", blob).stdout.encode("utf-8", "surrogateescape")

    @contextlib.contextmanager
    def index(self, tree: str | None = None) -> Iterator[Path]:
        """Give a private index, filled from a tree; the user's own index is never touched."""
        with tempfile.TemporaryDirectory(prefix="cpatch-") as name:
            path = Path(name, "index")
            if tree is not None:
                self.git("read-tree", tree, index=path)
            yield path

    def edit_tree(
        self, tree: str, add: dict[str, Entry] | None = None, remove: Sequence[str] = ()
    ) -> str:
        """Return the id of ``tree`` with files removed and then added."""
        rows = [f"0 {'0' * 40}\t{path}\0" for path in remove]
        rows += [f"{e.mode} {e.blob}\t{path}\0" for path, e in sorted((add or {}).items())]
        if not rows:
            return tree
        with self.index(tree) as index:
            self.git("update-index", "-z", "--index-info", index=index, input="".join(rows))
            return self.out("write-tree", index=index)


def require() -> None:
    """Say what to install when git is not there."""
    try:
        proc.run(["git", "--version"], cwd=Path("/"))
    except CpatchError as exc:
        raise CpatchError("git is not installed", fix="make doctor") from exc
