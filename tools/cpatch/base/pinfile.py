"""The pin file, ``patches/upstream.toml``: read, checked, and every complaint explained."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Archive, Fixes, Pin, Pins, suggest
from cpatch.base.project import Project

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Key -> the type TOML must give it. Those in ``_OPTIONAL`` may be absent.
_KEYS: dict[str, type] = {
    "version": str,
    "tarball": str,
    "size": int,
    "sha256": str,
    "urls": list,
    "debian_pool": str,
    "series": str,
    "date": int,
    "tree": str,
    "unfinished": bool,
    "fixes": dict,
}
_OPTIONAL: dict[str, Any] = {"tree": "", "debian_pool": "", "unfinished": False, "fixes": None}
_FIXES_KEYS: dict[str, type] = {
    "revision": str,
    "archive": str,
    "size": int,
    "sha256": str,
    "urls": list,
    "debian_pool": str,
    "folder": str,
    "patches": list,
    "makefile": list,
}
_FIXES_OPTIONAL: dict[str, Any] = {"urls": [], "debian_pool": "", "makefile": []}
_TYPE_NAMES = {
    str: "a string",
    int: "an integer",
    bool: "true or false",
    list: "a list of strings",
    dict: "a table",
}
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
# Both become words of a makefile; the revision goes into sys.version, which holds 80 characters.
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{,19}\Z")
_FIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*=[^#\\\n]*\Z")


def load_pins(project: Project) -> Pins:
    """Read the pin file. Every complaint names the file, table and key, and what to write."""
    path, shown = project.pins_file, project.show(project.pins_file)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise CpatchError(
            f"{shown} is missing", fix=f"git checkout -- {shown}", code=USAGE
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise CpatchError(
            f"{shown} is not valid TOML: {exc}",
            fix=f"edit {shown}, then make status",
            code=USAGE,
        ) from exc

    tables = {key: value for key, value in data.items() if isinstance(value, dict)}
    for key in data:
        if key != "default" and key not in tables:
            raise _bad(shown, key, "unknown key", suggest(key, ["default"]))
    default = data.get("default")
    if not isinstance(default, str):
        raise _bad(shown, "default", "must be a string naming one of the tables", None)
    if default not in tables:
        raise _bad(
            shown,
            "default",
            f"names {default!r}, but the tables are {', '.join(tables) or 'none'}",
            suggest(default, tables),
        )
    table = {branch: _pin(shown, branch, values) for branch, values in tables.items()}
    return Pins(default=default, table=table, file=shown)


def _pin(shown: str, branch: str, values: dict[str, Any]) -> Pin:
    if not _BRANCH.match(branch):
        raise _bad(shown, branch, "is no usable branch name", None)
    _check_types(shown, branch, values, _KEYS, _OPTIONAL)
    return _fill(shown, branch, {**_OPTIONAL, **values})


def _check_types(
    shown: str,
    table: str,
    values: Mapping[str, Any],
    keys: Mapping[str, type],
    optional: Mapping[str, Any],
) -> None:
    """Raise CpatchError for a key of a table that is unknown, missing, or of the wrong type."""
    for key in values:
        if key not in keys:
            raise _bad(shown, f"{table}.{key}", "unknown key", suggest(key, keys))
    for key, kind in keys.items():
        where = f"{table}.{key}"
        if key not in values:
            if key in optional:
                continue
            raise _bad(shown, where, "missing key", f"add {key} = … ({_TYPE_NAMES[kind]})")
        value = values[key]
        wrong_item = kind is list and any(not isinstance(item, str) for item in _items(value))
        # bool is a subclass of int, yet `size = true` is certainly a mistake.
        wrong_bool = isinstance(value, bool) and kind is not bool
        if not isinstance(value, kind) or wrong_bool or wrong_item:
            raise CpatchError(
                f"{shown}: {where} has the wrong type",
                wanted=_TYPE_NAMES[kind],
                got=repr(value),
                fix=f"edit {shown}, then make status",
                code=USAGE,
            )


def _fill(shown: str, branch: str, values: dict[str, Any]) -> Pin:
    known = {"version": values["version"], "branch": branch}

    def fill(key: str, text: str) -> str:
        try:
            return text.format(**known)
        except (KeyError, IndexError, ValueError) as exc:
            raise _bad(
                shown,
                f"{branch}.{key}",
                f"cannot fill in {text!r}: {exc}",
                f"use only {', '.join('{' + name + '}' for name in known)}",
            ) from exc

    known["tarball"] = fill("tarball", values["tarball"])
    for key in ("tarball", "series"):
        if "/" in fill(key, values[key]):
            raise _bad(shown, f"{branch}.{key}", "must be a file name, not a path", None)
    _check_bytes(shown, branch, values, "tarball")
    if values["tree"] and not re.fullmatch(r"[0-9a-f]{40}", values["tree"]):
        raise _bad(shown, f"{branch}.tree", "must be 40 lower-case hex digits", None)
    ready = {
        **values,
        "branch": branch,
        "tarball": known["tarball"],
        "urls": tuple(fill("urls", url) for url in values["urls"]),
        "debian_pool": fill("debian_pool", values["debian_pool"]),
        "series": fill("series", values["series"]),
        "fixes": _fixes(shown, branch, values["fixes"]),
    }
    return Pin(**{f.name: ready[f.name] for f in fields(Pin)})


def _fixes(shown: str, branch: str, values: Mapping[str, Any] | None) -> Fixes | None:
    """Return the table of fixes; None when there is none, or when it takes no patch.

    Its names are written out: it stays as it is while ``bump`` moves the pin's version.
    """
    if values is None:
        return None
    where = f"{branch}.fixes"
    _check_types(shown, where, values, _FIXES_KEYS, _FIXES_OPTIONAL)
    values = {**_FIXES_OPTIONAL, **values}
    _check_bytes(shown, where, values, "archive")
    if not _REVISION.match(values["revision"]):
        raise _bad(shown, f"{where}.revision", "must be a short word, as 1.2-3+four5", None)
    if "/" in values["archive"]:
        raise _bad(shown, f"{where}.archive", "must be a file name, not a path", None)
    names = values["patches"]
    for name in names:
        if not _FIX.match(name) or names.count(name) > 1:
            why = "is listed twice" if _FIX.match(name) else "is no file name of a patch"
            raise _bad(shown, f"{where}.patches", f"{name!r} {why}", None)
    archive = Archive(
        values["archive"],
        values["size"],
        values["sha256"],
        tuple(values["urls"]),
        values["debian_pool"],
        where=where,
        option="--fixes",
    )
    settings = tuple(values["makefile"])
    for setting in settings:
        if not _SETTING.match(setting):
            raise _bad(shown, f"{where}.makefile", f"{setting!r} is no NAME=value", None)
    folder = values["folder"].strip("/")
    return Fixes(values["revision"], archive, folder, tuple(names), settings) if names else None


def _check_bytes(shown: str, table: str, values: Mapping[str, Any], what: str) -> None:
    if not re.fullmatch(r"[0-9a-f]{64}", values["sha256"]):
        raise _bad(shown, f"{table}.sha256", "must be 64 lower-case hex digits", None)
    if values["size"] <= 0:
        raise _bad(shown, f"{table}.size", f"must be the {what}'s size in bytes", None)


def _bad(shown: str, where: str, what: str, hint: str | None) -> CpatchError:
    fix = f"edit {shown}, then make status"
    return CpatchError(
        f"{shown}: {where}: {what}", fix=f"{hint}; {fix}" if hint else fix, code=USAGE
    )


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
