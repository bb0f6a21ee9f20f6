"""A tarball in a bare system: the steps that a user would take, ``tools/dist/try.sh``."""

from __future__ import annotations

import shutil

from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import userland
from cpatch.dist.assemble import Made

#: Where a tarball is tried: others have an older C library than it needs, or were never looked at.
SUITES = ("bookworm", "trixie", "jammy", "noble")
#: What that script calls the tarball.
_NAME = "python.tar.gz"


def run(project: Project, pin: Pin, made: Made, suite: str) -> list[str]:
    """Run the steps in a bare *suite*, and return what they said; CpatchError when one fails."""
    tarball = made.stage.place / _NAME
    shutil.copyfile(made.path, tarball)
    tools = project.root / "tools" / "dist"
    log = project.logs(pin) / f"dist-try-{suite}.log"
    userland.run(
        project,
        suite,
        (
            tarball,
            project.root / "README.md",
            *sorted(tools.glob("*.sh")),
            *sorted(tools.glob("*.py")),
        ),
        ("sh", "try.sh"),
        title=f"try {made.path.name} on {suite}",
        log=log,
    )
    tarball.unlink()
    lines = log.read_text("utf-8", "replace").splitlines()
    # Steps, and what was measured; not what pip and others say.
    return [line for line in lines if line.startswith(("== ", "{"))]
