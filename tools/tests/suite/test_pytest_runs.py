"""pytest in a leg: counts, messages, what is run again, and a run that ends without a report."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cpatch.suite import legs, pytest_runs
from cpatch.verbs import test as verb

GOOD = "def test_a(): pass\n"
SKIPS = "import pytest\ndef test_b(): pytest.skip('no')\n"
FAILS = "def test_c(): assert 1 == 2, 'the reason'\n"
NO_SETUP = "import pytest\n@pytest.fixture\ndef no(): 1 / 0\ndef test_d(no): pass\n"
ONCE = """\
import pathlib
def test_e():
    seen = pathlib.Path(__file__).with_name("seen")
    if not seen.exists():
        seen.touch()
        assert False, "busy"
"""


def counts(home: Path, *, jobs: int = 1, **files: str) -> legs.Result:
    (home / "tests").mkdir()
    for name, text in files.items():
        (home / "tests" / f"test_{name}.py").write_text(text)
    (home / "pytest.ini").write_text("[pytest]\n")
    result = legs.Result("driver")
    pytest_runs.Run(
        title="t",
        python=sys.executable,
        tests="tests",
        cwd=home,
        env={},
        log=home / "log",
        junit=home / "x.xml",
        jobs=jobs,
    ).add_to(result)
    return result


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_fails_is_run_once_more(tmp_path: Path, jobs: int) -> None:
    found = counts(
        tmp_path, jobs=jobs, good=GOOD, skips=SKIPS, fails=FAILS, setup=NO_SETUP, once=ONCE
    )
    assert (found.passed, found.failed, found.skipped) == (2, 2, 1)
    heads = {line for line in found.matters if not line.startswith("  ")}
    assert heads == {
        "FAILED: tests.test_fails::test_c",
        "FAILED: tests.test_setup::test_d",
        "flaky: tests.test_once::test_e failed once and passed when run again",
    }
    assert found.flaky == ["tests.test_once::test_e"]
    at = found.matters.index("FAILED: tests.test_fails::test_c")
    assert "the reason" in found.matters[at + 1]
    # Only what failed: the others' cases are not in the second report.
    assert {name for name, _ in pytest_runs.read(tmp_path / "x.xml")} == {
        "tests.test_fails::test_c",
        "tests.test_setup::test_d",
        "tests.test_once::test_e",
    }


def test_all_good(tmp_path: Path) -> None:
    assert counts(tmp_path, good=GOOD) == legs.Result("driver", passed=1)


def test_nothing_fails_in_the_second_run_of_two(tmp_path: Path) -> None:
    found = counts(tmp_path, once=ONCE)
    assert (found.passed, found.failed) == (1, 0)


@pytest.mark.parametrize("text", ["import os\ndef test_f(): os._exit(3)\n", "", "def test_g(:\n"])
def test_a_run_without_a_failed_test_fails(tmp_path: Path, text: str) -> None:
    found = counts(tmp_path, it=text)
    assert found.failed == 1
    assert found.matters[0].startswith("FAILED: ")


def test_the_last_lines_have_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    result = legs.Result("driver", failed=1, notes=["log: x", "known: d", "  e"])
    result.tell_failed("a::b", ["the reason"])
    result.tell_flaky("c", ["busy"])
    verb.report([result])
    below = capsys.readouterr().out.split("time\n")[1].splitlines()
    flaky = "flaky: c failed once and passed when run again"
    wanted = ["FAILED: a::b", "  the reason", flaky, "  busy"]
    assert below[2:-2] == [f"driver: {note}" for note in wanted]
