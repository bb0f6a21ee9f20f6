"""The source of the package: the folder ``wheel``, and copies of the files that it shares."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project

#: In the repository: the package without what it shares with the patched interpreter.
FOLDER = "wheel"
#: In that folder: what it shares, a pattern and a folder below ``SHARED`` in each line.
LIST = "shared-files"
SHARED = "shared"
#: What is in the folder for the repository only.
_OWN = shutil.ignore_patterns("__pycache__", LIST)


@dataclass(frozen=True)
class Copy:
    """A file of the repository, and its place below ``shared``."""

    source: Path
    place: Path


def shared_files(project: Project, pin: Pin) -> Iterator[Copy]:
    """Yield what the list names, in its order; CpatchError for a line that names nothing."""
    path = project.root / FOLDER / LIST
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        where = f"{FOLDER}/{LIST}:{number}"
        if len(words) != 2:
            raise CpatchError(
                f"{where}: a pattern and a folder were expected", wanted="FILE FOLDER", got=line
            )
        pattern = words[0].replace("{pin}", pin.branch)
        found = sorted(project.root.glob(pattern))
        if not found:
            raise CpatchError(
                f"{where}: there is no {pattern}",
                wanted="files that the extension shares with the patched interpreter",
                fix=f"mend {FOLDER}/{LIST}",
            )
        for source in found:
            yield Copy(source, Path(words[1]) / source.name)


def is_for(project: Project, pin: Pin) -> bool:
    """Tell whether there is an extension for a pin: whether all is there that it shares."""
    if not (project.root / FOLDER / LIST).is_file():
        return False
    try:
        return bool(list(shared_files(project, pin)))
    except CpatchError:
        return False


def check(project: Project, pin: Pin) -> None:
    """Raise CpatchError where there is no extension for a pin; it says which pins have one."""
    if not (project.root / FOLDER / LIST).is_file():
        raise CpatchError(f"no {FOLDER}/{LIST} in this repository")
    try:
        list(shared_files(project, pin))
    except CpatchError as error:
        able = [each.branch for each in load_pins(project).table.values() if is_for(project, each)]
        if not able:
            raise
        raise CpatchError(
            f"the wheel is for {' and '.join(able)} only",
            wanted=f"PIN={' or PIN='.join(able)}",
            got=f"{pin.branch}; {error.what}",
            fix=f"make wheel PIN={able[0]}",
            code=USAGE,
        ) from error


def stage(project: Project, pin: Pin, target: Path) -> Path:
    """Write the whole source to *target*, a directory of ours, anew, and return it."""
    copies = list(shared_files(project, pin))
    shutil.rmtree(target, ignore_errors=True)
    project.make_dir(target.parent)
    shutil.copytree(project.root / FOLDER, target, ignore=_OWN)
    shutil.copyfile(project.root / "LICENSE", target / "LICENSE")
    for copy in copies:
        place = target / SHARED / copy.place
        if place.exists():
            raise CpatchError(f"{FOLDER}/{LIST} puts two files at {copy.place}")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy.source, place)
    return target
