"""The table of what is measured: servers, the applications they run, and the modes compared.

A server's page in docs/servers/ holds the lines that a user adds, and what is measured is started
with exactly these: they are read from the page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.project import Project
from cpatch.measuring import serverpages

#: The environment of stock that has the wheel.
WHEEL = "wheel"

#: The kinds of blocks that a page has.
BLOCKS = ("freeze", "immortal")


@dataclass(frozen=True)
class Mode:
    """An interpreter and what is added to the server's configuration."""

    name: str
    side: str
    block: str | None
    label: str
    wheel: bool = False  # whether the lines call the wheel instead of the interpreter

    @property
    def venv(self) -> str:
        """Which environment it runs in."""
        return WHEEL if self.wheel else self.side


MODES = {
    mode.name: mode
    for mode in (
        Mode("stock", "stock", None, "stock"),
        Mode("freeze", "stock", "freeze", "stock + `gc.freeze()`"),
        Mode("again", "stock", "freeze", "stock + `gc.freeze()` again (A/A)"),
        Mode(WHEEL, "stock", "immortal", "stock + the wheel", wheel=True),
        Mode("startup", "patched", None, "patched, start-up only"),
        Mode("immortal", "patched", "immortal", "patched + `gc.immortalize_heap()`"),
    )
}


@dataclass(frozen=True)
class Start:
    """What a command line is made of."""

    python: Path
    home: Path  # the application's directory
    scratch: Path  # where this run may write
    lines: Path  # the lines to add: a file, empty when nothing is added
    port: int
    workers: int
    requests: int
    entries: int
    seed: int
    output: Path

    @property
    def bin(self) -> Path:
        """Where the environment's programs are."""
        return self.python.parent


@dataclass(frozen=True)
class Setup:
    """A server with an application."""

    name: str
    about: str
    page: str
    home: str
    requirements: str
    #: The file that the lines are in, below the run's directory, and what stands before them.
    lines: str
    serve: Callable[[Start], Sequence[str | Path]]
    before: str = ""
    load: Callable[[Start], Sequence[str | Path]] | None = None  # None: over HTTP
    stop: str = "SIGTERM"
    #: What is called when a run is prepared; makes the database.
    prepare: str = "shop.prepare"
    #: Packages that hold the interpreter itself, and are compiled for each.
    compiled: tuple[str, ...] = ()
    #: Whether its parent can make requests before it forks.
    warms: bool = True


def _gunicorn(application: str) -> Callable[[Start], list[str | Path]]:
    def serve(start: Start) -> list[str | Path]:
        return [
            start.bin / "gunicorn", application, "--preload",
            "--config", start.lines, "--bind", f"127.0.0.1:{start.port}",
            "--workers", str(start.workers), "--worker-tmp-dir", start.scratch,
            "--log-level", "warning", "--timeout", "120",
        ]  # fmt: skip

    return serve


def _uwsgi(start: Start) -> list[str | Path]:
    return [
        start.bin / "uwsgi", "--master", "--processes", str(start.workers),
        "--http-socket", f"127.0.0.1:{start.port}", "--virtualenv", start.bin.parent,
        "--pythonpath", start.home, "--pythonpath", start.scratch,
        "--module", f"{start.lines.stem}:application", "--need-app", "--die-on-term",
        "--disable-logging",
        # It closes every connection after the response, and does not say so by itself.
        "--add-header", "Connection: close", "--buffer-size", "16384",
    ]  # fmt: skip


def _pool(start: Start) -> list[str | Path]:
    numbers = [str(number) for number in (start.workers, start.requests, start.seed)]
    return [start.python, "-m", "shop.pool", *numbers, start.output]


def _celery(start: Start) -> list[str | Path]:
    return [
        start.python, "-m", "celery", "--app", start.lines.stem, "worker",
        "--pool", "prefork", "--concurrency", str(start.workers), "--loglevel", "warning",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip


def _send(start: Start) -> list[str | Path]:
    return [start.python, "-m", "shop.send", str(start.requests), str(start.seed), start.output]


SETUPS = {
    setup.name: setup
    for setup in (
        Setup(
            name="django",
            about="gunicorn --preload with Django: ORM on SQLite, templates, sessions",
            page="gunicorn",
            home="django_shop",
            requirements="requirements.txt",
            lines="gunicorn.conf.py",
            serve=_gunicorn("shop.wsgi:application"),
        ),
        Setup(
            name="flask",
            about="gunicorn --preload with Flask: SQLite, templates, sessions in a cookie",
            page="gunicorn",
            home="shelf",
            requirements="requirements-flask.txt",
            lines="gunicorn.conf.py",
            serve=_gunicorn("shop.web:application"),
        ),
        Setup(
            name="uwsgi",
            about="uWSGI, which forks after it has loaded, with the same Django application",
            page="uwsgi",
            home="django_shop",
            requirements="requirements-uwsgi.txt",
            lines="served.py",
            before="from shop.wsgi import application\n",
            serve=_uwsgi,
            compiled=("uwsgi",),
        ),
        Setup(
            name="celery",
            about="Celery's prefork pool; latencies are of the tasks alone, without the queue",
            page="celery",
            home="shelf",
            requirements="requirements-celery.txt",
            lines="served.py",
            before="from shop.tasks import app\n",
            serve=_celery,
            load=_send,
            warms=False,
        ),
        Setup(
            name="pool",
            about="multiprocessing.Pool, forked; latencies are of the tasks alone",
            page="multiprocessing",
            home="shelf",
            requirements="requirements-pool.txt",
            lines="lines.py",
            serve=_pool,
            load=lambda start: [start.python, "-m", "shop.go", start.output],
            warms=False,
        ),
    )
}


def get(name: str) -> Setup:
    """Return a setup by its name."""
    if name not in SETUPS:
        raise CpatchError(
            f"no such setup: {name}", wanted=", ".join(SETUPS), fix="make servers ARGS=--list",
            code=USAGE,
        )  # fmt: skip
    return SETUPS[name]


def lines(project: Project, setup: Setup, mode: Mode) -> str:
    """Return what *mode* adds to the configuration of a server."""
    page = serverpages.page(project, setup.page)
    found = serverpages.block(page, mode.block) if mode.block else ""
    return serverpages.for_wheel(found) if mode.wheel else found


def digest(project: Project, setup: Setup) -> str:
    """Return what changes with the application, its requirements or the lines on its page."""
    found = hashlib.sha256()
    home = project.root / "tools" / "servers" / setup.home
    files = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    for path in [*sorted(files), serverpages.page(project, setup.page)]:
        found.update(path.name.encode() + b"\0")
        if path.suffix == ".md":
            found.update("\0".join(serverpages.block(path, kind) for kind in BLOCKS).encode())
        else:
            found.update(path.read_bytes())
    return found.hexdigest()[:12]
