"""A toy world: an upstream of a few files, a repository with overlay and series, no network."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cpatch import cli
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.sources import upstream, worktree

BRANCH = "9.8"
VERSION = "9.8.7"

LINES = "".join(f"line {n}\n" for n in range(1, 41))
UPSTREAM = {
    "README": "toy\n",
    "Objects/object.c": LINES,
    "Python/ceval.c": LINES.replace("line", "eval"),
    "Modules/gc.c": LINES.replace("line", "gc"),
    "Lib/test/test_toy.py": "assert getrefcount(None) == 3\n",
    "configure": "#!/bin/sh\necho configured\n",
}
OVERLAY = {
    "Objects/immortal.c": "int immortal = 1;\n",
    "Include/internal/immortal.h": "extern int immortal;\n",
}

HEADER = """\
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: cpatch <cpatch@localhost>
Date: Mon, 17 Sep 2001 00:00:00 +0000
Subject: {subject}

{body}

Touches: {touches}
Needs: Objects/immortal.c Include/internal/immortal.h
Tests: none
Applies: {branch}
Upstream-Status: Inappropriate [toy]
Drop-when: the toy is dropped
"""


@dataclass
class World:
    """A repository in tmp_path and shorthands for what tests do to it."""

    root: Path
    tarball: Path
    before: dict[str, bytes] = field(default_factory=dict)

    @property
    def project(self) -> Project:
        return Project(self.root, self.root / "build")

    @property
    def pin(self) -> Pin:
        return load_pins(self.project).get()

    @property
    def src(self) -> Path:
        return self.project.src(self.pin, "patched")

    @property
    def series(self) -> Path:
        return self.root / "patches" / f"series.{BRANCH}"

    def patch(self, name: str) -> Path:
        return self.root / "patches" / name

    def run(self, *argv: str) -> int:
        return cli.run(list(argv))

    def apply(self, *argv: str) -> int:
        return self.run("apply", *argv)

    def git(self, *args: str, cwd: Path | None = None) -> str:
        """Run git as the user would, with a name of her own."""
        done = subprocess.run(
            ["git", "-c", "user.name=User", "-c", "user.email=u@example.org", *args],
            cwd=cwd or self.src,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.src / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def commit(self, *args: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", *args)

    def find(self, subject: str) -> str:
        """Return the commit with a subject."""
        for line in self.git("log", "--format=%H %s").splitlines():
            if line.split(" ", 1)[1] == subject:
                return line.split(" ")[0]
        raise AssertionError(subject)

    def snapshot(self) -> dict[str, bytes]:
        """Return every file of the repository outside build/."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and "build" not in path.relative_to(self.root).parts[:1]
        }

    def tree(self) -> dict[str, bytes]:
        """Return every file of the patched tree."""
        return {
            str(path.relative_to(self.src)): path.read_bytes()
            for path in sorted(self.src.rglob("*"))
            if path.is_file() and path.name != ".git"
        }

    def pin_text(self, **changes: object) -> None:
        """Rewrite the pin file; a value of None drops the key, a name may be new."""
        data = self.tarball.read_bytes()
        values: dict[str, object] = {
            "version": VERSION,
            "tarball": "toy-{version}.tgz",
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "urls": [],
            "debian_pool": "",
            "series": "series.{branch}",
            "date": 1000000000,
            **changes,
        }
        rows = [f'default = "{BRANCH}"', f'["{BRANCH}"]']
        for key, value in values.items():
            if value is not None:
                rows.append(
                    f"{key} = {value!r}" if not isinstance(value, bool) else f"{key} = true"
                )
        (self.root / "patches" / "upstream.toml").write_text("\n".join(rows) + "\n")


def make_tarball(path: Path, files: dict[str, str], top: str = f"toy-{VERSION}") -> Path:
    """Write a .tgz whose bytes depend on the files only."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size = len(text.encode())
            info.mode = 0o755 if name == "configure" else 0o644
            archive.addfile(info, io.BytesIO(text.encode()))
    path.write_bytes(buffer.getvalue())
    return path


def make_patch(
    subject: str, path: str, old: str, new: str, *, body: str | None = None, files=UPSTREAM
) -> str:
    """Return a patch file that replaces a line of an upstream file (files as they are by then)."""
    before = files[path].splitlines(keepends=True)
    at = before.index(old)
    low, high = max(0, at - 3), min(len(before), at + 4)
    hunk = "".join(
        f"-{line}+{new}" if n == at else f" {line}" for n, line in enumerate(before[low:high], low)
    )
    count = high - low
    more = 1 if new.count("\n") < 2 else new.count("\n")
    why = body or "The toy needs this line changed so that a test can see that it was changed."
    return (
        HEADER.format(subject=subject, body=why, touches=path, branch=BRANCH)
        + f"\ndiff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"
        + f"@@ -{low + 1},{count} +{low + 1},{count - 1 + more} @@\n{hunk}"
    )


PATCHES = {
    "common/object-first.patch": make_patch(
        "object: change the fifth line", "Objects/object.c", "line 5\n", "patched 5\n"
    ),
    "common/ceval-middle.patch": make_patch(
        "ceval: change the tenth line", "Python/ceval.c", "eval 10\n", "patched 10\n"
    ),
    f"{BRANCH}/object-last.patch": make_patch(
        "object: change the thirtieth line", "Objects/object.c", "line 30\n", "patched 30\n"
    ),
}


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with worlds made once: 'fetched' and, one step on, 'applied'."""
    top = tmp_path_factory.mktemp("templates")
    with pytest.MonkeyPatch.context() as patched:
        made = make_world(top / "fetched" / "repo", top / "fetched" / "toy.tgz", patched)
        upstream.pristine(made.project, made.pin)
        shutil.copytree(top / "fetched", top / "applied")
        use_world(World(top / "applied" / "repo", made.tarball), patched).apply()
    return top


@pytest.fixture
def world(templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a repository whose upstream is unpacked and whose three patches apply."""
    return copy_world(templates / "fetched", tmp_path, monkeypatch)


def copy_world(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True, symlinks=True)
    return use_world(World(tmp_path / "repo", tmp_path / "toy.tgz"), monkeypatch)


def use_world(made: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Make the driver and git work on this world."""
    monkeypatch.setenv("CPATCH_ROOT", str(made.root))
    monkeypatch.setenv("CPATCH_BUILD", str(made.root / "build"))
    # An outer git's environment must not reach the tests' own git calls.
    for key in [key for key in os.environ if key.startswith("GIT_")]:
        monkeypatch.delenv(key)
    return made


def make_world(root: Path, tarball: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Make a repository from nothing; only the tarball is in its cache."""
    root.mkdir(parents=True)
    if not tarball.exists():
        make_tarball(tarball, UPSTREAM)
    made = use_world(World(root, tarball), monkeypatch)
    for path, text in OVERLAY.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "patches").mkdir()
    for name, text in PATCHES.items():
        made.patch(name).parent.mkdir(exist_ok=True)
        made.patch(name).write_text(text)
    made.series.write_text("# toy\n" + "".join(f"{name}\n" for name in PATCHES))
    made.pin_text()
    cache = root / "build" / "cache"
    cache.mkdir(parents=True)
    (cache / f"toy-{VERSION}.tgz").write_bytes(tarball.read_bytes())
    return made


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Return what was printed on stderr and stdout since the last call."""

    def read() -> str:
        captured = capsys.readouterr()
        return captured.err + captured.out

    return read


NEW_MESSAGE = f"""gc: change the ninth line

The toy needs one more change, and this one was made in the tree first.

Touches: Modules/gc.c
Needs: none
Tests: none
Applies: {BRANCH}
Upstream-Status: Pending
Drop-when: never
"""


@pytest.fixture
def applied(templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose patched tree is made; ``before`` is the repository as it was."""
    made = copy_world(templates / "applied", tmp_path, monkeypatch)
    # The copy has moved: this mends the links between tree and store.
    assert worktree.Worktree(made.project, made.pin, "patched").exists()
    made.before = made.snapshot()
    return made


def changes(world) -> set[str]:
    """Return the repository's files that differ from when the fixture was made."""
    now = world.snapshot()
    return {p for p in now.keys() | world.before.keys() if now.get(p) != world.before.get(p)}


def stands(world) -> None:
    """Assert that apply, refresh and the tree agree: nothing left to do."""
    before = world.snapshot(), world.git("rev-parse", "HEAD")
    assert world.run("refresh", "--check") == 0
    assert world.apply() == 0
    assert (world.snapshot(), world.git("rev-parse", "HEAD")) == before
    assert world.git("status", "--porcelain") == ""
