"""A compiler launcher (ccache, distcc, sccache, ...) that configure never gets to see.

CPython's configure asks ``"$CC" -v --help`` for -fwrapv, with the quotes: where CC is two words,
as in ``CC="ccache gcc"``, that command does not exist and the flag is left out of the build. CC
would also name the launcher in ``sysconfig``, so that extensions built with the finished
interpreter wanted it. So CC names the compiler alone, and a script of that name stands first on
PATH.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from cpatch.base import console
from cpatch.base.project import Project
from cpatch.building import flavors


def search_path(project: Project, environ: Mapping[str, str]) -> str | None:
    """Return a PATH on which the compiler's name means launcher and compiler.

    None when no launcher was asked for, or when CC is a path rather than a name: nothing on PATH
    can stand in for that, and it is run without the launcher.
    """
    command = flavors.compiler_command(environ)
    name = flavors.bare_compiler(command)
    launcher = command[: command.index(name)]
    if not launcher:
        return None
    if os.sep in name:
        console.note(f"{name} is a path: compiling without {shlex.join(launcher)}")
        return None
    compiler = _compiler(name, environ.get("PATH", os.defpath))
    if compiler is None:
        return None  # doctor has said so, or configure will
    home = project.make_dir(project.build / "launcher" / Path(launcher[0]).name)
    # By its path: looked for by name, it could be this script again, wherever on PATH that is.
    line = f'exec {shlex.join([*launcher, compiler])} "$@"'
    script = home / name
    text = f"#!/bin/sh\n# Stands in for {name} while an interpreter is built.\n{line}\n"
    if not script.is_file() or script.read_text(encoding="utf-8") != text:
        fresh = script.with_name(name + ".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o755)
        fresh.replace(script)
    return f"{home}{os.pathsep}" + environ.get("PATH", os.defpath)


def _compiler(name: str, path: str) -> str | None:
    """Find *name* on *path*, but no link to a launcher (/usr/lib/ccache): it looks again."""
    for directory in path.split(os.pathsep):
        found = shutil.which(name, path=directory)
        if found and not flavors.is_launcher(os.path.realpath(found)):
            return found
    return None
