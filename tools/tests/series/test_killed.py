"""Killed at any point of apply and refresh: the next run ends where an undisturbed one does.

A point is the moment before the driver writes to a file, renames or removes one, or starts git; or
a few milliseconds later, when git is at work. CPATCH_ALL_POINTS=1 tries each, with each signal;
otherwise a few of them, spread over the whole run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import World, changes, copy_world, stands
from cpatch.sources import worktree

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
ALL = bool(os.environ.get("CPATCH_ALL_POINTS"))
SOME = 9

#: Argument 1 is the number of the point, 0 for none; it prints how many it passed.
CHILD = """\
import os, signal, sys
at, number, later = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
changing = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink",
            "os.truncate", "os.chmod", "os.utime", "subprocess.Popen"}
passed = 0

def kill(*args):
    os.kill(os.getpid(), number)

def hook(event, args):
    global passed
    if event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or event in changing:
        passed += 1
        if passed == at:
            signal.setitimer(signal.ITIMER_REAL, later) if later else kill()

signal.signal(signal.SIGALRM, kill)
from cpatch import cli
sys.addaudithook(hook)
try:
    cli.main(sys.argv[4:])
finally:
    print("passed", passed)
"""


def drive(world: World, verb: str, at: int = 0, number: int = 0, later: float = 0.0) -> str:
    """Run the driver as a process, killed at a point; return what it said."""
    env = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "CPATCH_ROOT": str(world.root),
        "CPATCH_BUILD": str(world.root / "build"),
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(at), str(number), str(later), verb],
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    return done.stdout


def to_apply(templates: Path, home: Path, patched: pytest.MonkeyPatch) -> World:
    """Return a world whose tree is not made."""
    made = copy_world(templates / "fetched", home, patched)
    made.before = made.snapshot()
    return made


def to_refresh(templates: Path, home: Path, patched: pytest.MonkeyPatch) -> World:
    """Return a world with work in its tree that is to become a patch."""
    made = copy_world(templates / "applied", home, patched)
    assert worktree.Worktree(made.project, made.pin, "patched").exists()
    made.before = made.snapshot()
    made.edit("Objects/object.c", "patched 5", "patched five")
    made.commit("-m", "fixup! object: change the fifth line")
    return made


@pytest.mark.parametrize(
    ("verb", "make"), [("apply", to_apply), ("refresh", to_refresh)], ids=["apply", "refresh"]
)
def test_killed_anywhere(
    templates: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    make: Callable[[Path, Path, pytest.MonkeyPatch], World],
) -> None:
    whole = make(templates, tmp_path / "whole", monkeypatch)
    said = drive(whole, verb)
    points = int(said.rpartition("passed ")[2])
    assert points > SOME, said
    wanted = whole.tree(), changes(whole)
    step = 1 if ALL else points // SOME
    for at in range(1, points + 1, step):
        for number in SIGNALS if ALL else (SIGNALS[at // step % len(SIGNALS)],):
            for later in (0.0, 0.004) if ALL else ((0.0, 0.004)[at // step % 2],):
                where = f"{verb}-{at}-{number.name}-{later}"
                world = make(templates, tmp_path / where, monkeypatch)
                said = drive(world, verb, at, number, later)
                again = drive(world, verb)
                assert "passed" in again, (where, said, again)
                assert (world.tree(), changes(world)) == wanted, (where, said, again)
                stands(world)
