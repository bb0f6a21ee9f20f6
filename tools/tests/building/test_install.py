"""install: a prefix that is ours, and what is left there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from buildtoy import Toy, make_toy
from cpatch.base.errors import CpatchError
from cpatch.building.install import check_prefix, install_gdb_helper


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    return make_toy(tmp_path / "p", monkeypatch)


def test_installs_and_runs_what_it_installed(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = tmp_path / "opt" / "py"
    assert toy.run("install", "--prefix", str(prefix)) == 0
    assert str(prefix / "bin" / "python9.8") in capsys.readouterr().out
    # Again over its own is fine, and the prefix is not forgotten by a plain build.
    assert toy.run("install", "--prefix", str(prefix)) == 0
    assert toy.run("build") == 0
    assert len(toy.lines("log.configure")) == 1


@pytest.mark.parametrize("gdb_is_there", [False, True])
def test_gdb_finds_its_helper(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str], gdb_is_there: bool
) -> None:
    prefix = tmp_path / "opt" / "py"
    auto_load = prefix / "share" / "gdb" / "auto-load"
    beside = prefix / "bin" / "python9.8-gdb.py"
    argv = ["install", "--prefix", str(prefix)]
    if gdb_is_there:
        auto_load.mkdir(parents=True)
        argv.append("--force")
    assert toy.run(*argv) == 0
    wanted = auto_load / str(beside)[1:] if gdb_is_there else beside
    assert wanted.read_text() == "# py-bt\n"
    assert beside.exists() is not gdb_is_there
    said = capsys.readouterr().out
    assert str(wanted) in said
    assert (f"add-auto-load-safe-path {beside.parent}" in said) is not gdb_is_there


@pytest.mark.skipif(shutil.which("gdb") is None, reason="no gdb here")
@pytest.mark.parametrize("gdb_is_there", [False, True])
def test_gdb_loads_its_helper(tmp_path: Path, gdb_is_there: bool) -> None:
    """gdb itself, on a program of that name; what it trusts is the user's or its own."""
    auto_load = tmp_path / "share" / "gdb" / "auto-load"
    python = tmp_path / "bin" / "python9.8"
    python.parent.mkdir()
    shutil.copy2("/bin/sleep", python)
    (tmp_path / "bin" / "python3").symlink_to("python9.8")
    (tmp_path / "Tools" / "gdb").mkdir(parents=True)
    (tmp_path / "Tools" / "gdb" / "libpython.py").write_text("print('py-bt', 'is here')\n")
    if gdb_is_there:
        auto_load.mkdir(parents=True)
    helper = install_gdb_helper(python, tmp_path)
    argv = ["gdb", "-nx", "-batch", "-iex", f"add-auto-load-safe-path {helper.parent}"]
    if gdb_is_there:
        argv += ["-iex", f"set auto-load scripts-directory {auto_load}"]
    done = subprocess.run(
        [*argv, str(tmp_path / "bin" / "python3")], capture_output=True, text=True, timeout=60
    )
    assert "py-bt is here" in done.stdout, done.stderr


def test_broken_installation_is_an_error(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    makefile = toy.source() / "Makefile.in"
    makefile.write_text(makefile.read_text().replace("cp python", "echo no >"))
    assert toy.run("install", "--prefix", str(tmp_path / "opt")) == 1
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize("prefix", [None, "", "opt/py", "/opt/my python"])
def test_prefix_must_be_absolute_without_blanks(prefix: str | None) -> None:
    with pytest.raises(CpatchError) as caught:
        check_prefix(prefix, Path("/"), force=False)
    assert caught.value.code == 2
    assert "PREFIX=/" in (caught.value.fix or "")


def test_foreign_directory_is_refused_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(CpatchError, match="not empty") as caught:
        check_prefix(str(tmp_path), Path("/"), force=False)
    assert "precious" in (caught.value.got or "")
    assert check_prefix(str(tmp_path), Path("/"), force=True) == tmp_path


def test_file_as_prefix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for prefix in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CpatchError):
            check_prefix(str(prefix), Path("/"), force=True)
