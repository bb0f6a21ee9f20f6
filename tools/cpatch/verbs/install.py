"""The door of the verb install: its options, and what it says."""

from __future__ import annotations

import os

import click

from cpatch.base import console, proc
from cpatch.base.errors import CpatchError
from cpatch.building import build, check, flavors, make
from cpatch.building.install import MARK, check_prefix, install_gdb_helper
from cpatch.verbs.options import (
    flavor_option,
    jobs_option,
    open_pin,
    pin_option,
    tree_option,
    verbose_option,
)


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
        ["make", target, *make.identity(pin, tree, built.tree_id)],
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
