"""One job of configure and make, doing what is left to do in one object directory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpatch.base import proc
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import check, flavors, profiles, records
from cpatch.building.flavors import Flavor
from cpatch.series import apply, fixes

_NEVER = 1e12  # the end of a make that was killed
_NOT_SOURCE = {"__pycache__", ".git"}  # what making itself writes there, and git


class NotBuiltError(CpatchError):
    """Configure or make failed; whatever else may stop a build says nothing about the source."""


@dataclass(frozen=True)
class Job:
    """An interpreter that is wanted: which tree of which pin, in which flavor, by which means.

    ``environ`` is the user's environment. ``prefix`` is where it will be installed; None keeps
    the one configured before. ``jobs`` says how many things make does at once. ``helper`` is an
    interpreter for this machine, which building one for another machine needs.
    """

    project: Project
    pin: Pin
    tree: str
    flavor: Flavor
    jobs: int
    environ: Mapping[str, str]
    prefix: str | None = None
    helper: str = ""

    @property
    def name(self) -> str:
        """Tree and flavor, as progress lines call it."""
        return f"{self.tree} {self.flavor.name}"

    @property
    def objdir(self) -> Path:
        """Where it is made."""
        return self.project.obj(self.pin, self.tree, self.flavor.name)

    @property
    def log(self) -> Path:
        """Where the output of configure and make is kept."""
        return self.project.logs(self.pin) / f"build-{self.tree}-{self.flavor.name}.log"


@contextlib.contextmanager
def _blamed_on_the_source() -> Iterator[None]:
    try:
        yield
    except proc.FailedError as error:
        raise NotBuiltError(error.what, fix=error.fix) from None


def configure(
    job: Job, source: Path, env: proc.Env, configured: dict[str, Any], wanted: dict[str, Any]
) -> None:
    """Run configure as *wanted* says; *configured* is what the directory was configured as."""
    differing = {key for key in wanted if configured.get(key) != wanted[key]}
    if configured and differing - {"prefix", "configure", "done", "makefile"}:
        # make does not know that the compiler or its flags changed: start over.
        for entry in job.objdir.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != ".cpatch-lock":
                entry.unlink()
    elif configured.get("makefile") != wanted.get("makefile"):
        # Nor does setup.py know it of a module's flags.
        shutil.rmtree(job.objdir / "build", ignore_errors=True)
    fixes.tell_makefile(job.objdir, job.pin)
    # Recorded as begun, so that whoever finds it knows what the objects around it were made with.
    records.write(job.objdir / records.CONFIGURED, wanted | {"done": False})
    if job.flavor.relative:
        source = Path(os.path.relpath(source, job.objdir))
    argv = [str(source / "configure"), *flavors.configure_arguments(job.flavor)]
    argv += [f"--prefix={wanted['prefix']}"] if wanted["prefix"] else []
    argv += [f"--with-build-python={job.helper}"] if job.helper else []
    home = job.objdir
    with _blamed_on_the_source():
        proc.step(f"configure {job.name}", argv, cwd=home, env=env, log=job.log, works_on=home)
    records.write(job.objdir / records.CONFIGURED, wanted)


def make(job: Job, source: apply.Tree, env: proc.Env) -> bool:
    """Run make; False when a source file changed meanwhile, so that objects may be too old."""
    # sys._git of the interpreter names the tree it was made from. The object that holds it is
    # rebuilt always, or a change in Lib alone would leave the old id in place.
    (job.objdir / "Modules" / "getbuildinfo.o").unlink(missing_ok=True)
    last = records.read(job.objdir / records.LAST) or {}
    given = job.flavor.profile
    if job.flavor.profiled and last.get("profiled") != source.tree_id:
        # A profile of other source would be applied to this one.
        for stamp in job.objdir.glob("profile-*-stamp"):
            stamp.unlink()
        if given:
            profiles.unpack(given, job.objdir, source.tree_id)
    headers = digest_of_headers(source.path)
    if last.get("headers") != headers:
        # setup.py, where there is one, knows Include/*.h alone, not what is below in cpython/ and
        # internal/: extension modules would keep the old macros. Since 3.12 make builds them, which
        # knows the headers, and these are links.
        for module in job.objdir.glob("build/lib*/*.so"):
            module.unlink()
    # An object begun before its source changed and finished after looks newer than that source.
    for path in _changed(source.path, last.get("started", 0.0), last.get("ended", 0.0)):
        path.touch()
    lines, total = 0, last.get("lines", 0)
    # Noted before make runs, so that an interrupted build keeps the profile it has taken.
    record: dict[str, Any] = {"lines": total, "profiled": source.tree_id, "headers": headers}
    records.write(job.objdir / records.LAST, record)
    # The moment as the file system tells it, whose clock ticks more coarsely than ours.
    record |= {"started": (job.objdir / records.LAST).stat().st_mtime, "ended": _NEVER}
    records.write(job.objdir / records.LAST, record)

    def progress(line: str) -> tuple[float, float | None] | None:
        nonlocal lines
        if " -c " not in line or ".c" not in line:
            return None
        lines += 1
        return lines, max(total, lines) if total else None

    argv = ["make", f"-j{job.jobs}", *identity(job.pin, job.tree, source.tree_id)]
    try:
        with _blamed_on_the_source():
            proc.step(
                f"make {job.name}",
                argv,
                cwd=job.objdir,
                env=env,
                log=job.log,
                progress=progress,
                works_on=job.objdir,
            )
        record["lines"] = max(lines, total)
    finally:
        record["ended"] = time.time()
        records.write(job.objdir / records.LAST, record)
    return not _changed(source.path, record["started"], record["ended"])


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


def wrap(python: Path, runner: Sequence[str]) -> None:
    """Put a script in the place of a program for another machine, which has *runner* run it."""
    found = shutil.which(runner[0])
    if found is None:
        raise CpatchError(
            f"{runner[0]} is not there, which runs {python}", fix="apt-get install -y qemu-user"
        )
    with python.open("rb") as stream:
        if stream.read(4) != b"\x7fELF":
            return
    program = python.with_name(f"{python.name}.elf")
    python.replace(program)
    # The program is told that it is called as the script is: it starts itself again by that name.
    line = f'exec {shlex.join([found, *runner[1:]])} -0 "$0" {shlex.quote(str(program))} "$@"'
    python.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    python.chmod(0o755)


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


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest_of_headers(source: Path) -> str:
    """Return what changes when a header of the source does."""
    found = hashlib.sha256()
    for path in sorted((source / "Include").rglob("*.h")):
        found.update(f"{path.relative_to(source)} {digest(path)}\n".encode())
    return found.hexdigest()
