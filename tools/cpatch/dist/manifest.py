"""What a tarball says of itself: from which sources, how, what it needs, the hash of each file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cpatch.dist import elf
from cpatch.dist.archive import digest
from cpatch.dist.bundle import Bundle
from cpatch.dist.staging import BUILD, Stage, flavor_of
from cpatch.series import parts, patchfiles

NAME = "manifest.json"


def describe(
    made: Stage, bundled: Bundle, glibc: elf.Version, leaks: list[str], profile: Path | None
) -> dict[str, Any]:
    """Return the manifest but for the files' hashes, ready to be written as JSON."""
    pin, built, wanted = made.wanted.pin, made.built, made.wanted
    listed = patchfiles.load_series(wanted.project, pin).parts
    fixes = pin.fixes
    own = {*flavor_of(wanted).env, "profile"}
    return {
        "schema": 1,
        "pin": {
            "branch": pin.branch,
            "version": pin.version,
            "tarball": pin.tarball,
            "sha256": pin.sha256,
            "tree": pin.tree,
        },
        "tree": {
            "name": wanted.tree,
            "id": built.tree_id,
            "commit": built.commit,
            "uncommitted": built.edits,
            "parts": list(parts.parts_of(listed, wanted.tree)),
        },
        "fixes": fixes
        and {
            "revision": fixes.revision,
            "archive": fixes.archive.name,
            "sha256": fixes.archive.sha256,
            "patches": list(fixes.patches),
        },
        "build": {
            "flavor": wanted.flavor.name,
            "shared": wanted.shared,
            "compiler": built.compiler,
            "settings": {
                key: value.replace(str(wanted.project.build), BUILD)
                for key, value in sorted(built.settings.items())
                if key not in own
            },
            "profile": profile and digest(profile),
            "date": pin.date,
            "files_with_build_path": leaks,
        },
        "needs": {"glibc": elf.shown(glibc)},
        "libraries": [
            {
                "name": each.soname,
                "file": each.file,
                "package": each.package,
                "version": each.version,
                "licence": each.licence,
            }
            for each in bundled.libraries
        ],
        "modules_left_out": bundled.left_out,
    }


def write(made: Stage, about: dict[str, Any]) -> Path:
    """Write the manifest into the tree, with the hash of each file that is there by then."""
    to = made.papers / NAME
    files = {
        str(path.relative_to(made.home)): f"-> {path.readlink()}"
        if path.is_symlink()
        else digest(path)
        for path in made.files()
        if path != to
    }
    to.write_text(json.dumps(about | {"files": files}, indent=1) + "\n", encoding="utf-8")
    return to
