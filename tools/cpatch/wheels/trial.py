"""The wheel where users are: with each server, and in a bare Debian, for its own interpreter."""

from __future__ import annotations

import shutil
from pathlib import Path

from cpatch.base import files, proc
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import userland
from cpatch.measuring import serverpages

#: In the repository: what runs in the interpreter that has the wheel.
TOOLS = Path("tools", "wheel")

#: Files of lines from the servers' pages: which page, which kind, and whether they make the call.
LINES = {
    "gunicorn.py": ("gunicorn", "immortal", True),
    "uwsgi.py": ("uwsgi", "immortal", True),
    "celery.py": ("celery", "immortal", True),
    "fork.py": ("multiprocessing", "immortal", True),
    "preload.py": ("multiprocessing", "preload", True),
    "main.py": ("multiprocessing", "main", False),
}


def lines(project: Project, place: Path) -> Path:
    """Write the lines of the servers' pages, with the wheel's call, to a folder; returns it."""
    for name, (server, kind, calls) in LINES.items():
        text = serverpages.block(serverpages.page(project, server), kind)
        files.write(place / name, serverpages.for_wheel(text) if calls else text)
    return place


def servers(project: Project, python: Path, wheel: Path, place: Path, log: Path) -> None:
    """Serve with each server, in new environments of *python*, with the lines of its page."""
    shutil.rmtree(place, ignore_errors=True)
    program = project.root / TOOLS / "served.py"
    proc.step(
        f"servers with {wheel.name}",
        [python, program, wheel, lines(project, place.with_name("lines")), place],
        cwd=project.root,
        log=log,
        works_on=place.parent,
    )
    shutil.rmtree(place, ignore_errors=True)


def bare(project: Project, pin: Pin, sdist: Path, tests: Path, suite: str) -> None:
    """Build the sdist in a bare *suite*, for its own interpreter; run the tests and the servers."""
    tools = project.root / TOOLS
    written = lines(project, sdist.parent.with_name("lines"))
    userland.run(
        project,
        suite,
        (sdist, tests, written, tools / "served.py", tools / "try.sh"),
        ("sh", "try.sh", f"python{pin.branch}"),
        title=f"try {sdist.name} on {suite}",
        log=project.logs(pin) / f"wheel-try-{suite}.log",
    )
