"""Where the driver works badly or not at all, and says so: disks, users, paths, two at once."""

from __future__ import annotations

import contextlib
import importlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from buildtoy import Toy, fake_program, make_toy
from conftest import copy_world, make_world, use_world
from cpatch.building import host
from cpatch.sources import worktree
from forked import Driver, Ended, drive
from roundstoy import make_rounds
from webtoy import serving

ROOT = os.geteuid() == 0
BENCH = ("bench", "--stock-python", sys.executable, "--patched-python", sys.executable)


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said"


@contextlib.contextmanager
def mounted(where: Path, *options: str) -> Iterator[None]:
    """Mount something; the test is skipped where that is not allowed."""
    where.mkdir(exist_ok=True)
    if not ROOT:
        pytest.skip("only root may mount")
    done = subprocess.run(["mount", *options, where], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no mount here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", where], check=True)


def fill(disk: Path, room: int) -> Path:
    """Leave no more than *room* bytes free."""
    filler = disk / "filler"
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, shutil.disk_usage(disk).free - room)
    return filler


def explained(ended: Ended, *words: str) -> None:
    """Assert that the driver stopped by itself, and said why and what to do."""
    assert ended.code == 1, ended.said
    assert "Traceback" not in ended.said
    for word in ("error: ", "wanted", "fix: ", *words):
        assert word in ended.said, (word, ended.said)


def on_a_full_disk(disk: Path, said: Path, rooms: tuple[int, ...], *argv: str) -> None:
    """Run the driver with less room than it needs, and once more with enough."""
    for room in rooms:
        filler = fill(disk, room)
        explained(drive(*argv, said=said), "0 MiB free in", "the same command")
        filler.unlink()
    done = drive(*argv, said=said)
    assert done.code == 0, done.said


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path) -> None:
    world = make_world(tmp_path / "repo", tmp_path / "toy.tgz", monkeypatch)
    shutil.rmtree(world.root / "build")
    disk = world.root / "build"
    with mounted(disk, "-t", "tmpfs", "-o", "size=4m", "none"):
        world.project.cache.mkdir()
        (world.project.cache / "toy-9.8.7.tgz").touch()
        with serving(world, monkeypatch):
            on_a_full_disk(disk, said, (0, 8 << 10), "fetch")
        on_a_full_disk(disk, said, (0, 60 << 10, 200 << 10), "apply")
        assert world.run("refresh", "--check") == 0
        world.edit("Objects/object.c", "patched 5", "patched five")
        world.commit("-m", "fixup! object: change the fifth line")
        on_a_full_disk(disk, said, (0,), "refresh")
        assert world.apply() == 0
        assert "patched five" in (world.src / "Objects/object.c").read_text()


def test_full_disk_below_build_bench_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path
) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=4m", "none"):
        toy = make_rounds(disk / "p", monkeypatch).toy
        on_a_full_disk(disk, said, (0, 12 << 10, 40 << 10), "build", "-j1")
        assert toy.lines("a.o") == ["a"]
        assert toy.built() is not None
        on_a_full_disk(disk, said, (0, 12 << 10), *BENCH, "--rounds", "1")
        on_a_full_disk(disk, said, (0, 4 << 10), "report")


def test_read_only_checkout(
    templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path
) -> None:
    world = copy_world(templates / "fetched", tmp_path, monkeypatch)
    build = tmp_path / "elsewhere"
    (world.root / "build").rename(build)
    with mounted(world.root, "--bind", str(world.root)):
        subprocess.run(["mount", "-o", "remount,ro,bind", world.root], check=True)
        explained(drive("apply", said=said), "Read-only file system", "CPATCH_BUILD")
        monkeypatch.setenv("CPATCH_BUILD", str(build))
        for argv in (["apply"], ["status"], ["lint"], ["refresh", "--check"]):
            done = drive(*argv, said=said)
            assert done.code == 0, done.said
        source = build / world.pin.branch / "src-patched"
        text = (source / "Objects/object.c").read_text()
        (source / "Objects/object.c").write_text(text.replace("patched 5", "patched five"))
        world.git("commit", "-qam", "fixup! object: change the fifth line", cwd=source)
        head = world.git("rev-parse", "HEAD", cwd=source)
        done = drive("refresh", said=said)
        assert done.code == 1
        assert "Read-only file system; nothing was changed" in done.said
        assert world.git("rev-parse", "HEAD", cwd=source) == head


@pytest.fixture
def others() -> Iterator[Path]:
    """A directory that an ordinary user may enter, unlike pytest's."""
    home = Path(tempfile.mkdtemp(prefix="cpatch-user-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home)


class User:
    """An ordinary user: nobody when we are root, else ourselves."""

    def __init__(self) -> None:
        self.entry = pwd.getpwnam("nobody") if ROOT else pwd.getpwuid(os.geteuid())

    def become(self) -> None:
        if ROOT:
            os.setgroups([])
            os.setgid(self.entry.pw_gid)
            os.setuid(self.entry.pw_uid)

    def give(self, root: Path) -> None:
        for path in [root, *root.rglob("*")] if ROOT else []:
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid, follow_symlinks=False)

    def drive(self, *argv: str, said: Path) -> Ended:
        # Before the fork: she may not be able to read it where it is.
        importlib.import_module(f"cpatch.verbs.{argv[0]}")
        return Driver(*argv, said=said, first=self.become).end()


def test_ordinary_user(
    templates: Path, others: Path, monkeypatch: pytest.MonkeyPatch, said: Path
) -> None:
    user = User()
    world = copy_world(templates / "fetched", others, monkeypatch)
    if ROOT:
        explained(user.drive("apply", said=said), "cannot write", "CPATCH_BUILD")
    user.give(world.root)
    for argv in (["apply"], ["refresh"], ["status"]):
        done = user.drive(*argv, said=said)
        assert done.code == 0, done.said
    toy = make_toy(others / "toy", monkeypatch)
    if ROOT:
        explained(user.drive("build", "-j1", said=said), "cannot write", "CPATCH_BUILD")
    user.give(toy.root)
    done = user.drive("build", "-j1", said=said)
    assert done.code == 0, done.said


def test_ordinary_user_is_told_what_to_install(
    others: Path, monkeypatch: pytest.MonkeyPatch, said: Path
) -> None:
    user = User()
    ensure = host.ensure_host
    make_toy(others / "toy", monkeypatch)
    monkeypatch.setattr(host, "ensure_host", ensure)
    lib = host.Probe("lib", "libnone-dev", "#include <none/such.h>\nint main(void){return 0;}")
    monkeypatch.setattr(host, "PROBES", (lib,))
    fake_program(others / "bin", "apt-get", f"echo called > {others}/called")
    monkeypatch.setenv("PATH", f"{others / 'bin'}:{os.environ['PATH']}")
    user.give(others)
    explained(user.drive("build", "-j1", said=said), "sudo apt-get", "libnone-dev", "none/such.h")
    assert not (others / "called").exists()


@pytest.mark.parametrize("name", ["ü b", "a'b", "日本 $x"])
def test_any_path_for_what_git_does(
    templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path, name: str
) -> None:
    world = copy_world(templates / "fetched", tmp_path / name, monkeypatch)
    for argv in (["apply"], ["refresh"], ["status"], ["lint"], ["diff"]):
        done = drive(*argv, said=said)
        assert done.code == 0, done.said
    assert worktree.Worktree(world.project, world.pin, "patched").exists()


def test_path_that_make_cannot_take_is_refused_and_another_build_directory_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path
) -> None:
    make_toy(tmp_path / "ü b", monkeypatch)
    explained(drive("build", "-j1", said=said), "' '", str(tmp_path / "ü b"), "CPATCH_BUILD=")
    toy = make_toy(tmp_path / "ü日", monkeypatch)
    done = drive("build", "-j1", said=said)
    assert done.code == 0, done.said
    # The checkout may have any name.
    (tmp_path / "c d" / "patches").mkdir(parents=True)
    shutil.copytree(toy.root / "patches", tmp_path / "c d" / "patches", dirs_exist_ok=True)
    monkeypatch.setenv("CPATCH_ROOT", str(tmp_path / "c d"))
    done = drive("build", "-j1", said=said)
    assert done.said.startswith("up to date: "), done.said


def test_bench_and_report_in_any_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path
) -> None:
    make_rounds(tmp_path / "ü b", monkeypatch)
    for argv in ([*BENCH, "--rounds", "2"], ["report"]):
        done = drive(*argv, said=said)
        assert done.code == 0, done.said


def wait_until(done: Path, word: str = "") -> None:
    limit = time.monotonic() + 30
    while not (done.exists() and word in done.read_text()):
        assert time.monotonic() < limit, done
        time.sleep(0.01)


def test_two_builds_at_once_make_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path
) -> None:
    toy: Toy = make_toy(tmp_path / "p", monkeypatch)
    toy.edit("b-waits", "")
    one = Driver("build", "-j1", said=said)
    wait_until(toy.obj() / "b-waiting")
    two = Driver("build", "-j1", said=tmp_path / "two")
    wait_until(tmp_path / "two", "waiting for another build")
    (toy.source() / "b-waits").unlink()
    assert one.end().code == 0
    second = two.end()
    assert second.code == 0, second.said
    assert "up to date" in second.said
    assert toy.lines("log.compiled") == ["a", "b"]


@pytest.mark.parametrize("verb", ["fetch", "apply"])
def test_two_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Path, verb: str
) -> None:
    world = make_world(tmp_path / "repo", tmp_path / "toy.tgz", monkeypatch)
    with serving(world, monkeypatch):
        several = [Driver(verb, said=tmp_path / f"said{n}") for n in range(3)]
        for each in several:
            done = each.end()
            assert done.code == 0, done.said
        (cached,) = world.project.cache.iterdir()
        assert cached.read_bytes() == world.tarball.read_bytes()
    if verb == "apply":
        assert use_world(world, monkeypatch).run("refresh", "--check") == 0
        assert "patched 5" in (world.src / "Objects/object.c").read_text()


def test_checkout_may_be_copied(tmp_path: Path) -> None:
    """The driver's environment in a copy runs the copy's driver."""
    tools = tmp_path / "one" / "tools"
    shutil.copytree(Path(__file__).parents[2] / "cpatch", tools / "cpatch")
    shutil.copy(Path(__file__).parents[2] / "bootstrap.sh", tools)
    (tools / "requirements.txt").touch()
    venv = tmp_path / "one" / "build" / "venv"
    # pip is not asked for anything: this environment serves.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    fake_program(venv / "bin", "pip-for-nothing")
    site = next(venv.rglob("site-packages"))
    (site / "pip").mkdir()
    (site / "pip" / "__main__.py").touch()
    subprocess.run(["sh", tools / "bootstrap.sh", venv], check=True)
    shutil.copytree(tmp_path / "one", tmp_path / "zwei ü", symlinks=True)
    shutil.rmtree(tmp_path / "one")
    python = tmp_path / "zwei ü" / "build" / "venv" / "bin" / "python"
    argv = [python, "-c", "import cpatch; print(cpatch.__file__)"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(str(tmp_path / "zwei ü"))
