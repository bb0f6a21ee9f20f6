"""running: one run, of toy tests, under the interpreter of the driver."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import tarfile
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from cpatch.base.errors import CpatchError
from cpatch.compat import running
from cpatch.compat.running import LIMIT, Bench, Run
from cpatch.compat.table import Package

HOME = Path(__file__).parents[2] / "compat"

TESTS = """
import os
import unittest
import pytest

def test_good(): pass

def test_bad(): assert 1 == 2

@pytest.mark.skip
def test_skipped(): pass

@pytest.mark.xfail
def test_known(): assert 0

@pytest.fixture
def broken(): raise ValueError("not there")

def test_error(broken): pass

@pytest.mark.parametrize("value", [object()], ids=repr)
def test_address(value): pass

@pytest.mark.parametrize("value", [set("ab"), "a", {*"abc"}], ids=lambda v: 70 * str(v)[:3])
def test_long(value): pass

class Case(unittest.TestCase):
    def test_good(self): pass

def test_fork():
    if (pid := os.fork()) == 0:
        pytest.fail("in the child")
    os.waitpid(pid, 0)
"""


def bench(tmp_path: Path, text: str) -> Bench:
    tests = tmp_path / "tests"
    tests.mkdir(exist_ok=True)
    (tests / "test_toy.py").write_text(text)
    # A stand-in for pytest-timeout, which the driver's own environment has not.
    (tests / "standin.py").write_text(
        "def pytest_addoption(parser):\n"
        "    parser.addoption('--timeout')\n    parser.addoption('--timeout-method')\n"
    )
    return Bench(Path(sys.executable), HOME, tests)


def package(**more: object) -> Package:
    values = {"imports": ("json",), "args": ("-p", "standin", "test_toy.py"), "seconds": 60, **more}
    return Package("toy", "1", "sdist", **values)  # type: ignore[arg-type]


def test_each_outcome_is_told(tmp_path: Path) -> None:
    found = bench(tmp_path, TESTS).run(package(), "stock")
    assert (found.status, found.whole) == (1, True)
    assert found.tests == {
        "test_toy.py::test_good": "passed",
        "test_toy.py::test_bad": "failed",
        "test_toy.py::test_skipped": "skipped",
        "test_toy.py::test_known": "xfailed",
        "test_toy.py::test_error": "error",
        "test_toy.py::test_address[<object object at 0xADDRESS>]": "passed",
        "test_toy.py::test_long[" + 70 * "a" + "]": "passed",
        "test_toy.py::test_long[long 1]": "passed",
        "test_toy.py::test_long[long 2]": "passed",
        "test_toy.py::Case::test_good": "passed",
        "test_toy.py::test_fork": "passed",
    }
    assert "not there" in found.texts["test_toy.py::test_error"]
    assert Run.of_json(json.loads(json.dumps(found.as_json()))) == found


def test_some_can_be_run_again(tmp_path: Path) -> None:
    long = "test_toy.py::test_long[long 2]"
    only = ["test_toy.py::test_bad", long, "test_toy.py::Case::test_good"]
    assert list(bench(tmp_path, TESTS).run(package(), "stock", only).tests) == only


def test_files_elsewhere_keep_their_names(tmp_path: Path) -> None:
    home = tmp_path / "lib" / "site-packages" / "toys"
    home.mkdir(parents=True)
    for name in ("test_a.py", "test_b.py"):
        (home / name).write_text("def test_it(): pass\n")
    args = ("-p", "standin", str(home / "test_a.py"), str(home / "test_b.py"))
    found = bench(tmp_path, TESTS).run(package(args=args), "stock")
    assert list(found.tests) == ["toys/test_a.py::test_it", "toys/test_b.py::test_it"]


def test_the_package_is_imported_and_the_call_comes_when_all_is_loaded(tmp_path: Path) -> None:
    text = """
import sys
CALLED_AT_IMPORT = getattr(sys, "called", False)

def test_call():
    assert "decimal" in sys.modules
    assert not CALLED_AT_IMPORT
    assert sys.called
"""
    place = bench(tmp_path, text)
    (tmp_path / "tests" / "conftest.py").write_text(
        "import gc, sys\ngc.immortalize_heap = lambda: setattr(sys, 'called', True)\n"
    )
    entry = package(imports=("decimal",))
    assert set(place.run(entry, "call").tests.values()) == {"passed"}
    assert set(place.run(entry, "patched").tests.values()) == {"failed"}
    assert not hasattr(gc, "immortalize_heap")


def test_a_crash_is_blamed_on_the_test_that_ran(tmp_path: Path) -> None:
    text = "import os\ndef test_a(): pass\ndef test_b(): os.abort()\ndef test_c(): pass\n"
    found = bench(tmp_path, text).run(package(), "stock")
    assert found.tests == {
        "test_toy.py::test_a": "passed",
        "test_toy.py::test_b": "crashed: SIGABRT",
    }
    assert not found.whole


def test_a_crash_at_exit_has_a_name(tmp_path: Path) -> None:
    text = "import atexit, os\natexit.register(os.abort)\ndef test_a(): pass\n"
    found = bench(tmp_path, text).run(package(), "stock")
    assert found.tests["(exit)"] == "crashed: SIGABRT"


def test_the_time_limit_ends_a_run_and_its_children(tmp_path: Path) -> None:
    text = "import time\ndef test_a(): pass\ndef test_b(): time.sleep(60)\n"
    found = bench(tmp_path, text).run(package(seconds=12), "stock")
    assert found.status == LIMIT
    assert found.tests == {"test_toy.py::test_a": "passed"}
    assert found.texts["running"] == "test_toy.py::test_b"


def test_a_file_that_does_not_load_is_told(tmp_path: Path) -> None:
    found = bench(tmp_path, "import nothing_like_it\n").run(package(), "stock")
    assert list(found.tests.values()) == ["not collected"]
    assert "nothing_like_it" in found.texts["test_toy.py"]


def running_below(word: str) -> list[int]:
    """Return the processes, but this one, in whose environment a word stands."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if each.pid != os.getpid() and word in each.environ().get("PYTHONPATH", ""):
                found.append(each.pid)
    return found


def test_modules_are_programs_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toys = tmp_path / "tests" / "toys"
    toys.mkdir(parents=True)
    (toys / "__init__.py").touch()
    text = "import unittest\nclass A(unittest.TestCase):\n"
    good = "    def test_a(self): pass\nunittest.main()\n"
    bad = "    def test_a(self): self.fail()\nunittest.main()\n"
    (toys / "test_good.py").write_text(text + good)
    (toys / "test_bad.py").write_text(text + bad)
    (toys / "test_abort.py").write_text("import os; os.abort()\n")
    (toys / "other.py").write_text("1/0\n")
    place = Bench(Path(sys.executable), HOME, tmp_path / "tests")
    entry = Package("toy", "1", "modules", (), args=("toys", "test_*"))
    path = running.environment

    def with_here(bench: Bench, package: Package, who: str, scratch: Path) -> dict[str, str]:
        found = path(bench, package, who, scratch)
        return {**found, "PYTHONPATH": f"{found['PYTHONPATH']}:{toys.parent}"}

    monkeypatch.setattr(running, "environment", with_here)
    found = place.run(entry, "stock")
    assert found.tests == {
        "toys.test_good::__main__.A.test_a": "passed",
        "toys.test_good": "passed",
        "toys.test_bad::__main__.A.test_a": "failed",
        "toys.test_bad": "exit 1",
        "toys.test_abort": "crashed: SIGABRT",
    }
    # What a module forked and left behind holds nothing up, and is gone.
    lingers = "import os, time\nif os.fork() == 0: time.sleep(600)\n"
    (toys / "test_hangs.py").write_text(lingers + "time.sleep(600)\n")
    (toys / "test_left.py").write_text(lingers)
    monkeypatch.setattr(running, "ONE_TEST", 2)
    begun = time.monotonic()
    slow = place.run(replace(entry, args=("toys", "test_hangs", "test_left")), "stock")
    assert slow.tests == {"toys.test_hangs": "exit time limit", "toys.test_left": "passed"}
    assert time.monotonic() - begun < 60
    assert not running_below(str(toys.parent))
    # Nor is anything left of a run that reaches the limit of its package.
    monkeypatch.setattr(running, "ONE_TEST", 600)
    cut = place.run(replace(entry, args=("toys", "test_hangs"), seconds=3), "stock")
    assert cut.status == LIMIT
    assert not running_below(str(toys.parent))
    again = place.run(entry, "stock", ["toys.test_bad::__main__.A.test_a"])
    assert list(again.tests) == ["toys.test_bad::__main__.A.test_a", "toys.test_bad"]


def test_only_what_is_asked_for_is_unpacked(tmp_path: Path) -> None:
    source = tmp_path / "toy-1"
    (source / "src" / "tests").mkdir(parents=True)
    (source / "src" / "tests" / "test_toy.py").write_text("1")
    (source / "src" / "toy.py").write_text("1")
    archive = tmp_path / "toy-1.tar.gz"
    with tarfile.open(archive, "w:gz") as stream:
        stream.add(source, "toy-1")
    target = tmp_path / "out"
    target.mkdir()
    running.unpack(archive, package(copy=("src/tests -> tests",)), target)
    assert [str(p.relative_to(target)) for p in target.rglob("*.py")] == ["tests/test_toy.py"]
    with pytest.raises(CpatchError, match="has no tie"):
        running.unpack(archive, package(copy=("tie",)), target)


def test_what_differs_from_run_to_run_is_left_out_of_an_id(tmp_path: Path) -> None:
    text = """
        import os, uuid, pytest
        ids = [f"{uuid.uuid4()}-{os.getcwd()}", "/b/bench/inst/0a/x", "/usr/bin/compat", "418ba97b"]
        @pytest.mark.parametrize("value", ids)
        def test_it(value): pass
        """
    made = bench(tmp_path, textwrap.dedent(text))
    ids = ("UUID-PLACE/work", "PLACE/x", "/usr/bin/compat", "418ba97b")
    wanted = [f"test_toy.py::test_it[{each}]" for each in ids]
    assert list(made.run(package(), "stock").tests) == wanted
    # By such an id it is found again, whatever it is called then.
    assert list(made.run(package(), "stock", wanted[:2]).tests) == wanted[:2]


def test_the_end_of_a_run_is_told_as_a_test_is(tmp_path: Path) -> None:
    text = """
        import atexit, os, time
        def test_it(): atexit.register({})
        """
    made = bench(tmp_path, textwrap.dedent(text).format("os._exit, 120"))
    found = made.run(package(), "stock")
    assert (found.status, found.tests[running.END]) == (120, "status 120")
    made = bench(tmp_path, textwrap.dedent(text).format("time.sleep, 100"))
    found = made.run(package(seconds=10), "stock")  # time enough for the test itself
    assert (found.status, found.tests[running.END]) == (LIMIT, LIMIT)
    made = bench(tmp_path, "import time\ndef test_it(): time.sleep(60)")
    found = made.run(package(seconds=3), "stock")
    assert (found.status, found.tests) == (LIMIT, {})


def test_the_call_is_of_gc_or_of_the_wheel(tmp_path: Path) -> None:
    (tmp_path / "unpacked").mkdir()
    (tmp_path / "unpacked" / "immortal_heap.py").write_text(
        "import os\ndef immortalize_heap(): os.environ['CALLED'] = __name__\n"
    )
    text = "import os\ndef test_called(): assert os.environ['CALLED'] == 'immortal_heap'\n"
    made = replace(bench(tmp_path, text), wheel=tmp_path / "unpacked")
    assert made.run(package(), "wheel").tests == {"test_toy.py::test_called": "passed"}
    # Not asked for, it is not made; and this interpreter's gc has none.
    assert made.run(package(), "stock").tests == {"test_toy.py::test_called": "failed"}
    assert "has no attribute 'immortalize_heap'" in made.run(package(), "call").texts[""]
