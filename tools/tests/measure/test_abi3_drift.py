from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "measure" / "abi3_drift.py"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return headers that are none, and the configuration beside them."""
    (tmp_path / "Python.h").write_text("#error none of CPython\n")
    (tmp_path / "pyconfig.h").touch()
    return tmp_path


def run(*argv: str | Path, path: Path | None = None) -> str:
    """Run it, which has to fail, and return what it says; *path* is where it finds modules."""
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(path or "")}
    command = [sys.executable, PROGRAM, *argv]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "Traceback" not in done.stderr
    return done.stderr


def test_directories_without_headers_are_refused(old: Path) -> None:
    assert f"{str(PROGRAM.parent)!r} has no Python.h" in run(PROGRAM.parent, old)
    assert f"{str(PROGRAM.parent)!r} has no pyconfig.h" in run(old, PROGRAM.parent)
    assert "invalid powers value: '10,x'" in run(old, old, "--powers=10,x")


def test_a_python_without_the_test_module_is_refused(old: Path) -> None:
    assert "this Python has no _testimmortal" in run(old, old)


def test_headers_that_do_not_compile_end_it(old: Path, tmp_path: Path) -> None:
    (tmp_path / "_testimmortal.py").touch()
    assert "none of CPython" in (said := run(old, old, path=tmp_path))
    assert said.splitlines()[-1].startswith("error: Command")
