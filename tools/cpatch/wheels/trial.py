"""The wheel where users are: with each server, and in a bare Debian, for its own interpreter."""

from __future__ import annotations

import shutil
from pathlib import Path

from cpatch.base import proc
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import userland

#: In the repository: what runs in the interpreter that has the wheel.
TOOLS = Path("tools", "wheel")
PAGES = Path("docs", "servers")


def servers(project: Project, python: Path, wheel: Path, place: Path, log: Path) -> None:
    """Serve with each server, in new environments of *python*, with the lines of its page."""
    shutil.rmtree(place, ignore_errors=True)
    program = project.root / TOOLS / "served.py"
    proc.step(
        f"servers with {wheel.name}",
        [python, program, wheel, project.root / PAGES, place],
        cwd=project.root,
        log=log,
    )
    shutil.rmtree(place, ignore_errors=True)


def bare(project: Project, pin: Pin, sdist: Path, tests: Path, suite: str) -> None:
    """Build the sdist in a bare *suite*, for its own interpreter; run the tests and the servers."""
    tools = project.root / TOOLS
    userland.run(
        project,
        suite,
        (sdist, tests, project.root / PAGES, tools / "served.py", tools / "try.sh"),
        ("sh", "try.sh", f"python{pin.branch}"),
        title=f"try {sdist.name} on {suite}",
        log=project.logs(pin) / f"wheel-try-{suite}.log",
    )
