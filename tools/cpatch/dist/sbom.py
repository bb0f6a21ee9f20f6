"""The bill of materials of a tarball, as CycloneDX: what is in it, of which version and terms."""

from __future__ import annotations

import json
import platform
import uuid
from datetime import datetime, timezone
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from cpatch.base import proc
from cpatch.dist.archive import digest
from cpatch.dist.bundle import FOLDER, Bundle, Library
from cpatch.dist.staging import Stage

#: What CPython's own source holds of others, and how the finished interpreter tells the version.
_INSIDE = (
    ("libexpat", "MIT", "import pyexpat; print(pyexpat.EXPAT_VERSION.removeprefix('expat_'))"),
    ("mpdecimal", "BSD-2-Clause", "import _decimal; print(_decimal.__libmpdec_version__)"),
)


def write(made: Stage, bundled: Bundle, to: Path) -> None:
    """Write the bill of a stage, with the libraries taken along, to a file."""
    to.write_text(json.dumps(bill(made, bundled), indent=1) + "\n", encoding="utf-8")


def bill(made: Stage, bundled: Bundle) -> dict[str, Any]:
    """Return the bill; the same sources give the same bytes."""
    pin = made.wanted.pin
    date = datetime.fromtimestamp(pin.date, timezone.utc)
    top = {
        "type": "application",
        "bom-ref": "python",
        "name": "CPython",
        "version": f"{pin.version}+{made.wanted.tree}.{made.built.tree_id[:12]}",
        "cpe": f"cpe:2.3:a:python:python:{pin.version}:*:*:*:*:*:*:*",
        "licenses": [{"expression": "PSF-2.0"}],
        **({"pedigree": _pedigree(made)} if pin.fixes or made.wanted.tree != "stock" else {}),
    }
    installed = distributions(path=[str(made.library / "site-packages")])
    parts = [
        *(_library(each, made.library / FOLDER / each.file) for each in bundled.libraries),
        *(_inside(made, *row) for row in _INSIDE),
        *map(_package, sorted(installed, key=lambda each: each.name)),
    ]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, str([top, parts]))}",
        "version": 1,
        "metadata": {"timestamp": date.isoformat(), "component": top},
        "components": parts,
        "dependencies": [
            {"ref": "python", "dependsOn": [part["bom-ref"] for part in parts]},
            *({"ref": part["bom-ref"]} for part in parts),
        ],
    }


def _pedigree(made: Stage) -> dict[str, Any]:
    """Return what the interpreter is made from, with the distribution's fixes by name."""
    pin = made.wanted.pin
    ancestor = {
        "type": "application",
        "name": "CPython",
        "version": pin.version,
        "hashes": [{"alg": "SHA-256", "content": pin.sha256}],
    }
    notes = f"tree {made.built.tree_id}"
    if not pin.fixes:
        return {"ancestors": [ancestor], "notes": notes}
    patches = [
        {
            "type": "backport",
            "resolves": [{"type": "security" if "CVE" in name else "defect", "name": name}],
        }
        for name in pin.fixes.patches
    ]
    notes += f"; fixes of {pin.fixes.revision}"
    return {"ancestors": [ancestor], "patches": patches, "notes": notes}


def _library(each: Library, file: Path) -> dict[str, Any]:
    known = (
        {
            "purl": f"pkg:deb/{platform.freedesktop_os_release()['ID']}"
            f"/{each.package}@{each.version.replace('+', '%2B')}"
        }
        if each.package
        else {}
    )
    return {
        "type": "library",
        "bom-ref": each.soname,
        "name": each.package or each.soname,
        **({"version": each.version} if each.version else {}),
        "hashes": [{"alg": "SHA-256", "content": digest(file)}],
        "licenses": [{"expression": each.licence}],
        **known,
        "properties": [{"name": "file", "value": each.file}],
    }


def _inside(made: Stage, name: str, licence: str, question: str) -> dict[str, Any]:
    said = proc.run([made.python, "-I", "-c", question], cwd=Path("/")).stdout.strip()
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": said,
        "licenses": [{"expression": licence}],
    }


def _package(each: Distribution) -> dict[str, Any]:
    said = each.metadata
    terms = next((said[key] for key in ("License-Expression", "License") if key in said), "unknown")
    return {
        "type": "library",
        "bom-ref": f"pypi:{each.name}",
        "name": each.name,
        "version": each.version,
        "licenses": [{"license": {"name": terms}}],
        "purl": f"pkg:pypi/{each.name.lower()}@{each.version}",
    }
