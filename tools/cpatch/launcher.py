"""A compiler launcher (ccache, distcc, sccache, ...) that configure never gets to see.

CPython's configure asks ``"$CC" -v --help`` for -fwrapv, with the quotes: where CC is two words, as in
``CC="ccache gcc"``, that command does not exist and the flag is left out of the build. CC would
also name the launcher in ``sysconfig``, so that extensions built with the finished interpreter
wanted it. So CC names the compiler alone, and a script of that name stands first on PATH.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from cpatch import console, flavors
from cpatch.project import Project


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
    home = project.make_dir(project.build / "launcher" / Path(launcher[0]).name)
    first = f"{home}{os.pathsep}"
    # The launcher looks for the compiler on PATH itself, and must not find this script again.
    line = f'PATH=${{PATH#{shlex.quote(first)}}} exec {shlex.join([*launcher, name])} "$@"'
    script = home / name
    text = f"#!/bin/sh\n# Stands in for {name} while an interpreter is built.\n{line}\n"
    if not script.is_file() or script.read_text(encoding="utf-8") != text:
        fresh = script.with_name(name + ".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o755)
        fresh.replace(script)
    return first + environ.get("PATH", os.defpath)
