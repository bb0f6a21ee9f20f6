from __future__ import annotations

import os
from pathlib import Path

import pytest
from buildtoy import fake_program
from cpatch import cli
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.building import host as doctor


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host of our own: PATH has only what a test puts there; gcc is a script."""
    programs = tmp_path / "bin"
    for name in ("make", "git"):
        fake_program(programs, name)
    # Refuses the programs that use a library listed in the file `missing`.
    fake_program(
        programs,
        "gcc",
        "for lib in $(/bin/cat $(/usr/bin/dirname $0)/missing 2>/dev/null); do\n"
        'case " $* " in *" -l$lib "*) echo "fatal error: $lib.h: No such file" >&2; exit 1;; esac\n'
        "done; exit 0",
    )
    monkeypatch.setenv("PATH", str(programs))
    for name in ("CC", "LAUNCHER", "CFLAGS", "CPPFLAGS", "LDFLAGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return programs


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, tmp_path / "build")


def test_a_complete_host(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor"]) == 0
    assert "everything a build needs is here" in capsys.readouterr().out


def test_missing_header_is_named_with_the_one_command(
    host: Path, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (host / "missing").write_text("sqlite3 ffi\n")
    with pytest.raises(CpatchError) as caught:
        doctor.ensure_host(project, os.environ)
    text = caught.value.render()
    assert "wanted ffi, sqlite3" in text
    assert "sqlite3: fatal error: sqlite3.h" in text
    command = "sudo apt-get install -y --no-install-recommends libffi-dev libsqlite3-dev"
    assert command in text
    assert cli.run(["doctor"]) == 1
    captured = capsys.readouterr()
    assert "sqlite3" in captured.out
    assert command in captured.err


@pytest.mark.parametrize(("compiler", "package"), [(None, "build-essential"), ("clang", "clang")])
def test_missing_compiler_is_named(
    host: Path,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    compiler: str | None,
    package: str,
) -> None:
    (host / "gcc").unlink()
    if compiler:
        monkeypatch.setenv("CC", compiler)
    with pytest.raises(CpatchError) as caught:
        doctor.ensure_host(project, os.environ)
    text = caught.value.render()
    assert f"C compiler ({compiler or 'gcc'})" in text
    assert f" {package}" in (caught.value.fix or "")


def test_missing_launcher_is_named(
    host: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNCHER", "distcc")
    with pytest.raises(CpatchError) as caught:
        doctor.ensure_host(project, os.environ)
    assert "distcc: not on PATH" in caught.value.render()


def test_root_on_debian_installs(
    host: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host / "missing").write_text("lzma\n")
    fake_program(
        host, "apt-get", f'echo "$*" >> {host}/apt; case $1 in install) : > {host}/missing;; esac'
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(doctor, "is_debian", lambda: True)
    doctor.ensure_host(project, os.environ)
    assert (host / "apt").read_text().splitlines() == [
        "update",
        "install -y --no-install-recommends liblzma-dev",
    ]


def test_fine_host_is_remembered_until_the_compiler_changes(
    host: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor.ensure_host(project, os.environ)
    (host / "missing").write_text("z\n")
    doctor.ensure_host(project, os.environ)
    fake_program(host, "clang", "exit 1")
    monkeypatch.setenv("CC", "clang")
    with pytest.raises(CpatchError):
        doctor.ensure_host(project, os.environ)


@pytest.mark.parametrize(
    ("text", "family"),
    [('ID=debian\n', True), ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
     ("ID=fedora\n", False)],
)  # fmt: skip
def test_debian_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, family: bool
) -> None:
    fake_program(tmp_path / "bin", "apt-get")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "os-release").write_text(text)
    assert doctor.is_debian(tmp_path / "os-release") is family
    assert doctor.is_debian(tmp_path / "none") is False
