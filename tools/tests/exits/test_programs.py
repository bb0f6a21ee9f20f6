"""programs: one run, of programs of a few lines."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.exits import programs
from cpatch.exits.programs import HANGS, MODES, Outcome, Program


def program(tmp_path: Path, text: str, doc: str = "Does it.") -> Program:
    path = tmp_path / "programs" / "toy_it.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'"""{doc}"""\n' + textwrap.dedent(text))
    return programs.load(path.parent)["toy_it"]


def go(tmp_path: Path, text: str, mode: str = "default", *, seconds: float = 20.0) -> Outcome:
    made = program(tmp_path, text)
    return programs.run(made, Path(sys.executable), mode, native=tmp_path, seconds=seconds)


def test_a_run_tells_status_streams_and_files(tmp_path: Path) -> None:
    found = go(
        tmp_path,
        """
        import os, sys
        print("out", object(), os.getcwd())
        print("err", file=sys.stderr)
        open("left.txt", "w").write("12345")
        sys.exit(3)
        """,
    )
    assert found.status == 3
    assert found.stdout == "out <object object at 0xADDRESS> SCRATCH\n"
    assert found.stderr == "err\n"
    assert found.files == {"left.txt": 5}
    assert Outcome.of_json(json.loads(json.dumps(found.as_json()))) == found


def test_modes_reach_the_program_and_its_children(tmp_path: Path) -> None:
    text = """
        import os, sys
        print(sys._xoptions, os.environ.get("PYTHONIMMORTALHEAP"), os.environ.get("PACKS_CALL"))
        """
    assert [go(tmp_path, text, mode).stdout.strip() for mode in MODES] == [
        "{} None None",
        "{'immortal_heap': 'off'} 0 None",
        "{} None immortalize_heap",
    ]


def test_a_hang_is_killed_with_its_children(tmp_path: Path) -> None:
    text = f"""
        import subprocess, sys, time
        print("begun", flush=True)
        code = "import time; time.sleep(1.5); open({str(tmp_path / "survived")!r}, 'w')"
        subprocess.run([sys.executable, "-c", code])
        """
    found = go(tmp_path, text, seconds=0.7)
    assert (found.status, found.stdout) == (HANGS, "begun\n")
    time.sleep(1.5)
    assert not (tmp_path / "survived").exists()


def test_a_signal_is_a_status(tmp_path: Path) -> None:
    assert go(tmp_path, "import os; os.abort()").status == -6


def test_tracebacks_are_the_same_with_and_without_source() -> None:
    with_source = 'T:\n  File "/a/lib/python3.11/b.py", line 5, in f\n    g()\n    ^^^\nE: x\n'
    without = 'T:\n  File "/c/Lib/b.py", line 6, in f\nE: x\n'
    found = programs.normalise(with_source, {})
    assert found == programs.normalise(without, {})
    assert found == 'T:\n  File "LIB/b.py", line NUMBER, in f\nE: x\n'


def test_numbers_that_mean_something_stay() -> None:
    text = "3 of 500 rows, exit 120\n"
    assert programs.normalise(text, {}) == text


def test_settings_are_read_and_unknown_ones_refused(tmp_path: Path) -> None:
    made = program(tmp_path, "", "Does\nit.\n\nvenv: old\nfiles: names\n")
    assert (made.about, made.venv, made.files) == ("Does it.", "old", "names")
    with pytest.raises(CpatchError, match="unknown setting 'files: none'"):
        program(tmp_path, "", "Does it.\n\nfiles: none\n")
