"""The series file, patch files and their headers."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.git import Repo
from cpatch.base.pin import Pin
from cpatch.base.project import Project

#: No part may have these names: they are those of whole trees, and of no part at all.
RESERVED = ("stock", "patched", "none", "all")
TRAILERS = ("Touches", "Needs", "Tests", "Applies", "Upstream-Status", "Bug", "Drop-when")
_WORD = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
_NAME = re.compile(rf"{_WORD}/(?:[a-z]+/)?{_WORD}\.patch\Z")
_HEADING = re.compile(r"\[([a-z]+)\] (\S.*); needs: ([a-z]+(?: [a-z]+)*)\Z")
_TRAILER = re.compile(r"([A-Za-z][A-Za-z-]*): ?(.*)\Z")


@dataclass(frozen=True)
class Patch:
    """A patch file: its name relative to ``patches/`` and its bytes."""

    name: str
    data: bytes

    @property
    def text(self) -> str:
        """The bytes as text; undecodable ones survive as surrogates."""
        return self.data.decode("utf-8", "surrogateescape")

    @cached_property
    def diff(self) -> str:
        """The part from the first ``diff --git`` line on."""
        at = re.search(r"^diff --git ", self.text, re.MULTILINE)
        return self.text[at.start() :] if at else ""


@dataclass(frozen=True)
class Part:
    """A section of a series: what it gives, the parts before it that it needs, its patches."""

    name: str
    gives: str
    needs: tuple[str, ...]
    patches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """A series file's text, the patch names it lists, and its parts, in order.

    Names that are in none of the parts come first; they are in every tree.
    """

    path: Path
    text: str
    names: tuple[str, ...]
    parts: tuple[Part, ...] = ()

    def part_of(self, name: str) -> str:
        """Return the part that lists a patch; '' for one that is in every tree."""
        return next((part.name for part in self.parts if name in part.patches), "")


def load_series(project: Project, pin: Pin) -> Series:
    """Read the series file of a pin.

    Raises CpatchError for a line that is neither heading nor patch name, a name listed twice, one
    whose file is not there, or a part that needs what does not come before it.
    """
    path = project.patches / pin.series
    shown = project.show(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as exc:
        raise CpatchError(
            f"{shown} is missing",
            wanted=f"the list of patches for {pin.branch} (it may be empty)",
            fix=f"git checkout -- {shown}, or: touch {shown}",
            code=USAGE,
        ) from exc
    names: list[str] = []
    parts: list[Part] = []
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{shown}:{number}"
        if line.startswith("["):
            parts.append(_heading(line, where, [part.name for part in parts]))
            continue
        name = name_in(line)
        if not name:
            continue
        if not _NAME.match(name):
            raise CpatchError(
                f"{where}: not the name of a patch",
                wanted=f"a line like common/topic.patch or {pin.branch}/topic.patch",
                got=line,
                fix=f"edit {shown}",
                code=USAGE,
            )
        if name in names:
            raise CpatchError(
                f"{where}: {name} is listed twice", fix="remove one of the lines", code=USAGE
            )
        if not (project.patches / name).is_file():
            raise CpatchError(
                f"{where}: patches/{name} is missing",
                fix=f"git checkout -- patches/{name}, or remove the line",
                code=USAGE,
            )
        names.append(name)
        if parts:
            parts[-1] = replace(parts[-1], patches=(*parts[-1].patches, name))
    return Series(path, text, tuple(names), tuple(parts))


def _heading(line: str, where: str, before: Sequence[str]) -> Part:
    """Read a heading; ``before`` names the parts above it."""
    found = _HEADING.match(line.rstrip())
    needs = tuple(found[3].split()) if found and found[3] != "none" else ()
    unknown = [name for name in needs if name not in before]
    if not found or unknown or found[1] in before or found[1] in RESERVED:
        raise CpatchError(
            f"{where}: not the heading of a part",
            wanted="[name] what it gives; needs: names of parts above, or none",
            got=line,
            fix=f"edit {where.rpartition(':')[0]}",
            code=USAGE,
        )
    return Part(found[1], found[2], needs)


def name_in(line: str) -> str:
    """Return the patch that a line of a series lists, or '' for a heading, comment or blank."""
    return "" if line.startswith("[") else line.split("#", 1)[0].strip()


def load_patches(project: Project, series: Series) -> tuple[Patch, ...]:
    """Read the patches of a series, in order."""
    return tuple(Patch(name, (project.patches / name).read_bytes()) for name in series.names)


def unlisted(project: Project, all_series: Sequence[Series]) -> list[str]:
    """Return names of patch files that no series lists."""
    listed = {name for series in all_series for name in series.names}
    there = {p.relative_to(project.patches).as_posix() for p in project.patches.rglob("*.patch")}
    return sorted(there - listed)


def edit_series(text: str, names: Sequence[str]) -> str:
    """Return a series text that lists ``names``; lines that stay keep their place and comments.

    A dropped name loses its line; a new one follows its predecessor (the end, for a series).
    Raises CpatchError when a patch would come to stand below another heading.
    """
    was = _sections(text)
    lines = text.splitlines()
    old = [name_in(line) for line in lines if name_in(line)]
    kept = [name for name in old if name in names]
    lines = [line for line in lines if not name_in(line) or name_in(line) in names]
    if kept != [name for name in names if name in kept]:
        # Reordered: headings stay where they are, the patch lines are filled in anew.
        source = {name_in(line): line for line in lines if name_in(line)}
        order = iter([name for name in names if name in kept])
        lines = [source[next(order)] if name_in(line) else line for line in lines]
    for position, name in enumerate(names):
        if name in kept:
            continue
        before = names[position - 1] if position else None
        at = next((n + 1 for n, line in enumerate(lines) if name_in(line) == before), None)
        if at is None:
            at = next((n for n, line in enumerate(lines) if name_in(line)), len(lines))
        lines.insert(at, name)
    out = "".join(f"{line}\n" for line in lines)
    for name, part in _sections(out).items():
        if was.get(name, part) != part:
            raise CpatchError(
                f"{name} has moved from part {was[name] or '-'} to part {part or '-'}",
                wanted="the commits of a part side by side, in the order of the parts",
                fix=f"put its commit back; git mv patches/{name} to the other part's folder, move "
                "its line in the series too, then make apply",
            )
    return out


def _sections(text: str) -> dict[str, str]:
    """Return the part of each patch that a series text lists; '' above the first heading."""
    part, out = "", {}
    for line in text.splitlines():
        found = _HEADING.match(line.rstrip())
        part = found[1] if found else part
        if name_in(line):
            out[name_in(line)] = part
    return out


def folder_of(branch: str, names: Sequence[str]) -> str:
    """Return the folder of a new patch that follows ``names``: its predecessor's part in branch."""
    words = names[-1].split("/") if names else []
    return f"{branch}/{words[1]}" if len(words) > 2 else branch


@lru_cache(maxsize=256)
def message_of(repo: Repo, patch: Patch) -> str:
    """Return the commit message in a patch's header, exactly as ``git am`` would make it.

    Raises CpatchError when there is none.
    """
    with tempfile.TemporaryDirectory(prefix="cpatch-") as name:
        body, rest = Path(name, "body"), Path(name, "rest")
        # -b: only [PATCH]-like prefixes go; other brackets are the author's.
        info = repo.git(
            "mailinfo", "-b", "--encoding=UTF-8", str(body), str(rest), input=patch.data
        ).stdout
        text = body.read_text(encoding="utf-8", errors="surrogateescape").strip("\n")
    found = re.search(r"^Subject: (.*)$", info, re.MULTILINE)
    if not found or not found[1].strip():
        raise CpatchError(
            f"patches/{patch.name} has no Subject line",
            wanted="a git-format patch (patches/README.md)",
            fix=f"add a header to patches/{patch.name}",
            code=USAGE,
        )
    return normal(f"{found[1].strip()}\n\n{text}")


def normal(message: str) -> str:
    """Return a message without trailing blanks and surplus empty lines, as git would store it."""
    lines = [line.rstrip() for line in message.strip().split("\n")]
    out = [line for n, line in enumerate(lines) if line or (n and lines[n - 1])]
    return "\n".join(out) + "\n"


def split_message(message: str) -> tuple[str, str, list[tuple[str, str]]]:
    """Return subject, prose and trailers (name, value) of a commit message.

    The trailers are the last paragraph when all of it reads ``Word: value``; indented lines
    continue the line before.
    """
    subject, _, rest = message.partition("\n")
    paragraphs = [p for p in re.split(r"\n{2,}", rest.strip("\n")) if p]
    trailers: list[tuple[str, str]] = []
    if paragraphs:
        for line in paragraphs[-1].split("\n"):
            found = _TRAILER.match(line)
            if found:
                trailers.append((found[1], found[2].strip()))
            elif line[:1].isspace() and trailers:
                trailers[-1] = (trailers[-1][0], f"{trailers[-1][1]} {line.strip()}")
            else:
                trailers = []
                break
    if trailers:
        paragraphs.pop()
    return subject, "\n\n".join(paragraphs), trailers


def trailer(patch: Patch, name: str) -> str:
    """Return the value of a trailer of a patch file, on one line; '' when it has none."""
    head = patch.text.partition("\n---\n")[0].partition("\ndiff --git ")[0]
    values = re.findall(rf"^{name}: ?(.*(?:\n[ \t]+\S.*)*)", head, re.MULTILINE)
    return " ".join(values[-1].split()) if values else ""


def paths_in(value: str) -> list[str]:
    """Return the paths in a trailer; other words ('none', function names) are for readers.

    A path has a slash or a suffix, or is a name CPython keeps at its root.
    """
    words = [word.strip(",;") for word in value.split()]
    return [word for word in words if _looks_like_path(word)]


def _looks_like_path(word: str) -> bool:
    if "(" in word or "[" in word:
        return False
    return "/" in word or bool(re.fullmatch(r"[\w-]+(\.[\w]+)+", word)) or word == "configure"


def file_name(subject: str) -> str:
    """Derive a patch's file name from its subject: lower case, words joined by dashes."""
    words = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")
    return (words[:60].rsplit("-", 1)[0] if len(words) > 60 else words) + ".patch"
