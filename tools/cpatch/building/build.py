"""From a source tree to a checked interpreter, doing only what is left to do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from cpatch.base import console, locks, proc
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import check, flavors, host, launcher, make, records
from cpatch.building.flavors import Flavor
from cpatch.building.make import Job
from cpatch.building.records import Built, edits_in
from cpatch.series import apply, fixes


def ensure_built(
    project: Project,
    pin: Pin,
    tree: str,
    flavor: Flavor,
    *,
    jobs: int,
    environ: Mapping[str, str] | None = None,
    prefix: str | None = None,
) -> Built:
    """Return the interpreter of *tree* and *flavor*, building what is missing or out of date.

    *prefix* is where it will be installed; None keeps the one configured before. Raises
    CpatchError for everything that stops a build: host tools, unwritable directory, a finished
    interpreter that is not what was asked for. Of configure and make it is a make.NotBuiltError.
    """
    check_path(project.build)
    environ = flavors.chosen(flavor, os.environ if environ is None else environ)
    helper = ""
    if flavor.runner:
        release = flavors.get("release")
        helper = ensure_built(project, pin, tree, release, jobs=jobs).python
    job = Job(project, pin, tree, flavor, jobs, environ, prefix, helper)
    project.make_dir(project.build)
    if flavor.bare:
        host.ensure_compiler(environ)
    else:
        host.ensure_host(project, environ)
    with host.addresses(fixed=flavor.fixed), locks.alone_in(project.make_dir(job.objdir)):
        for _ in range(3):
            source = apply.ensure_tree(project, pin, tree)
            try:
                built = _bring(job, source)
            except CpatchError:
                if _same(source, apply.ensure_tree(project, pin, tree)):
                    raise
                built = None
            if built and (not built.made or _same(source, apply.ensure_tree(project, pin, tree))):
                return built
            console.note("the source tree changed while it was being built; making again")
    raise CpatchError(
        f"{source.path} changes faster than it can be built",
        wanted="a source tree that stays as it is while make runs",
        fix="stop what edits or applies there, then make build",
    )


#: What neither make's rules nor the shell's words can hold, which upstream's Makefile needs.
_UNSAFE = frozenset(" \t\n\"'`\\#$%&*:;<>?[]()|")


def check_path(path: Path) -> None:
    """Raise CpatchError for a place that upstream's configure and make cannot work in."""
    found = sorted(_UNSAFE.intersection(str(path)))
    if found:
        raise CpatchError(
            "CPython's Makefile cannot work in a path that has " + " or ".join(map(repr, found)),
            wanted="a build directory without blanks and the shell's characters; others are fine",
            got=str(path),
            fix="make CPATCH_BUILD=/var/tmp/cpatch …, which holds all that is made",
        )


def _same(one: apply.Tree, other: apply.Tree) -> bool:
    return (one.tree_id, edits_in(one)) == (other.tree_id, edits_in(other))


def _bring(job: Job, source: apply.Tree) -> Built | None:
    """Do what is left to do for one state of the source; None when that changed under make."""
    pin, objdir, environ = job.pin, job.objdir, job.environ
    configured = records.read(objdir / records.CONFIGURED) or {}
    prefix = job.prefix or configured.get("prefix") or ""
    settings = flavors.settings(job.flavor, environ)
    compiler = _compiler_version(settings["CC"], environ)
    wanted = {
        "settings": settings,
        "compiler": compiler,
        "prefix": prefix,
        "source": str(source.path),
        "configure": make.digest(source.path / "configure"),
        "done": True,
    }
    if pin.fixes and pin.fixes.makefile:
        wanted["makefile"] = list(pin.fixes.makefile)
    before = records.finished(objdir)
    edits = edits_in(source)
    if (
        before is not None
        and configured == wanted
        and before.tree_id == source.tree_id
        and before.edits == edits
        and before.settings == settings
    ):
        return before
    environment = flavors.build_environment(job.flavor, environ)
    path = launcher.search_path(job.project, environ)
    environment |= {"PATH": path} if path else {}
    env = flavors.changes(environment, os.environ)
    if job.log.exists():
        job.log.replace(job.log.with_suffix(".log.1"))  # what failed before may still be wanted
    (objdir / records.BUILT).unlink(missing_ok=True)
    if configured != wanted:
        make.configure(job, source.path, env, configured, wanted)
    fixes.tell_makefile(objdir, pin)
    if not make.make(job, source, env):
        return None
    python = _interpreter(objdir)
    if job.flavor.runner:
        make.wrap(python, job.flavor.runner)
    what = check.interpreter(python, pin, job.flavor, job.tree, source.tree_id)
    if cold := check.cold_loop(python):
        console.warn(cold)
    built = Built(
        python=str(python),
        tree_id=source.tree_id,
        commit=source.commit,
        version=what.version,
        compiler=compiler,
        prefix=prefix,
        settings=settings,
        edits=edits,
    )
    record = {key: value for key, value in asdict(built).items() if key != "made"}
    records.write(objdir / records.BUILT, record)
    return built


def _interpreter(objdir: Path) -> Path:
    # Where the file system folds case, upstream appends .exe to tell it from the directory.
    for name in ("python", "python.exe"):
        if os.access(objdir / name, os.X_OK) and (objdir / name).is_file():
            return objdir / name
    raise CpatchError(
        "make succeeded but left no interpreter",
        wanted=str(objdir / "python"),
        fix=f"rm -r {objdir} && make",
    )


def _compiler_version(command: str, environ: Mapping[str, str]) -> str:
    name = flavors.bare_compiler(flavors.compiler_command(environ))
    env = flavors.changes(flavors.clean_environment(environ), os.environ)
    done = proc.run([name, "--version"], cwd=Path("/"), env=env, check=False)
    first = (done.stdout or done.stderr).splitlines()[:1]
    return first[0] if first else command
