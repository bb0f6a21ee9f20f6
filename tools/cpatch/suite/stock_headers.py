"""The leg of ``test`` that loads an extension built with stock headers into the patched build."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cpatch.base import proc
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.building import build, flavors
from cpatch.series import apply

#: Where headers that know immortal objects count.
_AWARE = Path("Include", "refcount.h")

_RAN = re.compile(r"^Ran (\d+) tests? in ", re.M)
_ENDED = re.compile(r"^(OK|FAILED)(?: \((.*)\))?$", re.M)


def check(project: Project, pin: Pin, jobs: int, log: Path) -> tuple[int, int, int]:
    """Run tools/stockabi/check.py; return how many of its tests passed, failed, were skipped.

    Needs both trees' release builds: the stock one for the symbols it exports. A run that ends
    without unittest's closing lines, as a crash does, counts as one failure.
    """
    flavor = flavors.get("release")
    stock, patched = (
        build.ensure_built(project, pin, tree, flavor, jobs=jobs) for tree in ("stock", "patched")
    )
    sources = [apply.ensure_tree(project, pin, tree).path for tree in ("stock", "patched")]
    script = project.root / "tools" / "stockabi" / "check.py"
    command = [patched.python, str(script), "--stock", str(sources[0]), "--patched"]
    command += [str(sources[1]), "--config", str(patched.path.parent)]
    command += ["--interpreters", stock.python, patched.python]
    if old := _unaware(project, sources[0]):
        command += ["--unaware", str(old)]
    env = flavors.changes(flavors.clean_environment(os.environ), os.environ)
    title = "test stock headers: a wheel's counting, a billion times"
    log.unlink(missing_ok=True)
    proc.step(title, command, cwd=project.root, env=env, log=log, check=False)
    return totals(log.read_text(encoding="utf-8", errors="replace"))


def _unaware(project: Project, stock: Path) -> Path | None:
    """Return a pin's source whose headers know no immortal objects, when those of *stock* do."""
    if not (stock / _AWARE).exists():
        return None
    for pin in load_pins(project).table.values():
        path = apply.ensure_tree(project, pin, "stock").path
        if not (path / _AWARE).exists():
            return path
    return None


def totals(text: str) -> tuple[int, int, int]:
    """Read passed, failed and skipped out of unittest's closing lines."""
    ran, ended = _RAN.findall(text), _ENDED.findall(text)
    if not ran or not ended:
        return 0, 1, 0
    verdict, details = ended[-1]
    counts = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", details)}
    failed = counts.get("failures", 0) + counts.get("errors", 0)
    if verdict == "FAILED":
        failed = max(failed, 1)
    skipped = counts.get("skipped", 0)
    return max(int(ran[-1]) - failed - skipped, 0), failed, skipped
