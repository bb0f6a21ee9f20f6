"""Ask a finished interpreter whether it is what was meant to be built."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import proc
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.building import flavors
from cpatch.building.flavors import Flavor
from cpatch.building.host import PROBES
from cpatch.series import fixes

#: How much of a tree's id the interpreter carries in ``sys._git``.
ID_LENGTH = 12

# Extension modules whose library doctor has seen. A build drops what it cannot compile and
# succeeds all the same, so each is imported that this CPython's library has.
MODULES = (*(probe.module for probe in PROBES), "hashlib", "_decimal", "_elementtree", "select")

_LOOP = re.compile(r"^[0-9a-f]+ ([0-9a-f]+) [Tt] _PyEval_EvalFrameDefault(|\.cold)$", re.M)

_QUESTIONS = """\
import importlib, json, sys, sysconfig
missing = {}
for name in sys.argv[1:]:
    if name not in sys.stdlib_module_names:
        continue
    try:
        importlib.import_module(name)
    except ImportError as error:
        missing[name] = str(error)
print(json.dumps({
    "version": sys.version.split()[0],
    "git": sys._git[2],
    "debug": hasattr(sys, "gettotalrefcount"),
    "fixes": sysconfig.get_config_var("SOURCE_FIXES") or "",
    "config_args": sysconfig.get_config_var("CONFIG_ARGS") or "",
    "missing": missing,
}))
"""


@dataclass(frozen=True)
class Answers:
    """What the interpreter said of itself."""

    version: str
    git: str
    debug: bool
    config_args: str
    missing: dict[str, str]
    fixes: str = ""


def ask(python: Path, flavor: Flavor) -> Answers:
    """Run *python* and return its answers; CpatchError when it does not run or makes no sense."""
    env = flavors.changes(flavors.clean_environment(os.environ) | dict(flavor.env), os.environ)
    argv: list[str | Path] = [python, "-I", "-c", _QUESTIONS, *MODULES]
    done = proc.run(argv, cwd=Path("/"), env=env, check=False)
    try:
        return Answers(**json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, TypeError, IndexError):
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
        raise CpatchError(
            f"the interpreter {python} does not run",
            got="\n".join(said) or f"exit code {done.returncode}, no output",
        ) from None


def interpreter(
    python: Path, pin: Pin, flavor: Flavor, tree: str, tree_id: str, fix: str | None = None
) -> Answers:
    """Check version, flavor, tree id and modules of *python*; CpatchError names what differs."""
    said = ask(python, flavor)
    wanted = {
        "version": (pin.version, said.version),
        f"{tree} tree id": (tree_id[:ID_LENGTH], said.git),
        "list of fixes": (fixes.names(pin), said.fixes),
        "debug build": (str(flavor.pydebug), str(said.debug)),
    }
    fix = fix or f"rm -r {python.parent} && make"
    for what, (right, got) in wanted.items():
        if right != got:
            raise CpatchError(
                f"the interpreter {python} has the wrong {what}", wanted=right, got=got, fix=fix
            )
    if flavor.config_word not in said.config_args:
        raise CpatchError(
            f"the interpreter {python} was not configured as {flavor.name}",
            wanted=flavor.config_word,
            got=said.config_args,
            fix=fix,
        )
    if said.missing and not flavor.bare:
        raise CpatchError(
            f"the interpreter {python} lacks modules: {', '.join(said.missing)}",
            got="\n".join(f"{name}: {why}" for name, why in said.missing.items()),
            fix="make doctor; then " + fix,
        )
    return said


def cold_loop(python: Path) -> str | None:
    """Say it when more of the interpreter loop is in the cold section than out of it.

    Compilers split a function by its profile. GCC 12 has lost the loop's (docs/tried.md): the build
    works, and its loop is optimized for size. None also when ``nm`` cannot tell.
    """
    try:
        done = proc.run(["nm", "-S", python], cwd=Path("/"), check=False)
    except CpatchError:
        return None
    sizes = {name: int(size, 16) for size, name in _LOOP.findall(done.stdout)}
    hot, cold = sizes.get("", 0), sizes.get(".cold", 0)
    if cold <= hot:
        return None
    return (
        f"{cold} of {hot + cold} bytes of the interpreter loop of {python} are in the cold "
        "section: the compiler lost its profile, so its speed means little"
    )


def summary(flavor: Flavor) -> str:
    """Return what ``interpreter`` verified, for people."""
    return f"it runs, is {flavor.name}, carries that tree id, imports {', '.join(MODULES)}"
