"""The interpreters compared: which they are, what they were made from, and that this is fair.

What is measured is an installed copy, as users run it, and not the build directory: there the
interpreter looks for its own sources at every start. All copies and their environments lie at
paths of the same length, because the length of a path moves the stack and with it the timings.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cpatch.base import console, proc
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import build, check, flavors, make, records
from cpatch.building.check import ID_LENGTH
from cpatch.building.flavors import Flavor

# Words of the compiler flags that name a place or a file and decide nothing about the code.
_PLACES = ("-I", "--prefix=", "--exec-prefix=", "-fprofile-dir=", "-ffile-prefix-map=")

_QUESTIONS = """\
import json, platform, sys, sysconfig
names = ("CC", "CONFIG_ARGS", "PY_CFLAGS", "PY_CFLAGS_NODIST", "PY_LDFLAGS_NODIST", "PROFILE_TASK")
print(json.dumps({
    "version": platform.python_version(),
    "git": list(sys._git),
    "compiler": platform.python_compiler(),
    "flags": {name: str(sysconfig.get_config_var(name) or "") for name in names},
    "installed": not sysconfig.is_python_build(),
}))
"""


@dataclass(frozen=True)
class Side:
    """One interpreter and what it was made from.

    ``tree_id`` is git's id of the source tree, or as much of it as the interpreter carries;
    'unknown' when it was built from no repository. ``binary`` begins the SHA-256 of the
    executable, so that two builds of one tree are told apart. ``edits`` names uncommitted edits,
    '' for none.
    """

    name: str
    python: str
    version: str
    tree_id: str
    binary: str
    compiler: str
    flags: dict[str, str]
    edits: str = ""
    commit: str = ""
    installed: bool = True

    @property
    def made_from(self) -> dict[str, Any]:
        """All but the place: equal for what is the same build on the same machine."""
        return {key: value for key, value in asdict(self).items() if key != "python"}


@dataclass(frozen=True)
class Role:
    """A side in a part: what runs, and the environment variables it runs with."""

    name: str
    side: Side
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def stamp(self) -> dict[str, str]:
        """What every run carries in its metadata, so that the report knows whose it is."""
        return {"role": self.name, "tree_id": self.side.tree_id, "binary": self.side.binary}


def flavor_of(flags: Mapping[str, str]) -> str:
    """Return the flavor that a side with these flags was configured for: pgo, debug or release."""
    arguments = flags.get("CONFIG_ARGS", "")
    if "--enable-optimizations" in arguments:
        return "pgo"
    return "debug" if "--with-pydebug" in arguments else "release"


#: The role that runs the patched interpreter with its heap left mortal.
OFF = "off"


def roles(sides: Sequence[Side], *, off: bool) -> list[Role]:
    """Return who is measured: each side under its name, and with *off* patched once more."""
    found = [Role(side.name, side) for side in sides]
    if off:
        env = {"PYTHONIMMORTALHEAP": "0"}
        found += [Role(OFF, side, env) for side in sides if side.name == "patched"]
    return found


def side_of(role: str) -> str:
    """Return the name of the side that a role runs."""
    return "patched" if role == OFF else role


def ask(name: str, python: Path, built: records.Built | None = None) -> Side:
    """Return what *python* says of itself; CpatchError when it does not run."""
    done = proc.run([python, "-I", "-c", _QUESTIONS], cwd=Path("/"), env=clean(), check=False)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise CpatchError(
            f"{name}: {python} is no CPython that runs",
            got=(done.stderr or done.stdout).strip()[-500:] or f"exit code {done.returncode}",
            fix="make build; S=$(make -s which TREE=stock)",
            code=USAGE,
        ) from None
    return Side(
        name=name,
        python=str(python),
        version=said["version"],
        tree_id=built.tree_id if built else said["git"][2] or "unknown",
        commit=built.commit if built else "",
        edits=built.edits if built else "dirty" if "dirty" in said["git"][1] else "",
        binary=digest_of(python),
        compiler=said["compiler"],
        flags={key: _code_flags(value) for key, value in said["flags"].items()},
        installed=said["installed"],
    )


def digest_of(python: Path, *more: str) -> str:
    """Return what tells an executable from all others: the start of its content's SHA-256."""
    digest = hashlib.sha256(python.read_bytes())
    for text in more:
        digest.update(text.encode())
    return digest.hexdigest()[:ID_LENGTH]


def _code_flags(text: str) -> str:
    words = [word for word in text.split() if not word.strip("'\"").startswith(_PLACES)]
    while words and flavors.is_launcher(words[0]):
        del words[0]
    return " ".join(words)


def check_same(stock: Side, other: Side) -> None:
    """Raise CpatchError (usage) when the two differ in more than their source."""
    differing = differences(asdict(stock), asdict(other))
    if differing:
        raise CpatchError(
            f"stock and {other.name} were not built alike: " + ", ".join(differing),
            wanted="\n".join(f"stock: {key} {row[0]}" for key, row in differing.items()),
            got="\n".join(f"{other.name}: {key} {row[1]}" for key, row in differing.items()),
            fix="make bench without --stock-python and --patched-python builds both alike",
            code=USAGE,
        )


def differences(stock: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return what differs between two recorded sides and must not: what -> (stock, other)."""
    rows = {
        f"flags {key}": (value, other["flags"].get(key, ""))
        for key, value in stock["flags"].items()
    }
    rows |= {key: (stock[key], other[key]) for key in ("version", "compiler", "installed")}
    return {key: (str(one), str(two)) for key, (one, two) in rows.items() if one != two}


def clean() -> dict[str, str | None]:
    """Return the changes that take Python's own variables out of the environment."""
    return flavors.changes(flavors.clean_environment(os.environ), os.environ)


def pair(
    project: Project,
    pin: Pin,
    flavor: str,
    stock_python: str | None,
    patched_python: str | None,
    *,
    jobs: int,
) -> tuple[str, Side, Side]:
    """Return the flavor and the two sides: those built elsewhere, or built here in *flavor*.

    Raises CpatchError (usage) for one interpreter without the other, and for two that differ in
    more than their source, and warns of an interpreter loop without its profile. Of interpreters
    built elsewhere, the flavor is called "given".
    """
    if bool(stock_python) != bool(patched_python):
        raise CpatchError(
            "--stock-python and --patched-python go together",
            fix="give both, or neither to build both here",
            code=USAGE,
        )
    if stock_python and patched_python:
        flavor = "given"
        stock = ask("stock", Path(stock_python).absolute())
        patched = ask("patched", Path(patched_python).absolute())
    else:
        row = flavors.get(flavor)
        stock = prepare(project, pin, "stock", row, jobs=jobs)
        patched = prepare(project, pin, "patched", row, jobs=jobs)
    _check(stock, (stock, patched))
    return flavor, stock, patched


def several(
    project: Project, pin: Pin, flavor: str, trees: Sequence[str], *, jobs: int
) -> list[Side]:
    """Build stock and *trees* in *flavor* and return them as sides, stock first.

    CpatchError (usage) for one that differs from stock in more than its source.
    """
    row = flavors.get(flavor)
    found = [prepare(project, pin, tree, row, jobs=jobs) for tree in ("stock", *trees)]
    _check(found[0], found)
    return found


def _check(stock: Side, sides: Sequence[Side]) -> None:
    for side in sides:
        check_same(stock, side)
    for side in sides:
        if cold := check.cold_loop(Path(side.python)):
            console.warn(cold)


def prepare(project: Project, pin: Pin, tree: str, flavor: Flavor, *, jobs: int) -> Side:
    """Build *tree* when it has to be, install a copy for measuring, and return it."""
    built = build.ensure_built(project, pin, tree, flavor, jobs=jobs)
    python = _installed(project, pin, tree, flavor, built)
    return ask(tree, python, built)


def _installed(project: Project, pin: Pin, tree: str, flavor: Flavor, built: records.Built) -> Path:
    short = "python" + ".".join(pin.version.split(".")[:2])
    key = digest_of(built.path, built.edits, built.tree_id)
    home = project.make_dir(project.bench(pin) / "inst") / key
    python = home / "bin" / short
    if python.exists():
        return python
    staged = home.with_name(f"{key}.new")
    shutil.rmtree(staged, ignore_errors=True)
    log = project.make_dir(project.logs(pin)) / f"bench-install-{tree}-{flavor.name}.log"
    log.unlink(missing_ok=True)
    argv = ["make", "altinstall", f"DESTDIR={staged}", "ENSUREPIP=no"]
    proc.step(
        f"install {tree} {flavor.name} for measuring",
        [*argv, *make.identity(pin, tree, built.tree_id)],
        cwd=built.path.parent,
        works_on=built.path.parent,
        env=flavors.changes(flavors.build_environment(flavor, os.environ), os.environ),
        log=log,
    )
    found = next(staged.rglob(f"bin/{short}"), None)
    if found is None:
        raise CpatchError(f"make altinstall left no bin/{short}", fix=f"read the log: {log}")
    # Out of the prefix it was configured for, whose length differs from user to user and may
    # differ between the two trees; an interpreter finds its library beside itself.
    found.parents[1].rename(home)
    shutil.rmtree(staged)
    return python
