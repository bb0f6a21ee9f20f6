"""Build an interpreter for a tarball, and install it below a directory of its own."""

from __future__ import annotations

import dataclasses
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import proc
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import build, check, flavors, make
from cpatch.building.flavors import Flavor
from cpatch.building.profiles import Profile
from cpatch.building.records import Built

#: What is built in as the prefix. It stands for the place of the tree in the files that name one,
#: and ``relocate`` turns it into a way to find that place.
PREFIX = "/relocatable/python"

#: Below the place where a tarball is made: what ``make install`` takes for the root.
_ROOT = "root"

#: Stands for the directory of the build wherever a file of the tree names it.
BUILD = "/build"

#: Below ``lib/pythonX.Y``: what only CPython's own tests need, and what names fixed places.
_NOT_SHIPPED = (
    "test",
    "*/test",
    "*/tests",
    "idlelib/idle_test",
    "lib-dynload/_test*.so",
    "lib-dynload/_ctypes_test*.so",
    "lib-dynload/_xx*.so",
    "lib-dynload/xx*.so",
    "config-*/libpython*.a",
    "../libpython*.a",
    "config-*/*.o",
    "_sysconfig_vars_*.json",
)

#: Programs that python:slim has without the number as well: what stands before and after it.
_SHORT = (("idle", ""), ("pip", ""), ("pydoc", ""), ("python", ""), ("python", "-config"))


@dataclass(frozen=True)
class Wanted:
    """Which interpreter goes into a tarball: a tree, a row of the flavors, ``libpython`` shared.

    ``profile`` is one that was taken before; None has a build that wants one take it.
    """

    project: Project
    pin: Pin
    tree: str
    flavor: Flavor
    shared: bool
    jobs: int
    profile: Profile | None = None


@dataclass(frozen=True)
class Stage:
    """An installed interpreter that is on its way into a tarball; ``home`` is the tree's top."""

    wanted: Wanted
    built: Built
    home: Path

    @property
    def place(self) -> Path:
        """The directory in which it is being made."""
        return place(self.wanted)

    @property
    def root(self) -> Path:
        """What is taken for the root of a system; the tree is below it."""
        return self.place / _ROOT

    @property
    def branch(self) -> str:
        """The two numbers that name the program and its library."""
        return ".".join(self.wanted.pin.version.split(".")[:2])

    @property
    def python(self) -> Path:
        """The program itself, no link to it."""
        return self.home / "bin" / f"python{self.branch}"

    @property
    def library(self) -> Path:
        """The standard library."""
        return self.home / "lib" / f"python{self.branch}"

    @property
    def papers(self) -> Path:
        """What the tree says of itself: manifest, bill of materials, licences."""
        return self.home / "share" / f"immortal-python{self.branch}"

    def files(self) -> Iterator[Path]:
        """Yield all that is no directory, sorted by path."""
        for path in sorted(self.home.rglob("*")):
            if path.is_symlink() or not path.is_dir():
                yield path


def names(wanted: Wanted) -> tuple[str, str, str]:
    """Return the name of the top directory, of the tarball, and of pyenv's definition."""
    tree = "immortal" if wanted.tree == "patched" else wanted.tree
    top = f"{tree}-python-{wanted.pin.version}"
    words = ["shared"] if wanted.shared else []
    words += [wanted.flavor.name] if wanted.flavor.name != "pgo" else []
    tarball = "-".join([top, platform.machine(), *words]) + ".tar.gz"
    return top, tarball, "-".join([tree, wanted.pin.version, *words])


def place(wanted: Wanted) -> Path:
    """Return the directory in which a tarball is made; one driver at a time works there."""
    return wanted.project.build / "dist" / "stage" / names(wanted)[1].removesuffix(".tar.gz")


def flavor_of(wanted: Wanted) -> Flavor:
    """Return the row that the interpreter is built by, in an object directory of its own.

    Times are the pin's, and no path of the source goes into it.
    """
    row = wanted.flavor
    env = {**row.env, "SOURCE_DATE_EPOCH": str(wanted.pin.date)}
    name, configure = f"{row.name}-dist", _unplaced(row.configure, wanted)
    if wanted.shared:
        name, configure = f"{name}-shared", (*configure, "--enable-shared")
        objdir = wanted.project.obj(wanted.pin, wanted.tree, name)
        env["LD_LIBRARY_PATH"] = str(objdir)  # for the program before it is installed
    new = dataclasses.replace(row, name=name, configure=configure, env=env, relative=True)
    return dataclasses.replace(new, profile=wanted.profile)


def _unplaced(configure: tuple[str, ...], wanted: Wanted) -> tuple[str, ...]:
    """Add what takes the source's path out of ``__FILE__``.

    setup.py, which builds the modules of some pins, names sources by whole paths. Messages
    then name Modules/x.c, without a path.
    """
    source = str(wanted.project.src(wanted.pin, wanted.tree))
    if len(source.split()) > 1:
        return configure  # it would be several words to make; the verb then warns of such files
    name, flag = "CFLAGS_NODIST=", f"-fmacro-prefix-map={source}/="
    others = [each for each in configure if not each.startswith(name)]
    words = [each.removeprefix(name) for each in configure if each.startswith(name)]
    return (*others, name + " ".join([*words, flag]))


def stage(wanted: Wanted) -> Stage:
    """Build, install below the place, and take out what is not shipped."""
    project, pin, tree = wanted.project, wanted.pin, wanted.tree
    flavor = flavor_of(wanted)
    built = build.ensure_built(project, pin, tree, flavor, jobs=wanted.jobs, prefix=PREFIX)
    made = Stage(wanted, built, project.make_dir(place(wanted)) / _ROOT / PREFIX.strip("/"))
    shutil.rmtree(made.root, ignore_errors=True)
    log = project.logs(pin) / f"dist-{tree}-{flavor.name}.log"
    log.unlink(missing_ok=True)
    environment = flavors.build_environment(flavor, os.environ)
    words = [f"DESTDIR={made.root}", "TEST_MODULES=no", *make.identity(pin, tree, built.tree_id)]
    proc.step(
        f"make install {tree} {flavor.name}",
        ["make", "install", *words],
        cwd=built.path.parent,
        works_on=built.path.parent,
        env=flavors.changes(environment, os.environ),
        log=log,
    )
    if not made.python.exists():
        raise CpatchError(f"make install left no {made.python}", fix=f"read the log: {log}")
    prune(made.library)
    for before, after in _SHORT:
        if (made.home / "bin" / f"{before}3{after}").exists():
            (made.home / "bin" / f"{before}{after}").symlink_to(f"{before}3{after}")
    return made


def prune(library: Path) -> None:
    """Take out of a standard library what is not shipped, and all bytecode."""
    for pattern in (*_NOT_SHIPPED, "**/__pycache__"):
        for path in sorted(library.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def compile_library(made: Stage) -> None:
    """Write bytecode that is not compared with its source and does not say where it was made."""
    env = flavors.clean_environment(os.environ) | {
        "PYTHONHASHSEED": "0",  # the order of constant sets
        "LD_LIBRARY_PATH": str(made.home / "lib"),
    }
    words = ["-q", "-f", "--invalidation-mode", "unchecked-hash", "-s", str(made.home)]
    proc.step(
        "compile the library",
        [made.python, "-m", "compileall", *words, "-p", PREFIX, made.library],
        cwd=Path("/"),
        env=flavors.changes(env, os.environ),
        log=made.wanted.project.logs(made.wanted.pin) / "dist-compile.log",
        works_on=made.place,
    )


def check_stage(made: Stage) -> None:
    """Run the program where it lies now; CpatchError names what differs from what was wanted."""
    wanted = made.wanted
    check.interpreter(
        *(made.python, wanted.pin, dataclasses.replace(flavor_of(wanted), env={})),
        *(wanted.tree, made.built.tree_id),
        fix=f"rm -r {made.home}, then make dist",
    )
