"""install: put a built interpreter under a prefix and run it there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError

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
