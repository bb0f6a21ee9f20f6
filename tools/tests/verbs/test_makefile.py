from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from buildtoy import fake_program
from cpatch.verbs.table import VERBS

ROOT = Path(__file__).parents[3]


def _rules() -> dict[str, list[str]]:
    rules: dict[str, list[str]] = {}
    name = ""
    for line in (ROOT / "Makefile").read_text().splitlines():
        if line.startswith("\t"):
            rules[name].append(line)
        elif found := re.match(r"([a-z]+):", line):
            name = found[1]
            rules[name] = []
    return rules


def test_every_verb_is_a_target_of_one_line() -> None:
    rules = _rules()
    assert set(rules) == {*VERBS, "help"}
    for verb in VERBS:
        (line,) = rules[verb]
        assert line.startswith(f"\t@$(CPATCH) {verb} ")


def test_help_lists_every_target() -> None:
    done = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(_rules())
    assert done.stderr == ""


def _dry(*words: str, level: str = "0") -> subprocess.CompletedProcess[str]:
    """Let make say what it would run."""
    env = {**os.environ, "MAKELEVEL": level, "MAKEFLAGS": ""}
    argv = ["make", "-n", *words]
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("words", [("tests",), ("build", "tests"), ("tests", "help")])
def test_what_is_no_verb_is_refused_before_another_begins(words: tuple[str, ...]) -> None:
    done = _dry(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such verb: tests; make help lists them" in done.stderr


def test_a_variable_that_no_verb_takes_is_refused() -> None:
    done = _dry("help", "PINN=3", "PIN=3", "ARGS=--only x=y")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no verb takes PINN=;" in done.stderr
    for word in ("PIN=3", "J=2", "CFLAGS=-O1", "CPATCH_BUILD=b", "PIP_INDEX_URL=x", "ARGS=a=b c=d"):
        done = _dry("help", word)
        assert (done.returncode, done.stderr) == (0, "")
    # Another's makefile may have variables of its own.
    assert _dry("help", "V=1", level="1").returncode == 0


def test_bare_make_builds() -> None:
    assert next(iter(_rules())) == "build"


class TestBootstrap:
    @pytest.fixture
    def programs(self, tmp_path: Path) -> Path:
        """A PATH without any Python, for a user who is not root."""
        directory = tmp_path / "bin"
        directory.mkdir()
        for name in ("sh", "dirname", "mkdir", "rm", "tail", "touch"):
            found = shutil.which(name)
            assert found
            (directory / name).symlink_to(found)
        fake_program(directory, "id", "echo 1000")
        return directory

    def _run(self, programs: Path, venv: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(programs / "sh"), str(ROOT / "tools" / "bootstrap.sh"), str(venv)],
            env={"PATH": str(programs)},
            capture_output=True,
            text=True,
        )

    @pytest.mark.parametrize("python", [None, "echo Python 3.8.1; exit 1"])
    def test_missing_or_old_python_is_named(
        self, programs: Path, tmp_path: Path, python: str | None
    ) -> None:
        if python:
            fake_program(programs, "python3", python)
        done = self._run(programs, tmp_path / "build" / "venv")
        assert done.returncode == 1
        assert "needs Python 3.10 or newer with venv" in done.stderr
        assert "sudo apt-get install -y python3 python3-venv" in done.stderr

    def test_root_gets_it_installed(self, programs: Path, tmp_path: Path) -> None:
        calls = tmp_path / "calls"
        fake_program(programs, "id", "echo 0")
        # "Installs" a python3 that passes the test of usability and then refuses to go on.
        fake_program(
            programs,
            "apt-get",
            f'echo "$*" >> {calls}; case $1 in install) ln=/bin/ln;'
            f"$ln -sf {programs}/late {programs}/python3;; esac",
        )
        fake_program(programs, "late", "case $1 in -c|-V) exit 0;; *) exit 9;; esac")
        done = self._run(programs, tmp_path / "build" / "venv")
        assert calls.read_text().splitlines() == [
            "update -q",
            "install -y -q --no-install-recommends python3 python3-venv",
        ]
        assert "python -m venv failed" in done.stderr

    def test_unwritable_build_directory(self, programs: Path, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        done = self._run(programs, tmp_path / "file" / "build" / "venv")
        assert done.returncode == 1
        assert "cannot write to the build directory" in done.stderr
        assert "CPATCH_BUILD" in done.stderr

    def test_failing_pip_shows_its_log(self, programs: Path, tmp_path: Path) -> None:
        # venv "works", pip is there, and installing fails.
        fake_program(
            programs,
            "python3",
            'case "$*" in *"-m venv"*) d=$3; mkdir -p $d/bin; '
            f"/bin/cp {programs}/inner $d/bin/python;; esac; exit 0",
        )
        fake_program(
            programs, "inner", 'case "$*" in *install*) echo no route to index; exit 1;; esac'
        )
        venv = tmp_path / "build" / "venv"
        done = self._run(programs, venv)
        assert done.returncode == 1
        assert "no route to index" in done.stderr
        assert "PIP_INDEX_URL" in done.stderr
        assert not (venv / ".stamp").exists()


def test_no_version_is_written_where_the_pin_can_say_it() -> None:
    pinned = re.compile(r"(?<![\d.])3\.11(?:\.\d+)?\b")
    files = [ROOT / "Makefile", ROOT / "tools" / "bootstrap.sh", ROOT / ".ci" / "run"]
    files += (ROOT / "tools" / "cpatch").glob("*.py")
    named = {
        path.name: hit
        for path in files
        for line in path.read_text().splitlines()
        # The driver's own minimum is no pin.
        if (hit := pinned.search(line)) and "python3.1" not in line and "sys.version" not in line
    }
    assert named == {}
    assert sys.version_info >= (3, 10)
