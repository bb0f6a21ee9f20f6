"""The auditor on applications whose stores are known.

They run under the interpreter that runs pytest, or the one that CPATCH_AUDITED names.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from cowaudit import inside, layouts, objects, uffd
from cpatch.building import freshness, records

AUDITED = os.environ.get("CPATCH_AUDITED", sys.executable)
TRACEABLE = not uffd.refused()[1]


def layout_of(python: str) -> layouts.Layout:
    question = "import sys; print(*sys.version_info[:2], sys.abiflags)"
    major, minor, *flags = subprocess.check_output([python, "-c", question], text=True).split()
    return layouts.of(int(major), int(minor), *flags)


needs_tracing = pytest.mark.skipif(
    not TRACEABLE or layout_of(AUDITED).frames is None,
    reason="who stores is told by userfaultfd, here refused, and by structures of the pins",
)

# A buffer of which exercise() writes every third page of ten; and objects that it only counts.
APPLICATION = """\
import ctypes, mmap
PAGES = 40
DATA = bytearray((PAGES + 1) * 4096)
START = -(-ctypes.addressof(ctypes.c_char.from_buffer(DATA)) // 4096) * 4096
OFFSET = START - ctypes.addressof(ctypes.c_char.from_buffer(DATA))
FLOATS = [number + 0.5 for number in range(50_000)]
KEPT = []
print(START, id(FLOATS[0]), flush=True)

def exercise(number):
    for page in range(0, 30, 3):
        DATA[OFFSET + page * 4096 + 160] = number
    for value in FLOATS:
        pass
    new = mmap.mmap(-1, 250 * 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(250):
        new[page * 4096] = 1
    KEPT.append(new)
"""


@pytest.fixture
def application(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(APPLICATION)
    return path


def audit(world, tmp_path: Path, *argv: str, python: str = AUDITED) -> int:
    # Frozen, so that counts are written by an interpreter that can do better, too.
    mode = () if "--mode" in argv else ("--mode", "freeze")
    out = str(tmp_path / "out")
    return world.run("audit", "--python", python, "--workers", "2", "--out", out, *mode, *argv)


def results(tmp_path: Path) -> list[dict]:
    return json.loads((tmp_path / "out" / "audit.json").read_text())


def buffer_rows(tmp_path: Path, look: dict) -> dict[int, dict]:
    start = int((tmp_path / "out" / "application-1.log").read_text().split()[0])
    return {
        (row["page"] - start) // 4096: row
        for row in look["pages"]
        if start <= row["page"] < start + 40 * 4096
    }


def test_pages_are_those_that_were_written(world, tmp_path, application, said) -> None:
    assert audit(world, tmp_path, "--no-trace", "--rounds", "1,3", str(application)) == 0
    (result,) = results(tmp_path)
    first, last = result["checkpoints"]
    for look in (first, last):
        rows = buffer_rows(tmp_path, look)
        assert set(rows) == set(range(0, 30, 3))
        assert {(row["new"], row["how"], row["changed"]) for row in rows.values()} == {
            (False, "change", 1)
        }
        assert not {row["page"] for row in look["pages"]} & set(look["resting"])
        assert look["resting"]
        # 50,000 floats of 24 bytes, in blocks of 32: their counts went up and down.
        same = [row for row in look["pages"] if row.get("kind") == objects.SAME]
        assert len([row for row in same if row["owner"] == "float"]) > 380
        for worker in look["workers"]:
            assert abs(worker["exclusive"] * result["page"] - worker["private_dirty"]) < 1 << 17
            assert worker["growth"] == worker["private_dirty"] - look["idle"]["private_dirty"]
            assert worker["growth"] > (380 + 10 + 250 * look["rounds"]) * 4096
    more = last["workers"][0]["new"] - first["workers"][0]["new"]
    assert abs(more - 500) < 10
    assert last["idle"]["private_dirty"] < 4 << 20
    text = said()
    assert "counted up and down again" in text
    assert "who wrote" not in text  # nobody asked


@needs_tracing
def test_stores_are_told_with_their_place(world, tmp_path, application, said) -> None:
    assert audit(world, tmp_path, "--rounds", "1", str(application)) == 0
    (result,) = results(tmp_path)
    assert result["trace"]["done"]
    (look,) = result["checkpoints"]
    rows = buffer_rows(tmp_path, look)
    assert set(rows) == set(range(0, 30, 3))
    for row in rows.values():
        assert row["how"] == "trace"
        assert row["address"] - row["page"] == 160
        assert row["line"][1:] == [12, "exercise"]
        assert row["line"][0] == str(application)
    floats = [row for row in look["pages"] if row.get("owner") == "float"]
    assert len(floats) > 380
    assert {(row["kind"], row["line"][1]) for row in floats} == {(objects.REFCOUNT, 13)}
    # The traced worker does what the others do.
    counts = [worker["written"] for worker in look["workers"]]
    assert abs(look["subject"]["written"] - counts[0]) < 40
    text = said()
    assert "float" in text
    assert "app.py:13 exercise" in text


@needs_tracing
def test_kernel_stores_and_threads_are_told_apart(world, tmp_path, said) -> None:
    path = tmp_path / "app.py"
    path.write_text(
        "import os, threading\n"
        "BUFFER = bytearray(20 * 4096)\n"
        "OTHER = bytearray(20 * 4096)\n"
        "def from_kernel():\n"
        "    with open('/dev/zero', 'rb', buffering=0) as stream:\n"
        "        stream.readinto(BUFFER)\n"
        "def in_thread():\n"
        "    for page in range(2, 18):\n"
        "        OTHER[page * 4096] = 1\n"
        "def exercise():\n"
        "    from_kernel()\n"
        "    thread = threading.Thread(target=in_thread)\n"
        "    thread.start()\n"
        "    thread.join()\n"
    )
    assert audit(world, tmp_path, "--rounds", "1", str(path)) == 0
    rows = results(tmp_path)[0]["checkpoints"][0]["pages"]
    lines = [row["line"][1:] for row in rows if "line" in row]
    assert lines.count([9, "in_thread"]) >= 15
    kernel = [row for row in rows if "syscall" in row and row["line"][2] == "from_kernel"]
    assert len(kernel) >= 18


def test_where_tracing_is_refused_pages_are_told(
    world, tmp_path, application, said, monkeypatch
) -> None:
    monkeypatch.setattr(uffd, "refused", lambda: (-1, "userfaultfd: Operation not permitted"))
    assert audit(world, tmp_path, "--rounds", "1", str(application)) == 0
    (result,) = results(tmp_path)
    assert not result["trace"]["done"]
    assert set(buffer_rows(tmp_path, result["checkpoints"][0])) == set(range(0, 30, 3))
    text = said()
    assert "warning: pages only, not who wrote them: userfaultfd: Operation not permitted" in text
    assert "Operation not permitted" in (tmp_path / "out" / "audit.md").read_text()


def test_freezing_is_done_before_the_fork(world, tmp_path) -> None:
    path = tmp_path / "app.py"
    path.write_text(
        "import gc\n"
        "KEPT = [[] for _ in range(1000)]\n"
        "def before_fork():\n"
        "    print('before', gc.get_freeze_count())\n"
        "def exercise():\n"
        "    import os; os.write(1, b'worker %d\\n' % gc.get_freeze_count())\n"
    )
    argv = ("--no-trace", "--rounds", "1", "--mode", "none", "--mode", "freeze", str(path))
    assert audit(world, tmp_path, *argv) == 0
    logs = [(tmp_path / "out" / f"application-{n}.log").read_text().split() for n in (1, 2)]
    assert logs[0] == ["before", "0", "worker", "0", "worker", "0"]
    assert logs[1][:2] == ["before", "0"]
    assert int(logs[1][3]) > 1000
    assert [result["mode"] for result in results(tmp_path)] == ["none", "freeze"]


REFUSALS = {
    "no exercise": ("x = 1\n", "has no function exercise()"),
    "preload": ("import nothing_of_that_name\n", "No module named 'nothing_of_that_name'"),
    "syntax": ("def exercise(:\n", "SyntaxError"),
    "before_fork": ("def exercise(): pass\ndef before_fork(): 1 / 0\n", "division by zero"),
    "exit": ("raise SystemExit(3)\n", "SystemExit: 3"),
    "exercise": ("def exercise():\n    [][7]\n", "failed in round 1"),
    "later": ("def exercise(n):\n    [][7 if n > 2 else slice(1)]\n", "failed in round 3"),
    "killed": (
        "import os\ndef exercise():\n    print('last words', flush=True)\n"
        "    os.kill(os.getpid(), 9)\n",
        "killed by SIGKILL",
    ),
    "left": ("import os\ndef exercise():\n    os._exit(7)\n", "exit code 7"),
    "gone": ("import os\nos._exit(5)\ndef exercise(): pass\n", "parent ended: exit code 5"),
    "slow": (
        "import os, pathlib, time\ndef exercise():\n"
        "    pathlib.Path(__file__).with_name(f'pid-{os.getpid()}').touch()\n    time.sleep(300)\n",
        "has not answered for 5 s",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_not_whole_is_no_result(world, tmp_path, said, case) -> None:
    text, wanted = REFUSALS[case]
    path = tmp_path / "app.py"
    path.write_text(text)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "audit.md").write_text("of an earlier run")
    # Long enough to start both workers on a machine that does much else: with 1 s none had begun.
    timeout = "5" if case == "slow" else "60"
    argv = ("--rounds", "1,3", "--timeout", timeout, "--no-trace", str(path))
    assert audit(world, tmp_path, *argv) == 1
    assert not list((tmp_path / "out").glob("audit.*"))
    told = said()
    assert wanted in told
    assert "error: " in told
    if case == "exercise":
        assert 'app.py", line 2, in exercise' in told
    if case == "killed":
        assert "last words" in told
    assert not children()
    left = [int(each.name[4:]) for each in tmp_path.glob("pid-*")]
    assert len(left) == (2 if case == "slow" else 0)
    wait(lambda: not any(map(runs, left)))


def children() -> list[int]:
    """Return the processes that are below this one, but for zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[1]) == os.getpid():
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        ([], "what to audit?"),
        (["--example", __file__], "--example is an application already"),
        (["nothing.py"], "does not exist"),
        (["--rounds", "0", __file__], "--rounds takes numbers"),
        (["--rounds", "many", __file__], "--rounds takes numbers"),
        (["--python", "/bin/false", __file__], "is no CPython that runs"),
        (["--python", "/bin/nothing", __file__], "/bin/nothing"),
        ([__file__], "stock release of 9.8 is not built"),
    ],
)
def test_wrong_use_is_explained(world, said, argv, wanted) -> None:
    assert world.run("audit", *argv) in (1, 2)
    assert wanted in said()


def test_own_interpreters_are_the_default(world, application, tmp_path, said, monkeypatch) -> None:
    made = SimpleNamespace(python=sys.executable)
    monkeypatch.setattr(records, "finished", lambda obj: made if "obj-" in obj.name else None)
    stale = {"stock": None, "patched": "the overlay changed since"}
    monkeypatch.setattr(freshness, "stale", lambda project, pin, tree, built: stale[tree])
    argv = ("--no-trace", "--rounds", "1", "--workers", "1", str(application))
    assert world.run("audit", *argv) == 0
    home = world.root / "build" / "audit" / "app"
    assert len(json.loads((home / "audit.json").read_text())) == 2
    assert "warning: patched is out of date: the overlay changed since" in said()


def test_immortalizing_is_left_out_where_there_is_none(world, tmp_path, said) -> None:
    assert audit(world, tmp_path, "--mode", "immortalize", __file__, python=sys.executable) == 2
    assert "has no immortalize_heap()" in said()


@pytest.mark.parametrize("trace", [pytest.param("--trace", marks=needs_tracing), "--no-trace"])
def test_nobody_stays_behind_a_dead_auditor(tmp_path, trace) -> None:
    path = tmp_path / "app.py"
    path.write_text(
        "import os, pathlib, time\n"
        "DATA = bytearray(4096 * 100)\n"
        "FLOATS = [n + 0.5 for n in range(1000)]\n"
        f"HOME = pathlib.Path({str(tmp_path)!r})\n"
        "def exercise():\n"
        "    (HOME / f'pid-{os.getpid()}').touch()\n"
        "    (HOME / f'pid-{os.getppid()}').touch()\n"
        "    while not (HOME / 'go').exists():\n"
        "        time.sleep(0.01)\n"
        "    DATA[:] = bytes(len(DATA))\n"
    )
    tools = Path(__file__).parents[2]
    argv = ["--python", AUDITED, "--workers", "1", "--out", str(tmp_path / "out")]
    driver = subprocess.Popen(
        [sys.executable, "-m", "cpatch", "audit", *argv, trace, str(path)],
        env={**os.environ, "PYTHONPATH": str(tools)},
        stderr=subprocess.DEVNULL,
    )
    wanted = 3 if trace == "--trace" else 2
    found: list[Path] = []
    wait(lambda: found.__setitem__(slice(None), tmp_path.glob("pid-*")) or len(found) == wanted)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    (tmp_path / "go").touch()
    wait(lambda: not any(runs(int(each.name[4:])) for each in found))


def wait(condition, seconds: float = 120) -> None:
    """Wait; that it does not end is the failure. Beside 16 others the driver took 20 s to start."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("mode", ["immortal", "freeze-seal", "immortalize-sea", "immortalize-"])
def test_a_mode_that_means_nothing(world, tmp_path, mode, capsys):
    assert audit(world, tmp_path, "--mode", mode, __file__) == 2
    assert "-seal" in capsys.readouterr().err


def test_parts_that_are_left_out(monkeypatch):
    seen = []
    monkeypatch.setattr(inside.gc, "immortalize_heap", lambda **kw: seen.append(kw), raising=False)
    inside.prepare("immortalize")
    inside.prepare("immortalize-seal-trim")
    assert seen == [{}, {"seal": False, "trim": False}]


def test_the_wheel_does_it_where_the_interpreter_cannot(monkeypatch):
    seen = []
    wheel = SimpleNamespace(immortalize_heap=lambda **kw: seen.append(kw))
    monkeypatch.setitem(sys.modules, "immortal_heap", wheel)
    assert not hasattr(inside.gc, "immortalize_heap")
    inside.prepare("immortalize-trim")
    assert seen == [{"trim": False}]
