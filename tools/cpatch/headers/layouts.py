"""Where the members of all structures are that headers define, also the internal ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from cpatch.headers import building
from cpatch.headers.building import Built, Interpreter
from cpatch.headers.table import Row

#: What a header says that others include.
_PART = 'error "this header must not be included directly"'
_OPEN = ("DW_TAG_structure_type", "DW_TAG_union_type")


def source(include: Path) -> str:
    """Return C that includes all headers of a folder: stock's, so that nothing new is asked for."""
    names = [
        f"internal/{path.name}"
        for path in sorted((include / "internal").glob("pycore_*.h"))
        if _PART not in path.read_text(encoding="utf-8")
    ]
    lines = ["#define Py_BUILD_CORE 1", '#include "Python.h"', '#include "frameobject.h"']
    return "\n".join([*lines, *(f'#include "{name}"' for name in names), ""])


def compile_row(row: Row, stock: Interpreter, headers: Interpreter, out: Path) -> Built:
    """Compile what includes all of stock's headers, with those of an interpreter."""
    (out / "all.c").write_text(source(stock.include[0]), encoding="utf-8")
    folders = [folder for each in headers.include for folder in (each, each / "internal")]
    flags = ["-g", "-fno-eliminate-unused-debug-types", *(f"-I{each}" for each in folders)]
    status, said = building.run([row.compiler, *row.flags, *flags, "-c", "all.c"], out)
    if status:
        return Built(False, dict(building.complaints(said, folders)), said[-4000:])
    return Built(True, {}, said[-4000:], structures(out / "all.o"))


def structures(path: Path) -> dict[str, str]:
    """Return the size of each structure that has a name, and where its members are."""
    with path.open("rb") as stream:
        file = ELFFile(stream)
        info = file.get_dwarf_info()
        return {
            name: _layout(die)
            for unit in info.iter_CUs()
            for name, die in _named(unit)
            if die.tag in _OPEN and "DW_AT_byte_size" in die.attributes
        }


def _named(unit: Any) -> Iterator[tuple[str, Any]]:
    for die in unit.iter_DIEs():
        if "DW_AT_name" not in die.attributes:
            continue
        name = die.attributes["DW_AT_name"].value.decode()
        if die.tag == "DW_TAG_typedef" and "DW_AT_type" in die.attributes:
            yield name, die.get_DIE_from_attribute("DW_AT_type")
        elif die.tag in _OPEN:
            yield f"{die.tag.split('_')[2]} {name}", die


def _layout(die: Any) -> str:
    """Return a size and the places of members; those without a name of their type are within."""
    said = []
    for member in die.iter_children():
        if member.tag != "DW_TAG_member":
            continue
        found = member.attributes
        name = found["DW_AT_name"].value.decode() if "DW_AT_name" in found else ""
        place = found.get("DW_AT_data_bit_offset") or found.get("DW_AT_data_member_location")
        kind = member.get_DIE_from_attribute("DW_AT_type")
        inner = kind.tag in _OPEN and "DW_AT_name" not in kind.attributes
        said.append(f"{name} {place.value if place else 0}{' ' + _layout(kind) if inner else ''}")
    return f"{die.attributes['DW_AT_byte_size'].value} ({', '.join(said)})"
