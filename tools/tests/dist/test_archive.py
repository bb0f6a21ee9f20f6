"""Tarballs: the same from the same files, whoever packs them when; and what differs."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.dist.archive import differences, different, pack


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    home = tmp_path / "tree"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "b").write_text("#!/bin/sh\n")
    (home / "bin" / "b").chmod(0o700)
    (home / "bin" / "a").symlink_to("b")
    (home / "text").write_text("text")
    return home


def test_owner_time_mode_and_order_are_fixed(tree: Path, tmp_path: Path) -> None:
    one = pack(tree, "top", tmp_path / "one.tar.gz", 1000)
    other = tmp_path / "other"
    for name in ("text", "bin"):  # in another order, at another time, for another user's umask
        source = tree / name
        other.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, other / name, symlinks=True)
        else:
            shutil.copy(source, other / name)
    (other / "text").chmod(0o600)
    os.utime(other / "text", (5, 5))
    assert pack(other, "top", tmp_path / "two.tar.gz", 1000) == one
    with tarfile.open(tmp_path / "one.tar.gz") as tar:
        entries = {each.name: each for each in tar}
    assert list(entries) == ["top", "top/bin", "top/bin/a", "top/bin/b", "top/text"]
    assert {(each.uid, each.uname, each.mtime) for each in entries.values()} == {(0, "root", 1000)}
    assert (entries["top/bin/b"].mode, entries["top/text"].mode) == (0o755, 0o644)
    assert entries["top/bin/a"].linkname == "b"


def test_what_differs_is_named(tree: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.tar.gz", tmp_path / "two.tar.gz"
    pack(tree, "top", one, 1)
    assert differences(one, one) == []
    (tree / "text").write_text("tent")
    (tree / "more").write_text("")
    (tree / "bin" / "b").chmod(0o644)
    pack(tree, "top", two, 1)
    more, mode, text = sorted(differences(one, two), key=lambda line: line.split()[0][-1])[::1]
    found = {line.partition(":")[0]: line for line in (more, mode, text)}
    assert found["top/more"] == "top/more: only in the second"
    assert "1 of 4 bytes, from 0x2 to 0x2" in found["top/text"]
    assert str(0o644) in found["top/bin/b"]


def test_the_part_of_a_program_is_named() -> None:
    data = Path(sys.executable).resolve().read_bytes()
    at = data.index(b".dynamic\0")  # in the names of the sections
    changed = data[:at] + b"X" + data[at + 1 :]
    assert different(data, changed).endswith("in .shstrtab")


def test_no_tarball(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with pytest.raises(CpatchError, match="cannot read"):
        differences(tmp_path / "x", tmp_path / "x")
