"""The series file, patch files and their headers."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.git import Repo
from cpatch.base.pin import Pin
from cpatch.base.project import Project

TRAILERS = ("Touches", "Needs", "Tests", "Applies", "Upstream-Status", "Bug", "Drop-when")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*/[A-Za-z0-9][A-Za-z0-9._+-]*\.patch\Z")
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
class Series:
    """A series file's text and the patch names it lists, in order."""

    path: Path
    text: str
    names: tuple[str, ...]


def load_series(project: Project, pin: Pin) -> Series:
    """Read the series file of a pin.

    Raises CpatchError for a line that is no patch name, a name listed twice, or one whose file is
    not there.
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
    for number, line in enumerate(text.splitlines(), 1):
        name = line.split("#", 1)[0].strip()
        if not name:
            continue
        where = f"{shown}:{number}"
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
    return Series(path, text, tuple(names))


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
    """
    lines = text.splitlines()

    def name_of(line: str) -> str:
        return line.split("#", 1)[0].strip()

    old = [name_of(line) for line in lines if name_of(line)]
    kept = [name for name in old if name in names]
    lines = [line for line in lines if not name_of(line) or name_of(line) in names]
    if kept != [name for name in names if name in kept]:
        # Reordered: headings stay where they are, the patch lines are filled in anew.
        source = {name_of(line): line for line in lines if name_of(line)}
        order = iter([name for name in names if name in kept])
        lines = [source[next(order)] if name_of(line) else line for line in lines]
    for position, name in enumerate(names):
        if name in kept:
            continue
        before = names[position - 1] if position else None
        at = next((n + 1 for n, line in enumerate(lines) if name_of(line) == before), None)
        if at is None:
            at = next((n for n, line in enumerate(lines) if name_of(line)), len(lines))
        lines.insert(at, name)
    return "".join(f"{line}\n" for line in lines)


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


def file_name(subject: str) -> str:
    """Derive a patch's file name from its subject: lower case, words joined by dashes."""
    words = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")
    return (words[:60].rsplit("-", 1)[0] if len(words) > 60 else words) + ".patch"
