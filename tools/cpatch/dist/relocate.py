"""Turn the files that name the prefix into files that find it.

The interpreter itself needs nothing: it looks for its library from where the program lies.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.dist.staging import BUILD, PREFIX, Stage

_BACK = "../../.."  # from a file of lib/pythonX.Y/config-… to the top

#: A shell starts the program beside the script, wherever both are; to Python it is a string.
_SHEBANG = """\
#!/bin/sh
'''exec' "$(dirname -- "$(readlink -f -- "$0")")/{program}" "$0" "$@"
' '''
"""

_CONFIG = f"""

# This tree can be moved: what begins with its place begins with where this file is now.
_home = __file__.rsplit("/", 3)[0]
build_time_vars = {{
    name: value.replace("{PREFIX}", _home) if isinstance(value, str) else value
    for name, value in build_time_vars.items()
}}
"""


def check(build: Path) -> None:
    """Raise CpatchError for a directory of the build that cannot be told from other paths.

    ``/build``, for one, which stands for any such directory, is in the names of pip's files, too.
    """
    if len(build.parts) < 3:
        raise CpatchError(
            "the directory of the build has too short a name to be found in files",
            wanted="a directory that is not directly below /",
            got=str(build),
            fix="make dist CPATCH_BUILD=/var/tmp/cpatch",
            code=USAGE,
        )


def relocate(made: Stage, build: Path) -> None:
    """Rewrite the text files of a stage; *build* is the directory that must not be named in it."""
    changed = []
    for path in made.files():
        if path.is_symlink():
            continue
        data = path.read_bytes()
        if b"\0" in data[:4096]:
            continue
        new = data.replace(os.fsencode(build), BUILD.encode())
        if PREFIX.encode() in new:
            new = rewrite(path, new.decode("utf-8", "surrogateescape"), made.branch).encode(
                "utf-8", "surrogateescape"
            )
        if new != data:
            path.write_bytes(new)
            changed.append(path)
    record(made, changed)


def rewrite(path: Path, text: str, branch: str) -> str:
    """Return a text file's content that finds the prefix; *path* tells what kind of file it is."""
    if text.startswith(f"#!{PREFIX}/bin/"):
        text = _SHEBANG.format(program=f"python{branch}") + text.partition("\n")[2]
    if path.name.startswith("_sysconfigdata_"):
        return text + _CONFIG
    if path.suffix == ".pc":
        return text.replace(f"prefix={PREFIX}", "prefix=${pcfiledir}/../..", 1).replace(
            PREFIX, "${prefix}"
        )
    if path.name == "Makefile":
        here = f"$(abspath $(dir $(lastword $(MAKEFILE_LIST)))/{_BACK})"
        lines = text.splitlines(keepends=True)
        found = [line.partition("\t")[0].replace(" ", "") == "prefix=" for line in lines]
        at = found.index(True)
        return "".join(
            f"prefix:=\t{here}\n" if number == at else line.replace(PREFIX, "$(prefix)")
            for number, line in enumerate(lines)
        )
    if path.name == "build-details.json":
        return json.dumps(relative(json.loads(text)), indent=2) + "\n"
    return text


def relative(value: object, key: str = "") -> object:
    """Return a value of build-details.json with paths as PEP 739 has them for a tree that moves."""
    if isinstance(value, dict):
        return {name: relative(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [relative(inner) for inner in value]
    if key == "base_prefix":
        return "../.."
    if isinstance(value, str) and value.startswith(PREFIX + "/"):
        return "." + value[len(PREFIX) :]
    return value


def record(made: Stage, changed: Iterable[Path]) -> None:
    """Tell the RECORD of installed packages what their changed files are now."""
    now = {path.resolve(): path.read_bytes() for path in changed}
    for listing in sorted(made.library.glob("site-packages/*.dist-info/RECORD")):
        rows = list(csv.reader(io.StringIO(listing.read_text(encoding="utf-8"))))
        for row in rows:
            data = now.get((listing.parents[1] / row[0]).resolve())
            if data is not None and row[1]:
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
                row[1:] = [f"sha256={digest.decode()}", str(len(data))]
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        listing.write_text(out.getvalue(), encoding="utf-8")


def leaks(made: Stage, build: Path) -> list[str]:
    """Return the files that say where they were built, as paths in the tree."""
    word = os.fsencode(build)
    return [
        str(path.relative_to(made.home))
        for path in made.files()
        if not path.is_symlink() and word in path.read_bytes()
    ]
