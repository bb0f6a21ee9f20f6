"""Put a built interpreter under a prefix and run it there."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import proc
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import build, check, flavors, make
from cpatch.building.flavors import Flavor
from cpatch.building.records import Built


@dataclass(frozen=True)
class Job:
    """What to install where; ``altinstall`` leaves out the unversioned names."""

    tree: str
    flavor: Flavor
    jobs: int
    path: Path
    altinstall: bool


@dataclass(frozen=True)
class Installed:
    """An interpreter under its prefix, what it is a copy of, and upstream's helper for gdb."""

    python: Path
    built: Built
    helper: Path


# Left in a prefix by us; what else is there is somebody else's.
MARK = ".cpatch-installed"


def check_prefix(prefix: str | None, project_root: Path, force: bool) -> Path:
    """Return the prefix as a path, or raise CpatchError (usage) when it must not be written to."""
    if not prefix:
        raise CpatchError(
            "install needs to know where to", fix="make install PREFIX=/opt/python", code=USAGE
        )
    path = Path(prefix)
    if not path.is_absolute() or any(char.isspace() for char in prefix):
        raise CpatchError(
            "PREFIX must be an absolute path without blanks",
            got=prefix,
            fix=f"make install PREFIX={'_'.join(str(Path.cwd() / path).split())}",
            code=USAGE,
        )
    path = Path(os.path.normpath(path))
    if path.exists() and not path.is_dir():
        raise CpatchError(
            f"PREFIX is not a directory: {path}",
            fix="make install PREFIX=/another/directory",
            code=USAGE,
        )
    foreign = path.is_dir() and any(path.iterdir()) and not (path / MARK).exists()
    if foreign and not force:
        raise CpatchError(
            f"{path} is not empty and nothing of it was installed from here",
            wanted="a new or empty directory, or one this command made",
            got=", ".join(sorted(entry.name for entry in path.iterdir())[:8]),
            fix=f'make install PREFIX={path} ARGS="--force --altinstall"',
            code=USAGE,
        )
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    if not os.access(existing, os.W_OK | os.X_OK) or not existing.is_dir():
        raise CpatchError(
            f"cannot write to {existing}",
            fix=f"choose another PREFIX, or make {existing} writable",
            code=USAGE,
        )
    return path


def install_gdb_helper(python: Path, source: Path) -> Path:
    """Install upstream's helper for gdb (py-bt and its like) for an installed interpreter.

    gdb loads it with the program by its name: from its own directory, when gdb is installed under
    the same prefix, as a distribution's is; otherwise from beside the program. Returns where it is.
    """
    auto_load = python.parents[1] / "share" / "gdb" / "auto-load"
    home = auto_load / python.parent.relative_to("/") if auto_load.is_dir() else python.parent
    home.mkdir(parents=True, exist_ok=True)
    helper = home / f"{python.name}-gdb.py"
    shutil.copyfile(source / "Tools" / "gdb" / "libpython.py", helper)
    helper.chmod(0o644)
    return helper


def install(project: Project, pin: Pin, job: Job) -> Installed:
    """Build, install under a prefix that ``check_prefix`` let pass, and run what was installed."""
    # The prefix is compiled in (sysconfig, python-config), so it is configured and not only
    # given to `make install`; a change rebuilds the few objects that hold it.
    tree, flavor, path = job.tree, job.flavor, job.path
    built = build.ensure_built(project, pin, tree, flavor, jobs=job.jobs, prefix=str(path))
    target = "altinstall" if job.altinstall else "install"
    env = flavors.changes(flavors.build_environment(flavor, os.environ), os.environ)
    log = project.logs(pin) / f"install-{tree}-{flavor.name}.log"
    log.unlink(missing_ok=True)
    proc.step(
        f"make {target} {tree} {flavor.name}",
        ["make", target, *make.identity(pin, tree, built.tree_id)],
        cwd=built.path.parent,
        works_on=built.path.parent,
        env=env,
        log=log,
    )
    # The branch of the pin need not be a version; the version's first two parts name the program.
    python = path / "bin" / ("python" + ".".join(pin.version.split(".")[:2]))
    if not python.exists():
        raise CpatchError(f"make {target} left no {python}", fix=f"read the log: {log}")
    check.interpreter(python, pin, flavor, tree, built.tree_id, fix=f"read the log: {log}")
    helper = install_gdb_helper(python, project.src(pin, tree))
    (path / MARK).write_text(f"{tree} {flavor.name} {built.tree_id}\n", encoding="utf-8")
    return Installed(python, built, helper)
