"""make wheel: an interpreter that says yes to everything, and what is made of what it leaves."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from buildtoy import VERSION, Toy, locked, make_toy
from cpatch.wheels import pack, trial

#: What the repository's own pages say.
PAGES = Path(__file__).parents[3] / "docs" / "servers"

#: Says which release it is, makes environments that hold itself, and builds by writing files.
PYTHON = """\
echo "$0 $*" >> "{log}"
case "$*" in
*platform.python_version*) echo {version};;
"-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
*" build --sdist "*) mkdir -p "$5"; cd "$6/.." && tar czf "$5/immortal_heap-0.1.0.tar.gz" \\
    --transform s,^source,immortal_heap-0.1.0, source;;
*" build --wheel "*) mkdir -p "$5"
    echo _heap_{module}.so > "$5/immortal_heap-0.1.0-cp98-cp98-linux_x86_64.whl";;
*" wheel unpack "*) mkdir -p "$5/immortal_heap-0.1.0/immortal_heap"
    touch "$5/immortal_heap-0.1.0/immortal_heap/$(cat "$6")";;
*" auditwheel show "*) echo '{{"overall_tag": "manylinux_2_99_x86_64"}}';;
*" wheel tags "*) mv "$7" "${{7%-*}}-$5.whl";;
*" wheel pack "*) ls "$6/immortal_heap" > "$5/immortal_heap-0.1.0-joined.whl";;
*unittest*) test ! -e "{root}/tests-fail";;
*served.py*) test ! -e "{root}/servers-fail";;
esac
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """The toy project, with a package, whose stock interpreter is PYTHON."""
    toy = make_toy(tmp_path / "p", monkeypatch)
    (toy.root / "LICENSE").touch()
    shutil.copytree(PAGES, toy.root / "docs" / "servers", dirs_exist_ok=True)
    (toy.root / "wheel" / "tests").mkdir(parents=True)
    (toy.root / "wheel" / "shared-files").write_text("LICENSE Python\n")
    stock = python(toy, "stock", VERSION)
    monkeypatch.setattr(
        pack.install, "install", lambda *_args: type("Installed", (), {"python": stock})
    )
    return toy


def python(toy: Toy, name: str, version: str) -> Path:
    path = toy.root / "bin" / name
    path.parent.mkdir(exist_ok=True)
    module = version.replace(".", "_")
    text = PYTHON.format(log=toy.root / "log", version=version, root=toy.root, module=module)
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path


def commands(toy: Toy) -> str:
    return (toy.root / "log").read_text()


def test_leaves_a_wheel_and_an_sdist(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert toy.run("wheel", "-j1") == 0
    dist = toy.project.pin_build(toy.pin) / "dist"
    assert sorted(path.name for path in dist.iterdir()) == [
        "TESTED",
        "immortal_heap-0.1.0-cp98-cp98-manylinux_2_99_x86_64.whl",
        "immortal_heap-0.1.0.tar.gz",
    ]
    said = capsys.readouterr().out
    assert f"CPython {VERSION}" in said
    assert "build/9.8/dist/immortal_heap-0.1.0.tar.gz" in said
    assert (dist / "TESTED").read_text() == f"{VERSION}\n"


def test_builds_the_wheel_from_the_sdist_and_tests_what_was_installed(toy: Toy) -> None:
    assert toy.run("wheel", "-j1") == 0
    lines = commands(toy).splitlines()
    built = next(line for line in lines if "build --wheel" in line)
    assert "w0.source/immortal_heap-0.1.0" in built
    at = next(n for n, line in enumerate(lines) if "unittest discover" in line)
    assert any("pip install" in line and ".whl" in line for line in lines[:at])
    assert "/test-0/bin/python" in lines[at]


def test_a_test_that_fails_leaves_nothing(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    (toy.root / "tests-fail").touch()
    assert toy.run("wheel", "-j1") == 1
    assert "wheel.log" in capsys.readouterr().err
    assert not (toy.project.pin_build(toy.pin) / "dist").exists()
    assert toy.run("wheel", "-j1", "--no-test") == 0


def test_joins_the_modules_of_several_releases(toy: Toy) -> None:
    other = python(toy, "other", "9.8.8")
    assert toy.run("wheel", "-j1", "--also", str(other)) == 0
    dist = toy.project.pin_build(toy.pin) / "dist"
    (wheel,) = dist.glob("*.whl")
    assert (dist / "TESTED").read_text() == f"{VERSION}\n9.8.8\n"
    assert wheel.read_text() == "_heap_9_8_7.so\n_heap_9_8_8.so\n"


def test_servers_when_they_are_asked_for(toy: Toy) -> None:
    assert toy.run("wheel", "-j1", "--servers") == 0
    line = next(line for line in commands(toy).splitlines() if "served.py" in line)
    assert line.split()[2].endswith("/w0/immortal_heap-0.1.0-cp98-cp98-manylinux_2_99_x86_64.whl")
    assert line.split()[3:] == [
        f"{toy.project.pin_build(toy.pin)}/wheel/lines",
        f"{toy.project.pin_build(toy.pin)}/wheel/servers-0",
    ]
    (toy.root / "servers-fail").touch()
    assert toy.run("wheel", "-j1", "--servers") == 1
    assert toy.run("wheel", "-j1") == 0


def test_bare_system_gets_the_sdist(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def run(*args: Any, **_: object) -> None:
        # Nobody else packs meanwhile.
        assert locked(toy.project.pin_build(toy.pin) / "wheel")
        calls.append(args[1:])

    monkeypatch.setattr(trial.userland, "run", run)
    monkeypatch.setattr(trial.userland, "check", lambda *_: None)
    assert toy.run("wheel", "-j1", "--try", "sid,bookworm", "--try", "trixie") == 0
    assert [suite for suite, *_ in calls] == ["sid", "bookworm", "trixie"]
    _, given, argv = calls[0]
    assert argv == ("sh", "try.sh", "python9.8")
    names = [path.name for path in given]
    assert names == ["immortal_heap-0.1.0.tar.gz", "tests", "lines", "served.py", "try.sh"]
    written = {path.name: path.read_text() for path in given[2].iterdir()}
    assert written.keys() == trial.LINES.keys()
    assert "def when_ready(server):\n    import immortal_heap\n" in written["gunicorn.py"]
    assert "gc.immortalize_heap()" not in "".join(written.values())


def test_a_system_that_cannot_be_made_is_refused_first(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trial.userland.os, "geteuid", lambda: 1000)
    for verb in ("wheel", "dist"):
        assert toy.run(verb, "-j1", "--try", "bookworm") == 1
        assert "--try needs root" in capsys.readouterr().err
    assert not (toy.root / "log").exists()


def test_refuses_two_of_the_same_release(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    other = python(toy, "other", VERSION)
    assert toy.run("wheel", "-j1", "--also", str(other)) == 1
    assert "the same" in capsys.readouterr().err


def test_a_repository_without_the_package(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    (toy.root / "wheel" / "shared-files").unlink()
    assert toy.run("wheel") == 1
    assert "no wheel/shared-files" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [("wheel",), ("servers", "--mode", "wheel")])
def test_a_pin_without_a_wheel_is_told_which_have_one(
    toy: Toy, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]
) -> None:
    pins = toy.root / "patches" / "upstream.toml"
    text = pins.read_text()
    pins.write_text(text + text.partition("\n")[2].replace("9.8", "9.7"))
    (toy.root / "patches" / "9.8").mkdir()
    (toy.root / "patches" / "9.8" / "port.h").touch()
    shared = toy.root / "wheel" / "shared-files"
    shared.write_text("LICENSE Python\npatches/{pin}/port.h Python\n")
    assert toy.run(*argv, "--pin", "9.7") == 2
    said = capsys.readouterr().err
    assert "error: the wheel is for 9.8 only" in said
    assert "got    9.7; wheel/shared-files:2: there is no patches/9.7/port.h" in said
    assert "fix:   make wheel PIN=9.8" in said
    # Where no pin has all, the list is at fault.
    shared.write_text("GONE Python\n")
    assert toy.run(*argv, "--pin", "9.7") == 1
    assert "fix:   mend wheel/shared-files" in capsys.readouterr().err
