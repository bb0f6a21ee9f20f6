"""A bare system: what runs in it ends with the driver, however that ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from buildtoy import Toy, locked, make_toy
from cpatch.base import leftovers
from cpatch.base.errors import CpatchError
from cpatch.building import userland

SUITE = "toy"

#: Runs a trial that does not end, as a driver does.
DRIVER = """\
import signal, sys
from pathlib import Path
from cpatch import cli
from cpatch.base.project import Project
from cpatch.building import userland
signal.signal(signal.SIGTERM, cli._terminated)
userland.run(Project.find(), "toy", (), ("sleep", sys.argv[1]), title="try", log=Path(sys.argv[2]))
"""


def may_unshare() -> bool:
    done = subprocess.run(["unshare", "-mpf", "--kill-child", "true"], check=False)
    return done.returncode == 0


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A project whose userland has just what a trial begins with."""
    if os.geteuid() or not shutil.which("unshare") or not may_unshare():
        pytest.skip("no mounts and processes of our own here")
    toy = make_toy(tmp_path / "p", monkeypatch)
    home = toy.project.build / "userlands" / SUITE
    for name in ("bin", "proc", "root"):
        (home / name).mkdir(parents=True)
    for name in ("sh", "env", "mount", "sleep", "test"):
        program = Path(shutil.which(name) or "")
        said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for each in (str(program), *re.findall(r"/\S+", said)):
            to = home / each[1:]
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(each, to)
        if not (home / "bin" / name).exists():
            shutil.copy(program, home / "bin" / name)
    home.with_name(f"{SUITE}.done").touch()
    return toy


def sleepers(seconds: str) -> list[psutil.Process]:
    return [each for each in psutil.process_iter() if asleep(each, seconds)]


def asleep(process: psutil.Process, seconds: str) -> bool:
    try:
        return process.cmdline() == ["sleep", seconds]
    except psutil.Error:
        return False


def wait_for(seconds: str, *, there: bool) -> None:
    end = time.monotonic() + 30
    while bool(sleepers(seconds)) != there:
        assert time.monotonic() < end, f"sleep {seconds}"
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_trial_ends_with_its_driver(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    seconds = f"{1000 + os.getpid()}.{how}"
    argv = [sys.executable, "-c", DRIVER, seconds, str(tmp_path / "log")]
    driver = subprocess.Popen(argv)
    try:
        wait_for(seconds, there=True)
        assert locked(toy.project.build / "userlands" / f"{SUITE}.trial")
        driver.send_signal(how)
        driver.wait(60)
        if how is signal.SIGKILL:
            # Nothing could end it then. Who comes next does.
            monkeypatch.setattr(leftovers, "_PATIENCE", 0.5)
            userland.run(
                toy.project, SUITE, (), ("test", "-d", "/"), title="try", log=tmp_path / "log"
            )
        wait_for(seconds, there=False)
    finally:
        driver.kill()
        driver.wait()
        for each in sleepers(seconds):
            each.kill()


def test_the_copy_is_gone_afterwards(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "given").touch()
    argv = ("test", "-e", "given")
    log = tmp_path / "log"
    userland.run(toy.project, SUITE, (tmp_path / "given",), argv, title="try", log=log)
    with pytest.raises(CpatchError):
        userland.run(toy.project, SUITE, (), argv, title="try", log=log)
    userland.run(toy.project, SUITE, (), ("sh", "-c", "! test -e given"), title="try", log=log)
    assert not (toy.project.build / "userlands" / f"{SUITE}.trial" / "root").exists()


def test_who_is_not_root_is_refused_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = make_toy(tmp_path / "p", monkeypatch)
    done = toy.project.build / "userlands" / f"{SUITE}.done"
    done.parent.mkdir(parents=True)
    done.touch()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CpatchError, match="needs root"):
        userland.check(toy.project, SUITE)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    userland.check(toy.project, SUITE)
    monkeypatch.setattr(shutil, "which", lambda name: f"/sbin/{name}")
    monkeypatch.setattr(userland, "_SCRIPTS", tmp_path)
    (tmp_path / "oldest").touch()
    userland.check(toy.project, "oldest")
    with pytest.raises(CpatchError, match="does not know"):
        userland.check(toy.project, "nosuch")
