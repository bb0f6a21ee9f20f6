"""Serve with each server, in new environments of this interpreter, with the lines of its page.

    python served.py WHEEL LINES WORK [SERVER ...]

WHEEL is the file, WORK a folder for environments and applications.  LINES is a folder of what the
pages mark for the patched interpreter, with ``immortal_heap.freeze()`` in place of
``gc.immortalize_heap()``, and nothing else is different: ``cpatch/wheels/trial.py`` writes it.  An
application has some 26 MB of small objects, and two workers, each of which reads all of them and
collects: they are to be immortal, and none of the workers' memory may un-share.  Prints a line for
each server.  Standard library only.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: Seconds for a server to answer, and to end.
START, STOP = 120, 30
#: KiB that a worker may un-share while it reads; without the call it is some 20,000.
MOST = 2048

CATALOGUE = "ENTRIES = [[f'entry {i}', i + 10 ** 6] for i in range(200_000)]\n"

WORK = """\
import gc
import os
import catalogue
import immortal_heap

def private_dirty():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty:"))

def do(number=0):
    before = private_dirty()
    total = sum(len(entry) for entry in catalogue.ENTRIES)
    gc.collect()
    return os.getpid(), immortal_heap.is_immortal(catalogue.ENTRIES), private_dirty() - before
"""

WEB = """\
import json
import work

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json"), ("Connection", "close")])
    return [json.dumps(work.do()).encode()]

"""

TASKS = """\
import json
import os
from celery import Celery
import work

app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    name + "_folder" + end: os.environ["QUEUE"]
    for name, end in (("data", "_in"), ("data", "_out"), ("control", ""))
}

@app.task(name="do")
def do():
    with open(os.environ["QUEUE"] + ".answers", "a") as file:
        print(json.dumps(work.do()), file=file)

"""

POOL = """\
import multiprocessing
import catalogue
import work

{lines}
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(work.do, range(8), chunksize=1))
"""

GUNICORN = "gunicorn==27.0.1"

#: What a worker says: its process, whether the objects are immortal, by how many KiB it grew.
Answer = tuple[int, bool, int]


class FailedError(Exception):
    """A server did not do what it should."""


@dataclass(frozen=True)
class Place:
    """Where a server is tried: ``bin`` are its environment's programs."""

    home: Path
    bin: Path
    log: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *argv: str) -> str:
        """Run something to its end, and return what it says."""
        done = subprocess.run(
            argv, cwd=self.home, env=self.env, capture_output=True, text=True, timeout=STOP + START,
            check=False,
        )  # fmt: skip
        if done.returncode or done.stderr:
            raise FailedError(f"status {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    @contextlib.contextmanager
    def serving(self, *argv: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start a server; it is to end with status 0 when it is asked to."""
        with self.log.open("wb") as log:
            server = subprocess.Popen(
                argv, cwd=self.home, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        try:
            yield server
            server.send_signal(signal.SIGTERM)
            status = server.wait(STOP)
            if status:
                raise FailedError(f"it ended with {status}: {self.log.read_text()}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def until_both(server: subprocess.Popen[bytes], ask: Callable[[], Iterator[Answer]]) -> None:
    """Ask until two workers have answered, and check what each says."""
    seen: dict[int, int] = {}
    deadline = time.monotonic() + START
    while len(seen) < 2:
        for answer in ask():
            check(answer)
            seen[answer[0]] = max(seen.get(answer[0], 0), answer[2])
        if server.poll() is not None:
            raise FailedError(f"it ended with {server.returncode}")
        if time.monotonic() > deadline:
            raise FailedError(f"{len(seen)} of 2 workers answered")
        time.sleep(0.05)


def check(answer: Answer) -> None:
    """Raise for a worker that shares less than it should."""
    _, immortal, grown = answer
    if not immortal or grown > MOST:
        raise FailedError(f"immortal: {immortal}; grown by {grown} KiB")


def http(place: Place, *argv: str) -> None:
    """Start a server that listens, and ask it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"

    def ask() -> Iterator[Answer]:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://{address}/", timeout=START) as answer,
        ):
            yield json.load(answer)

    with place.serving(*(word.replace("ADDRESS", address) for word in argv)) as server:
        until_both(server, ask)


def gunicorn(place: Place, lines: Path, *more: str) -> None:
    """As gunicorn.md has it; *more* chooses a class of workers, which the call does not see."""
    (place.home / "app.py").write_text(WEB)
    (place.home / "gunicorn.conf.py").write_text((lines / "gunicorn.py").read_text())
    http(place, str(place.bin / "gunicorn"), "--preload", "--workers", "2", "--bind", "ADDRESS",
         *more, "app:application")  # fmt: skip


def uwsgi(place: Place, lines: Path) -> None:
    """As uwsgi.md has it."""
    (place.home / "app.py").write_text(WEB + (lines / "uwsgi.py").read_text())
    http(place, str(place.bin / "uwsgi"), "--master", "--processes", "2", "--http-socket",
         "ADDRESS", "--virtualenv", str(place.bin.parent), "--module", "app:application",
         "--die-on-term", "--need-app")  # fmt: skip


def celery(place: Place, lines: Path) -> None:
    """As celery.md has it."""
    (place.home / "tasks.py").write_text(TASKS + (lines / "celery.py").read_text())
    queue = Path(place.env["QUEUE"])
    queue.mkdir()
    answers = queue.with_name(queue.name + ".answers")
    send = "import tasks; [tasks.app.send_task('do') for i in range(20)]"
    place.run(str(place.bin / "python"), "-c", send)

    def ask() -> Iterator[Answer]:
        if answers.exists():
            yield from map(json.loads, answers.read_text().splitlines())

    argv = ("--app", "tasks", "worker", "--pool", "prefork", "--concurrency", "2")
    with place.serving(str(place.bin / "celery"), *argv) as server:
        until_both(server, ask)


def fork(place: Place, lines: Path) -> None:
    """As multiprocessing.md has it, start method fork."""
    (place.home / "main.py").write_text(POOL.format(lines=(lines / "fork.py").read_text()))
    for answer in json.loads(_lists(place.run(str(place.bin / "python"), "main.py"))):
        check(answer)


def forkserver(place: Place, lines: Path) -> None:
    """As multiprocessing.md has it, start method forkserver."""
    for name in ("preload.py", "main.py"):
        shutil.copy(lines / name, place.home / name)
    for answer in json.loads(_lists(place.run(str(place.bin / "python"), "main.py"))):
        check(answer)


def _lists(printed: str) -> str:
    return printed.translate(str.maketrans("()", "[]")).replace("T", "t").replace("F", "f")


SERVERS: dict[str, tuple[Callable[[Place, Path], None], tuple[str, ...]]] = {
    "gunicorn": (gunicorn, (GUNICORN,)),
    "gunicorn-gthread": (
        lambda place, lines: gunicorn(place, lines, "-k", "gthread", "--threads", "4"),
        (GUNICORN,),
    ),
    # gunicorn imports packaging for this class, and does not ask for it.
    "gunicorn-gevent": (
        lambda place, lines: gunicorn(place, lines, "-k", "gevent"),
        (GUNICORN, "gevent==26.9.0", "packaging"),
    ),
    "uwsgi": (uwsgi, ("--no-binary", "uwsgi", "uWSGI==2.0.31")),
    "celery": (celery, ("celery==5.7.0",)),
    "fork": (fork, ()),
    "forkserver": (forkserver, ()),
}


def prepare(work: Path, name: str, packages: tuple[str, ...]) -> Place:
    """Make an environment with packages, and what all applications have."""
    home = work / name
    home.mkdir(parents=True)
    programs = home / "venv" / "bin"
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
    pip = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *packages], check=True, timeout=600)
    (home / "catalogue.py").write_text(CATALOGUE)
    (home / "work.py").write_text(WORK)
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    return Place(home, programs, home / "log", env | {"QUEUE": str(home / "queue")})


def main(wheel: str, lines: Path, work: Path, *names: str) -> int:
    """Try all, or some; returns how many fail."""
    failed = 0
    for name in names or SERVERS:
        serve, packages = SERVERS[name]
        try:
            place = prepare(work, name, (wheel, *packages))
            serve(place, lines)
        except (FailedError, subprocess.SubprocessError) as error:
            failed += 1
            print(f"{name}: FAILED: {error}", flush=True)
        else:
            print(f"{name}: serves, and shares", flush=True)
    return failed


if __name__ == "__main__":
    wheel, lines, work = (Path(text).resolve() for text in sys.argv[1:4])
    sys.exit(main(str(wheel), lines, work, *sys.argv[4:]) > 0)
