"""install: put a built interpreter under a prefix and run it there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from cpatch import build, check, console, flavors, proc
from cpatch.errors import USAGE, CpatchError
from cpatch.flavors import flavor_option, jobs_option
from cpatch.options import open_pin, pin_option, tree_option, verbose_option

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
        raise CpatchError(f"PREFIX is not a directory: {path}", code=USAGE)
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


@click.command("install")
@pin_option
@tree_option
@flavor_option
@jobs_option
@click.option("--prefix", metavar="DIR", help="Where to; an absolute path.")
@click.option("--altinstall", is_flag=True, help="Leave out the unversioned names (python3, …).")
@click.option("--force", is_flag=True, help="Install into a directory that holds other things.")
@verbose_option
def command(
    pin_name: str | None,
    tree: str,
    flavor: str,
    jobs: int,
    prefix: str | None,
    altinstall: bool,
    force: bool,
) -> None:
    """Build, install under a prefix, and run what was installed."""
    row = flavors.get(flavor)
    project, pin = open_pin(pin_name)
    path = check_prefix(prefix, project.root, force)
    # The prefix is compiled in (sysconfig, python-config), so it is configured and not only
    # given to `make install`; a change rebuilds the few objects that hold it.
    built = build.ensure_built(project, pin, tree, row, jobs=jobs, prefix=str(path))
    target = "altinstall" if altinstall else "install"
    env = flavors.changes(flavors.build_environment(row, os.environ), os.environ)
    log = project.logs(pin) / f"install-{tree}-{flavor}.log"
    log.unlink(missing_ok=True)
    proc.step(
        f"make {target} {tree} {flavor}",
        ["make", target, *build.identity(pin, tree, built.tree_id)],
        cwd=built.path.parent,
        env=env,
        log=log,
    )
    # The branch of the pin need not be a version; the version's first two parts name the program.
    python = path / "bin" / ("python" + ".".join(pin.version.split(".")[:2]))
    if not python.exists():
        raise CpatchError(f"make {target} left no {python}", fix=f"read the log: {log}")
    check.interpreter(python, pin, row, tree, built.tree_id, fix=f"read the log: {log}")
    helper = install_gdb_helper(python, project.src(pin, tree))
    (path / MARK).write_text(f"{tree} {flavor} {built.tree_id}\n", encoding="utf-8")
    console.field("built", f"CPython {built.version}, {tree} {flavor}, tree {built.tree_id[:12]}")
    console.field("at", str(python))
    console.field("checked", check.summary(row))
    trust = f"~/.gdbinit needs: add-auto-load-safe-path {helper.parent}"
    console.field("gdb", f"{helper}" + (f"; {trust}" if helper.parent == python.parent else ""))
