"""The leg of ``test`` that loads an extension built with stock headers into the patched build."""

from __future__ import annotations

import os
from pathlib import Path

from cpatch.base import proc
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.building import build, flavors
from cpatch.series import apply
from cpatch.suite import unittests

#: Where headers that know immortal objects count.
_AWARE = Path("Include", "refcount.h")


def check(project: Project, pin: Pin, jobs: int, log: Path) -> tuple[int, int, int]:
    """Run tools/stockabi/check.py; return how many of its tests passed, failed, were skipped.

    Needs both trees' release builds: the stock one for the symbols it exports. A run that ends
    badly, or without unittest's closing lines, counts as one failure at least.
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
    done = proc.step(title, command, cwd=project.root, env=env, log=log, check=False)
    return unittests.totals(log.read_text(encoding="utf-8", errors="replace"), ok=done.ok)


def _unaware(project: Project, stock: Path) -> Path | None:
    """Return a pin's source whose headers know no immortal objects, when those of *stock* do."""
    if not (stock / _AWARE).exists():
        return None
    for pin in load_pins(project).table.values():
        path = apply.ensure_tree(project, pin, "stock").path
        if not (path / _AWARE).exists():
            return path
    return None
