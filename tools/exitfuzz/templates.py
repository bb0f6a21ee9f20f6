"""Read the pieces that programs are made of, from the files in ``templates/``.

A section begins with ``## name``. A line of four dashes parts it: what stands above comes first,
at module level. Words in capitals are filled in by ``generate``: OBJ is an expression that makes
an object, another one each time, CALL a bound method of one, NAME a global's name, NUM a number
of its own, IDENT an object's id, FILE a file's name, CB the id of a callback.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

_WHERE = Path(__file__).with_name("templates")
#: Modules that expressions may use, each with a dot behind its name.
_IMPORTED = (
    *("operator", "itertools", "contextvars", "typing", "dataclasses", "enum", "ctypes", "struct"),
    *("array", "xml.etree.ElementTree", "queue", "concurrent.futures", "csv", "json", "re"),
)


@dataclass(frozen=True)
class Template:
    """A section: ``before`` is what stands above the dashes, if there are any."""

    code: str
    before: str = ""


@functools.cache
def read(name: str) -> dict[str, Template]:
    """Return the sections of ``name.txt``, or of all ``name-*.txt``."""
    found = {}
    for path in sorted([*_WHERE.glob(f"{name}.txt"), *_WHERE.glob(f"{name}-*.txt")]):
        _, *sections = path.read_text(encoding="utf-8").split("\n## ")
        for section in sections:
            title, _, text = section.partition("\n")
            before, dashes, code = text.partition("\n----\n")
            parts = (code, before + "\n") if dashes else (text, "")
            found[title] = Template(*(part.strip("\n") for part in parts))
    return found


@functools.cache
def holders() -> dict[str, Template]:
    """Return all ways to hold: those of ``hold-*.txt``, and the expressions bound to a global."""
    found = dict(read("hold"))
    for line in (_WHERE / "expressions.txt").read_text(encoding="utf-8").splitlines():
        name, colon, expression = line.partition(": ")
        if colon and not line.startswith("#"):
            imports = [f"import {module}" for module in _IMPORTED if f"{module}." in expression]
            found[f"in {name}"] = Template("\n".join([*imports, f"NAME = {expression}"]))
    return found
