from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from buildtoy import fake_program
from cpatch.building import flavors
from cpatch.suite import regrtest

OUTPUT = """\
== CPU count: 2
0:00:00 load avg: 1.06 Run tests in parallel using 2 child processes
0:00:01 load avg: 1.06 [ 1/6] test_good passed
0:00:30 load avg: 1.06 running: test_slow (30.0 sec)
0:00:31 load avg: 1.06 [ 2/6/1] test_bad failed (1 error, 2 failures) -- running: test_slow (31 sec)
FAIL: test_one (test.test_bad.Bad.test_one)
FAIL: test_two (test.test_bad.Bad.test_two) (key='x (y)')
ERROR: setUpClass (test.test_bad.Worse)
0:00:32 load avg: 1.06 [ 3/6/2] test_crash crashed (Exit code -11)
0:00:33 [ 4/6/3] test_slow timed out (20 min 0 sec)
0:00:34 [ 5/6/4] test_dirty failed (env changed)
0:00:35 [ 6/6/4] test_skip skipped (resource denied)
""".splitlines()


def test_reads_failures_case_by_case() -> None:
    outcome = regrtest.read_output(OUTPUT)
    assert outcome.failures == {
        "test_bad": {"test.test_bad.Bad.test_one", "test.test_bad.Bad.test_two",
                     "test.test_bad.Worse"},
        "test_crash": {"test_crash"},
        "test_slow": {"test_slow"},
    }  # fmt: skip
    assert outcome.env_changed == ["test_dirty"]
    assert outcome.expected_files == len(outcome.finished) == 6


def test_a_leak_is_a_failure() -> None:
    outcome = regrtest.read_output(
        [
            "0:00:01 [1/1/1] test_x failed (reference leak)",
            "test_x leaked [4, 4, 4] references, sum=12",
        ]
    )
    assert outcome.failed == {"test_x"}
    assert outcome.leaks == ["test_x leaked [4, 4, 4] references, sum=12"]


def test_junit_counts_cases(tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    report.write_text(
        "<testsuites><testsuite><testcase name='a'/><testcase name='b'><skipped>no</skipped>"
        "</testcase><testcase name='c'><failure/></testcase><testcase/>"
        "<testcase name='d'><outcome>UNEXPECTED_SUCCESS</outcome></testcase>"
        "</testsuite></testsuites>"
    )
    assert regrtest.read_junit(report) == (1, 1)
    assert regrtest.read_junit(tmp_path / "none.xml") == (0, 0)


@pytest.mark.parametrize(
    ("case", "file"),
    [
        ("test_gc", "test_gc"),
        ("test.test_gc.Gc.test_x", "test_gc"),
        ("test.test_asyncio.test_events.C.test_x", "test_asyncio"),
        ("distutils.tests.test_core.C.test_x", "test_distutils"),
    ],
)
def test_file_of(case: str, file: str) -> None:
    assert regrtest.file_of(case) == file


def _run(
    tmp_path: Path, body: str, env: dict[str, str] | None = None, flavor: str = "release"
) -> regrtest.Outcome:
    python = fake_program(tmp_path, "python", body)
    return regrtest.run(
        (python, *regrtest.PROGRAM),
        ["-j2"],
        log=tmp_path / "log",
        junit=tmp_path / "junit.xml",
        environ={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "DISPLAY": ":0"},
        flavor=flavors.get(flavor),
        env=env,
    )


def test_how_a_file_is_run() -> None:
    given = "-u-cpu -x test_a test_b -m test_c --match=d -R 3:3 -v -j4 -f names --timeout 9 -F"
    kept = "-u-cpu -m test_c --match=d -R 3:3 -v --timeout 9"
    assert regrtest.options(given.split()) == kept.split()
    assert regrtest.names(given.split()) == ["test_a", "test_b"]
    assert regrtest.names(["--testdir", "elsewhere", "test_a"]) == []


def test_a_run_that_breaks_off_is_a_failure(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "echo '0:00:01 [ 1/400] test_a passed'; kill -9 $$")
    assert outcome.failed == {"regrtest stopped with 399 of 400 files not run"}


def test_a_run_that_only_exits_badly_is_a_failure(tmp_path: Path) -> None:
    assert _run(tmp_path, "exit 2").failed == {"regrtest exited with 2"}


def test_the_environment_is_controlled(tmp_path: Path) -> None:
    _run(tmp_path, "env; umask; readlink /proc/self/fd/0; exit 0", {"PYTHONIMMORTALHEAP": "0"})
    log = (tmp_path / "log").read_text()
    assert "PYTHONDONTWRITEBYTECODE" not in log
    assert "DISPLAY" not in log
    assert "PYTHONIMMORTALHEAP=0" in log
    assert " -E " not in log
    assert "\n0022\n" in log
    assert "\n/dev/null\n" in log
    assert f"HOME={Path.home()}\n" not in log


def test_a_flavor_that_wants_it_runs_with_fixed_addresses(tmp_path: Path) -> None:
    found = []
    for name in ("tsan", "release"):
        _run(tmp_path, "cat /proc/self/personality", flavor=name)
        found.append(int((tmp_path / "log").read_text().splitlines()[-1], 16) & 0x0040000)
    assert found == [0x0040000, 0]


def test_children_have_default_sigint_even_under_nohup(tmp_path: Path) -> None:
    # What `nohup make test &` does to the driver: SIGINT ignored from the start.
    script = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
        "from pathlib import Path; from cpatch.building import flavors\n"
        "from cpatch.suite import regrtest\n"
        "regrtest.run((sys.argv[2], *regrtest.PROGRAM), [], log=Path(sys.argv[3]), junit=None,\n"
        "             environ=os.environ, flavor=flavors.get('release'))\n"
    )
    python = fake_program(tmp_path, "python", "grep SigIgn /proc/self/status")
    log = tmp_path / "log"
    here = Path(__file__).resolve().parents[2]
    subprocess.run(
        [sys.executable, "-c", script, str(here), str(python), str(log)],
        check=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN) and None,
    )
    ignored = int(log.read_text().split("SigIgn:")[1].split()[0], 16)
    assert not ignored & (1 << (signal.SIGINT - 1))
