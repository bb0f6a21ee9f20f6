"""What a program or library of ELF says of itself: what it needs, and of which glibc."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

_GLIBC = re.compile(r"GLIBC_(\d+(?:\.\d+)+)\Z")

#: Bytes of a note before its content: three sizes, and the name GNU.
_NOTE = 16

Version = tuple[int, ...]


@dataclass(frozen=True)
class Elf:
    """A file's needs: names of libraries, and the newest version of glibc's symbols, or ()."""

    needed: tuple[str, ...]
    glibc: Version


def read(path: Path) -> Elf | None:
    """Return what a file needs; None for what is no dynamic ELF."""
    with path.open("rb") as stream:
        if stream.read(4) != b"\x7fELF":
            return None
        stream.seek(0)
        try:
            file = ELFFile(stream)
            dynamic = file.get_section_by_name(".dynamic")
            if not isinstance(dynamic, DynamicSection):
                return None
            needed = tuple(
                str(getattr(tag, "needed", "")) for tag in dynamic.iter_tags("DT_NEEDED")
            )
            versions = file.get_section_by_name(".gnu.version_r")
            names = _versions(versions) if isinstance(versions, GNUVerNeedSection) else []
        except ELFError:
            return None
    return Elf(needed, max((glibc(name) for name in names), default=()))


def _versions(section: GNUVerNeedSection) -> list[str]:
    return [aux.name for _, auxiliaries in section.iter_versions() for aux in auxiliaries]


def glibc(name: str) -> Version:
    """Return the version that a symbol version of glibc names; () for any other."""
    found = _GLIBC.match(name)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def shown(version: Version) -> str:
    """Return a version as people write it."""
    return ".".join(map(str, version))


def sections(data: bytes) -> list[tuple[int, int, str]]:
    """Return where the sections of an ELF file begin and end; [] for another file."""
    if not data.startswith(b"\x7fELF"):
        return []
    try:
        return [
            (each["sh_offset"], each["sh_offset"] + each["sh_size"], each.name)
            for each in ELFFile(io.BytesIO(data)).iter_sections()
            if each["sh_type"] != "SHT_NOBITS" and each["sh_size"]
        ]
    except ELFError:
        return []


def identify(path: Path) -> None:
    """Make a file's build ID one of its content, if it has one.

    The linker makes it of the debug information too, which names the directory of the build and is
    not in the file any more.
    """
    data = bytearray(path.read_bytes())
    for low, high, name in sections(bytes(data)):
        if name == ".note.gnu.build-id":
            start = low + _NOTE
            data[start:high] = bytes(high - start)
            data[start:high] = hashlib.sha256(data).digest()[: high - start]
            path.write_bytes(data)
