"""The pin file: which CPython, which bytes. ``patches/upstream.toml`` as frozen dataclasses."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cpatch.errors import USAGE, CpatchError
from cpatch.project import Project

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Key -> the type TOML must give it. ``tree`` is the only one that may be absent.
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
}
_OPTIONAL = {"tree": "", "debian_pool": ""}
_TYPE_NAMES = {str: "a string", int: "an integer", list: "a list of strings"}
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


@dataclass(frozen=True)
class Pin:
    """One supported CPython. ``{version}``, ``{branch}`` and ``{tarball}`` are already filled in.

    ``date`` (epoch seconds) dates the commits made from this pin, so their ids are the same in
    every clone. ``tree`` is git's id of the unpacked tarball, or '' when not recorded yet.
    """

    branch: str
    version: str
    tarball: str
    size: int
    sha256: str
    urls: tuple[str, ...]
    debian_pool: str
    series: str
    date: int
    tree: str


@dataclass(frozen=True)
class Pins:
    """All pins and which is meant when none is named."""

    default: str
    table: Mapping[str, Pin]
    file: str

    def get(self, name: str | None = None) -> Pin:
        """Return the pin for a branch (or a full version); None means the default."""
        wanted = name or self.default
        for pin in self.table.values():
            if wanted in (pin.branch, pin.version):
                return pin
        raise CpatchError(
            f"unknown pin {wanted!r}",
            wanted=f"one of {', '.join(self.table)} ({self.file})",
            got=wanted,
            fix=_suggest(wanted, self.table) or f"add a table to {self.file}",
            code=USAGE,
        )


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
            raise _bad(shown, key, "unknown key", _suggest(key, ["default"]))
    default = data.get("default")
    if not isinstance(default, str):
        raise _bad(shown, "default", "must be a string naming one of the tables", None)
    if default not in tables:
        raise _bad(
            shown,
            "default",
            f"names {default!r}, but the tables are {', '.join(tables) or 'none'}",
            _suggest(default, tables),
        )
    table = {branch: _pin(shown, branch, values) for branch, values in tables.items()}
    return Pins(default=default, table=table, file=shown)


def _pin(shown: str, branch: str, values: dict[str, Any]) -> Pin:
    if not _BRANCH.match(branch):
        raise _bad(shown, branch, "is no usable branch name", None)
    for key in values:
        if key not in _KEYS:
            raise _bad(shown, f"{branch}.{key}", "unknown key", _suggest(key, _KEYS))
    for key, kind in _KEYS.items():
        where = f"{branch}.{key}"
        if key not in values:
            if key in _OPTIONAL:
                continue
            raise _bad(shown, where, "missing key", f"add {key} = … ({_TYPE_NAMES[kind]})")
        value = values[key]
        wrong_item = kind is list and any(not isinstance(item, str) for item in _items(value))
        # bool is a subclass of int, yet `size = true` is certainly a mistake.
        if not isinstance(value, kind) or isinstance(value, bool) or wrong_item:
            raise CpatchError(
                f"{shown}: {where} has the wrong type",
                wanted=_TYPE_NAMES[kind],
                got=repr(value),
                fix=f"edit {shown}, then make status",
                code=USAGE,
            )
    return _fill(shown, branch, {**_OPTIONAL, **values})


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
    if not re.fullmatch(r"[0-9a-f]{64}", values["sha256"]):
        raise _bad(shown, f"{branch}.sha256", "must be 64 lower-case hex digits", None)
    if values["tree"] and not re.fullmatch(r"[0-9a-f]{40}", values["tree"]):
        raise _bad(shown, f"{branch}.tree", "must be 40 lower-case hex digits", None)
    if values["size"] <= 0:
        raise _bad(shown, f"{branch}.size", "must be the tarball's size in bytes", None)
    ready = {
        **values,
        "branch": branch,
        "tarball": known["tarball"],
        "urls": tuple(fill("urls", url) for url in values["urls"]),
        "debian_pool": fill("debian_pool", values["debian_pool"]),
        "series": fill("series", values["series"]),
    }
    return Pin(**{f.name: ready[f.name] for f in fields(Pin)})


def _bad(shown: str, where: str, what: str, hint: str | None) -> CpatchError:
    fix = f"edit {shown}, then make status"
    return CpatchError(
        f"{shown}: {where}: {what}", fix=f"{hint}; {fix}" if hint else fix, code=USAGE
    )


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _suggest(word: str, known: Any) -> str | None:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else None
