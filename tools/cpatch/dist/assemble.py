"""One tarball, from the build to its hash, and the definition by which pyenv installs it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import console, files
from cpatch.base.errors import CpatchError
from cpatch.building import profiles
from cpatch.dist import archive, bundle, elf, manifest, relocate, sbom, staging
from cpatch.dist.bundle import Bundle
from cpatch.dist.staging import Stage, Wanted

#: Debian 12's. What needs a newer one does not start there.
NEWEST_GLIBC = (2, 36)

_DEFINITION = """\
# For pyenv: pyenv install PATH-OF-THIS-FILE
# The tarball is looked for beside this file, then at IMMORTAL_URL. Its hash is compared.
here=$(cd "$(dirname "$DEFINITION_PATH")" && pwd)
if [ -e "$here/{name}" ]; then
    # Where pyenv looks first. Of what it downloads with, some read no file of this machine.
    ln -s "$here/{name}" "$BUILD_PATH/{top}.tar.gz"
fi
install_package "{top}" "${{IMMORTAL_URL:-file://$here/{name}}}#{sha256}" copy
"""


@dataclass(frozen=True)
class Made:
    """A finished tarball, and what is to be said of it."""

    path: Path
    sha256: str
    definition: Path
    profile: Path | None
    stage: Stage
    bundled: Bundle
    glibc: elf.Version
    leaks: list[str]


def assemble(wanted: Wanted, *, any_glibc: bool = False) -> Made:
    """Build, stage and pack; CpatchError when the tree would not run where it has to.

    The caller is alone in ``staging.place``, and whole runs of one tarball follow each other.
    """
    top, name, definition_name = staging.names(wanted)
    made = staging.stage(wanted)
    with console.progress("take libraries along"):
        bundled = bundle.bundle(made)
    glibc = bundle.newest_glibc(made)
    if glibc > NEWEST_GLIBC and not any_glibc:
        raise CpatchError(
            "what is built here does not start on Debian 12",
            wanted=f"symbols of glibc {elf.shown(NEWEST_GLIBC)} at most",
            got=f"{elf.shown(glibc)}",
            fix="build on Debian 12 (docs/dist.md has a Containerfile), or ARGS=--any-glibc",
        )
    build = wanted.project.build
    relocate.relocate(made, build)
    staging.compile_library(made)
    staging.check_stage(made)
    leaks = relocate.leaks(made, build)
    path = wanted.project.build / "dist" / name
    profile = _profile(made, path.with_name(f"profile-{name}")) if wanted.flavor.profiled else None
    _papers(made, bundled, glibc, leaks, profile)
    with console.progress(f"pack {name}"):
        sha256 = archive.pack(made.home, top, path, wanted.pin.date)
    shutil.rmtree(made.root)
    files.write(path.with_name(f"{name}.sha256"), f"{sha256}  {name}\n")
    definition = path.with_name(definition_name)
    files.write(definition, _DEFINITION.format(top=top, name=name, sha256=sha256))
    return Made(path, sha256, definition, profile, made, bundled, glibc, leaks)


def _profile(made: Stage, to: Path) -> Path:
    """Pack the profile that the interpreter was made with, for who wants to make it again."""
    objdir = made.built.path.parent
    home = made.place / "profile"
    shutil.rmtree(home, ignore_errors=True)
    for each in objdir.rglob(f"*{profiles.SUFFIX}"):
        copy = home / each.relative_to(objdir)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(each, copy)
    if not home.exists():
        raise CpatchError(f"no profile is in {objdir}", fix=f"rm -r {objdir} && make dist")
    archive.pack(home, profiles.top(made.built.tree_id), to, made.wanted.pin.date)
    shutil.rmtree(home)
    return to


def _papers(
    made: Stage, bundled: Bundle, glibc: elf.Version, leaks: list[str], profile: Path | None
) -> None:
    made.papers.mkdir(parents=True)
    for each in bundled.libraries:
        if each.text is None:
            console.warn(f"the terms of {each.soname} ({each.licence}) are not on this host")
            continue
        to = made.papers / "licenses" / each.package
        to.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(each.text, to / "copyright")
    sbom.write(made, bundled, made.papers / "sbom.cdx.json")
    verify = made.wanted.project.root / "tools" / "dist" / "verify.py"
    shutil.copyfile(verify, made.papers / verify.name)
    manifest.write(made, manifest.describe(made, bundled, glibc, leaks, profile))
