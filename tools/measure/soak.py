r"""Serve at load for long, with workers that live for seconds: what is lost, what grows.

    build/venv/bin/python -m pip install --target SITE -r tools/servers/django_shop/requirements.txt
    build/venv/bin/python tools/measure/soak.py --site SITE --minutes 60 --output soak.json \\
        build/3.NN/obj-patched-release/python

gunicorn serves the shop with the lines of its page in docs/servers.  Each worker ends after so many
requests, and the parent forks another: ``--rate 12 --requests 20 --workers 3`` is a new worker
every 1.7 s.  One client asks at a steady rate.  What has to hold, or the exit status is 1:

- every request gets its answer;
- in every worker, an object that it made is finalized at exit, and so is one that is immortal and
  its parent's; each once;
- memory is level: a parent that forks 2,000 times is no larger after it.

``--kill 30`` kills a worker with SIGKILL every 30 s.  What it had in hand is lost then, and nothing
else.  The table has least-squares slopes, without the first tenth of the time.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import asked
import click
from cpatch.base.project import Project
from cpatch.measuring import serverpages
from cpatch.servers import memory, running, setups
from cpatch.servers.load import VISIT, Ask, Client, ask
from pages import SHOP, TOOLS, prepare

# What gunicorn.conf.py has besides the lines of the page.  A line of the log is one write(); a
# process id comes again, so that a worker is known by its start as well.
CONFIGURATION = """
import os
import time
LOG = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
me = "parent 0"

def tell(what):
    os.write(LOG, f"{{what}} {{me}}\\n".encode())

class Told:
    def __init__(self, what):
        self.what = what

    def __del__(self):
        tell(self.what)

inherited = Told("inherited")
own = None

def post_fork(server, worker):
    global me, own
    me = f"{{os.getpid()}} {{time.time_ns()}}"
    tell("begun")
    own = Told("own")

def post_worker_init(worker):
    tell("ready")
"""

#: Seconds between two samples of memory.
INTERVAL = 10.0

#: So many seconds a worker may take until it listens.
START_OF_WORKER = 20.0

#: A request that takes longer is written down.
SLOW = 5.0


Sample = tuple[float, float, float, float]


@dataclass(frozen=True)
class Options:
    """What is asked for; main() says what each is."""

    site: Path
    minutes: float
    rate: float
    requests: int
    workers: int
    entries: int
    kill: float
    mode: str


@dataclass
class Soak:
    """What was seen."""

    options: Options
    asked: int = 0
    failures: list[str] = field(default_factory=list)
    #: Seconds since the start, and seconds taken.
    slow: list[tuple[float, float]] = field(default_factory=list)
    #: Process ids, and when.
    killed: list[tuple[int, int]] = field(default_factory=list)
    #: Seconds since the start, and MiB: the parent's PSS and RSS, the sum of all PSS.
    samples: list[Sample] = field(default_factory=list)

    def request(self, client: Client) -> None:
        """Make the next request of a visitor."""
        what = ask(client.dice, self.options.entries)
        if self.asked % VISIT == 0:
            client.cookies.clear()
            what = Ask("detail", "GET", f"/p/{client.dice.randrange(1, client.entries + 1)}/")
        self.asked += 1
        try:
            status, body, _ = client.request(what)
        except (OSError, HTTPException) as error:
            client.close()
            self.failures.append(f"{what.method} {what.path}: {type(error).__name__}: {error}")
            return
        if status != (302 if what.method == "POST" else 200):
            self.failures.append(f"{what.method} {what.path}: status {status}")
        elif what.method == "GET" and b"</html>" not in body:
            self.failures.append(f"{what.method} {what.path}: the page is cut short")

    def look(self, session: int, begun: float) -> None:
        """Take a sample of the memory."""
        found = memory.sample(session)
        parent = next((each for each in found if each.role == "parent"), None)
        if parent is None:
            raise click.ClickException("the server has ended")
        total = sum(each.pss for each in found)
        pss, rss, every = (round(size / 2**20, 4) for size in (parent.pss, parent.rss, total))
        self.samples.append((round(time.monotonic() - begun, 1), pss, rss, every))

    def kill_one(self, session: int, dice: random.Random) -> None:
        """Kill one of the workers."""
        _, workers = memory.tree(session)
        if workers:
            victim = dice.choice(workers).pid
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                self.killed.append((victim, time.time_ns()))

    def run(self, session: int, port: int, seconds: float) -> None:
        """Ask until time is up."""
        begun = time.monotonic()
        dice = random.Random(1)  # noqa: S311 - a mix of pages
        client = Client(port, dice, self.options.entries, 60.0)
        every = self.options.kill or seconds * 2
        looks, kills = begun, begun + every
        number = 0
        while (now := time.monotonic()) < begun + seconds:
            if now >= looks:
                self.look(session, begun)
                looks += INTERVAL
            if now >= kills:
                self.kill_one(session, dice)
                kills += every
            self.request(client)
            number += 1
            if (taken := time.monotonic() - now) > SLOW:
                self.slow.append((round(now - begun, 1), round(taken, 1)))
            time.sleep(max(0.0, begun + number / self.options.rate - time.monotonic()))
        self.look(session, begun)


def lost(log: Path, killed: list[tuple[int, int]]) -> tuple[int, list[str]]:
    """Return how many workers there were, and what did not happen once in each of them."""
    counts: Counter[tuple[str, int, int]] = Counter()
    for line in log.read_text().splitlines():
        what, pid, start = line.split()
        if pid != "parent":
            counts[what, int(pid), int(start)] += 1
    workers = {(pid, start) for what, pid, start in counts if what == "begun"}
    ended = set(workers)
    for victim, when in killed:
        ended -= {max((w for w in workers if w[0] == victim and w[1] < when), default=(0, 0))}
    return len(workers), [
        f"{what} of process {pid}: {counts[what, pid, start]} times"
        for pid, start in sorted(ended) for what in ("own", "inherited")
        if counts[what, pid, start] != 1
    ]  # fmt: skip


def table(samples: list[Sample]) -> list[str]:
    """Return the rows of what each kind of memory was, and how it grew."""
    level = samples[len(samples) // 10 :]
    hours = [sample[0] / 3600 for sample in level]
    rows = ["| MiB | least | median | most | per hour |", "|---|---:|---:|---:|---:|"]
    for column, name in enumerate(("PSS of the parent", "RSS of the parent", "PSS of all"), 1):
        sizes = [sample[column] for sample in level]
        slope = statistics.linear_regression(hours, sizes).slope if len(level) > 1 else 0.0
        rows.append(
            f"| {name} | {min(sizes):.1f} | {statistics.median(sizes):.1f} | {max(sizes):.1f} "
            f"| {slope:+.2f} |"
        )
    return rows


@click.command()
@click.argument("python", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--site", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where pip installed the application's requirements.",
)  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Raw data, JSON.")
@click.option("--minutes", default=60.0, show_default=True)
@click.option("--rate", default=12.0, show_default=True, help="Requests per second.")
@click.option("--requests", default=20, show_default=True, help="Requests of a worker's life.")
@click.option("--workers", default=3, show_default=True)
@click.option("--entries", default=3000, show_default=True, help="Products in the catalogue.")
@click.option("--kill", default=0.0, help="Kill a worker every so many seconds.")
@click.option("--mode", default="immortal", type=click.Choice(["immortal", "freeze"]))
@asked.explained()
def main(python: Path, output: Path, **given: Any) -> None:
    """Serve for long, and count what is lost."""
    facts = asked.facts(asked.interpreter("soak", python))
    soak = Soak(Options(**given))
    raw = {"facts": facts, **serve(soak, python.absolute())}
    output.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    print(*table(soak.samples), "", sep="\n")
    failures, lost = raw["failures"], raw["lost"]
    print(f"{soak.asked} requests, {len(failures)} not answered; {raw['workers']} workers, "
          f"{len(soak.killed)} killed, {len(lost)} finalizers lost; "
          f"the server ended with {raw['status']}")  # fmt: skip
    print(*failures[:5], *lost[:5], sep="\n")
    sys.exit(len(failures) > len(soak.killed) or bool(lost) or bool(raw["status"]))


def serve(soak: Soak, python: Path) -> dict[str, Any]:
    """Start the server, soak it, and end it; returns all there is to know."""
    options = soak.options
    setup = setups.SETUPS["django"]
    lines = serverpages.block(serverpages.page(Project.find(), setup.page), options.mode)
    path = os.pathsep.join(map(str, (options.site.absolute(), SHOP, TOOLS)))
    env = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": path, "SHOP_WARM": "3",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        log, said, port = place / "finalizers", place / "said", running.free_port()
        env["SHOP_DB"] = str(prepare(Path(sys.executable), env, options.entries, place))
        (place / "gunicorn.conf.py").write_text(lines + CONFIGURATION.format(log=str(log)))
        argv: list[str | Path] = [
            python, "-m", "gunicorn", "shop.wsgi:application", "--preload",
            "--config", place / "gunicorn.conf.py", "--bind", f"127.0.0.1:{port}",
            "--workers", str(options.workers), "--max-requests", str(options.requests),
            "--max-requests-jitter", str(options.requests // 4), "--worker-tmp-dir", place,
            "--log-level", "warning",
        ]  # fmt: skip
        seconds = options.minutes * 60
        with running.started(
            argv, cwd=SHOP, env=env, log=said, seconds=seconds + 600, stop="SIGTERM"
        ) as server:
            wait(server.pid, port, said)
            soak.run(server.pid, port, seconds)
            settle(log)
        count, missing = lost(log, soak.killed)
        text = said.read_text(encoding="utf-8", errors="replace")
    return {
        "minutes": options.minutes, "rate": options.rate, "requests": soak.asked,
        "failures": soak.failures, "slow": soak.slow, "workers": count, "killed": soak.killed,
        "lost": missing, "status": server.returncode, "said": text[-20_000:],
        "samples": soak.samples,
    }  # fmt: skip


def settle(log: Path) -> None:
    """Wait until no worker is on its way: a signal would be lost on it, and SIGKILL follow."""
    end = time.monotonic() + START_OF_WORKER
    while time.monotonic() < end:
        words = Counter(line.split()[0] for line in log.read_text().splitlines())
        if words["begun"] == words["ready"]:
            break
        time.sleep(0.2)


def wait(session: int, port: int, log: Path) -> None:
    """Wait for the first answer; ClickException if there is none."""
    client = Client(port, random.Random(0), 1, 60.0)  # noqa: S311 - not used
    end = time.monotonic() + running.START
    while time.monotonic() < end and memory.of_session(session):
        with contextlib.closing(client), contextlib.suppress(OSError, HTTPException):
            client.request(Ask("home", "GET", "/"))
            return
        time.sleep(0.2)
    raise click.ClickException(f"no answer:\n{log.read_text()[-2000:]}")


if __name__ == "__main__":
    main()
