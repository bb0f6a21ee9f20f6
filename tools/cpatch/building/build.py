"""build: configure, make and check one tree in one flavor, doing only what is left to do.

Two records live in an object directory. ``.cpatch-configured`` says what configure was run with;
``.cpatch-built`` says which tree the finished, checked interpreter was made from. The second is
removed before make starts, so an interrupted or failed build is never taken for a finished one,
and make itself continues where it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cpatch.base import console, locks, proc
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import check, flavors, host, launcher
from cpatch.building.flavors import Flavor
from cpatch.series import apply, fixes

CONFIGURED = ".cpatch-configured"
BUILT = ".cpatch-built"
_NEVER = 1e12  # the end of a make that was killed
_NOT_SOURCE = {"__pycache__", ".git"}  # what making itself writes there, and git
_LAST = ".cpatch-last"  # of the last make: how many lines it compiled, which headers, whose profile


@dataclass(frozen=True)
class Built:
    """A finished interpreter and what it was made from."""

    python: str
    tree_id: str
    commit: str
    version: str
    compiler: str
    prefix: str
    settings: dict[str, str]
    edits: str = ""  # names uncommitted edits in the source tree that went in; '' for none
    made: bool = True  # False when it was found up to date

    @property
    def path(self) -> Path:
        """The interpreter's absolute path."""
        return Path(self.python)


def read_record(path: Path) -> dict[str, Any] | None:
    """Return a record as it was written, or None when there is none that can be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def finished(objdir: Path) -> Built | None:
    """Return the finished interpreter of *objdir*, or None; says nothing about its freshness."""
    record = read_record(objdir / BUILT)
    try:
        built = Built(**{**record, "made": False}) if record else None
    except TypeError:  # written by another version of the driver
        return None
    return built if built and os.access(built.python, os.X_OK) else None


def edits_in(source: apply.Tree) -> str:
    """Name the uncommitted edits in a source tree by their content; '' when there are none."""
    if not source.dirty:
        return ""
    digest = hashlib.sha256()
    for name in source.dirty:
        path = source.path / name
        content = path.read_bytes() if path.is_file() else b"gone"
        digest.update(f"{name} {len(content)} ".encode("utf-8", "surrogateescape") + content)
    return digest.hexdigest()[:12]


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
    CpatchError for everything that stops a build: host tools, unwritable directory, configure,
    make, or a finished interpreter that is not what was asked for.
    """
    environ = os.environ if environ is None else environ
    project.make_dir(project.build)
    host.ensure_host(project, environ)
    objdir = project.make_dir(project.obj(pin, tree, flavor.name))
    with locks.alone_in(objdir):
        for _ in range(3):
            source = apply.ensure_tree(project, pin, tree)
            try:
                built = _bring(project, pin, tree, source, flavor, objdir, jobs, environ, prefix)
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


def _same(one: apply.Tree, other: apply.Tree) -> bool:
    return (one.tree_id, edits_in(one)) == (other.tree_id, edits_in(other))


def _bring(
    project: Project,
    pin: Pin,
    tree: str,
    source: apply.Tree,
    flavor: Flavor,
    objdir: Path,
    jobs: int,
    environ: Mapping[str, str],
    prefix: str | None,
) -> Built | None:
    """Do what is left to do for one state of the source; None when that changed under make."""
    configured = read_record(objdir / CONFIGURED) or {}
    prefix = prefix or configured.get("prefix") or ""
    settings = flavors.settings(flavor, environ)
    compiler = _compiler_version(settings["CC"], environ)
    wanted = {
        "settings": settings,
        "compiler": compiler,
        "prefix": prefix,
        "source": str(source.path),
        "configure": _digest(source.path / "configure"),
        "done": True,
    }
    if pin.fixes and pin.fixes.makefile:
        wanted["makefile"] = list(pin.fixes.makefile)
    before = finished(objdir)
    edits = edits_in(source)
    if (
        before is not None
        and configured == wanted
        and before.tree_id == source.tree_id
        and before.edits == edits
        and before.settings == settings
    ):
        return before
    environment = flavors.build_environment(flavor, environ)
    path = launcher.search_path(project, environ)
    environment |= {"PATH": path} if path else {}
    env = flavors.changes(environment, os.environ)
    log = project.logs(pin) / f"build-{tree}-{flavor.name}.log"
    if log.exists():
        log.replace(log.with_suffix(".log.1"))  # what failed before may still be wanted
    (objdir / BUILT).unlink(missing_ok=True)
    name = f"{tree} {flavor.name}"
    if configured != wanted:
        _configure(name, pin, source.path, objdir, flavor, prefix, env, log, configured, wanted)
    fixes.tell_makefile(objdir, pin)
    label = identity(pin, tree, source.tree_id)
    if not _make(name, source.path, objdir, flavor, label, source.tree_id, jobs, env, log):
        return None
    python = _interpreter(objdir)
    what = check.interpreter(python, pin, flavor, tree, source.tree_id)
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
    _write_record(objdir / BUILT, {k: v for k, v in asdict(built).items() if k != "made"})
    return built


def _configure(
    name: str,
    pin: Pin,
    source: Path,
    objdir: Path,
    flavor: Flavor,
    prefix: str,
    env: proc.Env,
    log: Path,
    configured: dict[str, Any],
    wanted: dict[str, Any],
) -> None:
    differing = {key for key in wanted if configured.get(key) != wanted[key]}
    if configured and differing - {"prefix", "configure", "done", "makefile"}:
        # make does not know that the compiler or its flags changed: start over.
        for entry in objdir.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != ".cpatch-lock":
                entry.unlink()
    elif configured.get("makefile") != wanted.get("makefile"):
        # Nor does setup.py know it of a module's flags.
        shutil.rmtree(objdir / "build", ignore_errors=True)
    fixes.tell_makefile(objdir, pin)
    # Recorded as begun, so that whoever finds it knows what the objects around it were made with.
    _write_record(objdir / CONFIGURED, wanted | {"done": False})
    argv = [str(source / "configure"), *flavors.configure_arguments(flavor)]
    argv += [f"--prefix={prefix}"] if prefix else []
    proc.step(f"configure {name}", argv, cwd=objdir, env=env, log=log)
    _write_record(objdir / CONFIGURED, wanted)


def _make(
    name: str,
    source: Path,
    objdir: Path,
    flavor: Flavor,
    label: list[str],
    tree_id: str,
    jobs: int,
    env: proc.Env,
    log: Path,
) -> bool:
    """Run make; False when a source file changed meanwhile, so that objects may be too old."""
    # sys._git of the interpreter names the tree it was made from. The object that holds it is
    # rebuilt always, or a change in Lib alone would leave the old id in place.
    (objdir / "Modules" / "getbuildinfo.o").unlink(missing_ok=True)
    last = read_record(objdir / _LAST) or {}
    if flavor.profiled and last.get("profiled") != tree_id:
        # A profile of other source would be applied to this one.
        for stamp in objdir.glob("profile-*-stamp"):
            stamp.unlink()
    headers = _digest_of_headers(source)
    if last.get("headers") != headers:
        # setup.py knows Include/*.h alone, not what is below in cpython/ and internal/: extension
        # modules would keep the old macros.
        for module in objdir.glob("build/lib*/*.so"):
            module.unlink()
    # An object begun before its source changed and finished after looks newer than that source.
    for path in _changed(source, last.get("started", 0.0), last.get("ended", 0.0)):
        path.touch()
    lines, total = 0, last.get("lines", 0)
    # Noted before make runs, so that an interrupted build keeps the profile it has taken.
    record: dict[str, Any] = {"lines": total, "profiled": tree_id, "headers": headers}
    _write_record(objdir / _LAST, record)
    # The moment as the file system tells it, whose clock ticks more coarsely than ours.
    record |= {"started": (objdir / _LAST).stat().st_mtime, "ended": _NEVER}
    _write_record(objdir / _LAST, record)

    def progress(line: str) -> tuple[float, float | None] | None:
        nonlocal lines
        if " -c " not in line or ".c" not in line:
            return None
        lines += 1
        return lines, max(total, lines) if total else None

    argv = ["make", f"-j{jobs}", *label]
    try:
        proc.step(f"make {name}", argv, cwd=objdir, env=env, log=log, progress=progress)
        record["lines"] = max(lines, total)
    finally:
        record["ended"] = time.time()
        _write_record(objdir / _LAST, record)
    return not _changed(source, record["started"], record["ended"])


def _changed(source: Path, since: float, until: float) -> list[Path]:
    """Return the source files whose time of change lies between two moments."""
    if not until:
        return []
    found = []
    for home, directories, files in os.walk(source):
        directories[:] = [name for name in directories if name not in _NOT_SOURCE]
        for name in files:
            path = Path(home, name)
            with contextlib.suppress(FileNotFoundError):
                if name not in _NOT_SOURCE and since < path.lstat().st_mtime <= until:
                    found.append(path)
    return found


def identity(pin: Pin, tree: str, tree_id: str) -> list[str]:
    """Return make's arguments that write *tree*, its fixes and *tree_id* into ``sys._git``.

    ``sys.version`` and ``python -VV`` show it as well. Upstream asks git itself, with the object
    directory taken for the work tree: every build would call itself dirty.
    """
    name = f"{tree}+{pin.fixes.label}" if pin.fixes else tree
    return [
        f"GITVERSION=echo {tree_id[: check.ID_LENGTH]}",
        f"GITTAG=echo {name}",
        f"GITBRANCH=echo {name}",
    ]


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


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest_of_headers(source: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted((source / "Include").rglob("*.h")):
        digest.update(f"{path.relative_to(source)} {_digest(path)}\n".encode())
    return digest.hexdigest()


def _write_record(path: Path, record: Mapping[str, Any]) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)
