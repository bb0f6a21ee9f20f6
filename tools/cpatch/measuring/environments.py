"""Environments with real packages: one for each interpreter and set of requirements."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import files, proc
from cpatch.base.errors import CpatchError
from cpatch.measuring import interpreters
from cpatch.measuring.interpreters import Side

RECORD = "packages.json"


@dataclass(frozen=True)
class Venv:
    """An environment: its interpreter, and what is installed as ``name==version``."""

    python: Path
    packages: list[str]


def ensure(
    side: Side,
    requirements: Path,
    home: Path,
    log: Path,
    *,
    compiled: tuple[str, ...] = (),
    wheel: Path | None = None,
) -> Venv:
    """Return *side*'s environment with *requirements*, made below *home* when it is not there.

    Wheels are shared by the interpreters compared, but not those of the *compiled* packages, which
    link the interpreter that they were compiled for: uWSGI is a program with one inside. *wheel*
    is the file of one more package, which is not named among the environment's.
    """
    python = Path(side.python)
    text = requirements.read_text(encoding="utf-8")
    given = interpreters.digest_of(wheel) if wheel else ""
    root = home / "venv" / interpreters.digest_of(python, side.python, text, given)
    record = root / RECORD
    if record.exists():
        return Venv(root / "bin" / "python", json.loads(record.read_text(encoding="utf-8")))
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    title = f"environment of {requirements.parent.name} for {side.name}"
    clean = interpreters.clean()
    proc.run([python, "-m", "venv", root], cwd=home, env=clean, log=log)
    cache = home / "pip" / (interpreters.digest_of(python) if compiled else "shared")
    argv: list[str | Path] = [root / "bin" / "python", "-m", "pip", "install"]
    argv.append("--disable-pip-version-check")
    for name in compiled:
        argv += ["--no-binary", name]
    seen = 0

    def progress(line: str) -> tuple[float, float | None] | None:
        nonlocal seen
        seen += line.startswith(("Collecting", "Installing", "Successfully"))
        return seen, None

    proc.step(
        title,
        [*argv, "-r", requirements, *([wheel] if wheel else [])],
        cwd=home,
        env={**clean, "PIP_CACHE_DIR": str(cache), **build_variables(python)},
        log=log,
        progress=progress,
    )
    listing = ["-m", "pip", "freeze", "--disable-pip-version-check", "--exclude", "immortal-heap"]
    done = proc.run(
        [root / "bin" / "python", *listing],
        cwd=home,
        env=clean,
    )
    packages = done.stdout.split("\n")[:-1]
    files.write(record, json.dumps(packages, indent=1) + "\n")
    return Venv(root / "bin" / "python", packages)


def build_variables(python: Path) -> dict[str, str | None]:
    """Return what a compiler must be told: the interpreter lies elsewhere than configured."""
    include = next(python.parents[1].glob("include/python3*"), None)
    library = next(python.parents[1].glob("lib/python3*/config-*"), None)
    if include is None or library is None:
        return {}  # given from elsewhere; then it knows itself where its headers are
    return {"CFLAGS": f"-I{include}", "LDFLAGS": f"-L{library}"}


def check_same(found: dict[str, Venv]) -> None:
    """Raise CpatchError when the environments compared do not hold the same packages."""
    first, *others = found.values()
    for other in others:
        if other.packages != first.packages:
            raise CpatchError(
                "the environments hold different packages",
                wanted="\n".join(first.packages),
                got="\n".join(other.packages),
                fix=f"rm -r {first.python.parents[1]} {other.python.parents[1]}",
            )
