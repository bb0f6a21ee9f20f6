"""The header convention of patches (patches/README.md), as checks on one patch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from cpatch.base import git
from cpatch.series import patchfiles
from cpatch.series.patchfiles import Patch, paths_in

#: OpenEmbedded's words; the ones mapped to True need the bracket after them.
STATUS_WORDS = {
    "Pending": False,
    "Submitted": True,
    "Backport": True,
    "Denied": False,
    "Inactive-Upstream": True,
    "Inappropriate": True,
}
REQUIRED = ("Touches", "Needs", "Tests", "Applies", "Upstream-Status", "Drop-when")
_SUBJECT = re.compile(r"[\w./+-]+: [a-z]\S* \S.*\Z")
_FIXED = (
    ("From", "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001"),
    ("From:", f"From: {git.NAME} <{git.EMAIL}>"),
    ("Date:", "Date: Mon, 17 Sep 2001 00:00:00 +0000"),
)


@dataclass(frozen=True)
class Finding:
    """One thing lint has to say; ``rule`` is stable, so reviews can cite it."""

    rule: str
    where: str
    text: str
    fatal: bool = True

    def __str__(self) -> str:
        """Return it as printed."""
        return f"{self.where}: {self.rule}{'' if self.fatal else ' (warning)'}: {self.text}"


def check_header(
    patch: Patch, message: str, *, roots: Sequence[Path], branches: Mapping[str, object]
) -> Iterator[Finding]:
    """Yield what is wrong with a patch's header; below ``roots`` lie the overlay's files."""
    where = f"patches/{patch.name}"
    subject, prose, trailers = patchfiles.split_message(message)
    if len(subject) > 72:
        yield Finding("H1", where, f"subject has {len(subject)} characters, at most 72 allowed")
    if not _SUBJECT.match(subject) or "[" in subject or "]" in subject:
        yield Finding("H1", where, "subject must read 'area: verb …', without brackets")
    if len(prose.split()) < 8:
        yield Finding("H2", where, "the body must say in prose why the patch exists")
    yield from _fixed_lines(patch, where)
    values: dict[str, str] = {}
    for name, value in trailers:
        if name not in patchfiles.TRAILERS:
            yield Finding("H4", where, f"unknown trailer {name}:")
        if name in values and name != "Bug":
            yield Finding("H4", where, f"{name}: appears twice")
        values[name] = value
    for name in REQUIRED:
        if not values.get(name):
            yield Finding("H4", where, f"trailer {name}: is missing or empty")
    yield from _trailer_values(where, values, roots, branches)
    yield from _touches(patch, where, values.get("Touches", ""))


def _fixed_lines(patch: Patch, where: str) -> Iterator[Finding]:
    head = patch.text.split("\n\n", 1)[0].split("\n")
    for key, wanted in _FIXED:
        line = next((text for text in head if text.startswith(f"{key} ")), "")
        if line != wanted:
            yield Finding("H3", where, f"must have the line '{wanted}' (make refresh writes it)")


def _trailer_values(
    where: str, values: Mapping[str, str], roots: Sequence[Path], branches: Mapping[str, object]
) -> Iterator[Finding]:
    for name, rule in (("Needs", "H6"), ("Tests", "H7")):
        for word in paths_in(values.get(name, "")):
            if not any((root / word).exists() for root in roots):
                yield Finding(rule, where, f"{name}: {word} does not exist in this repository")
    for branch in values.get("Applies", "").split():
        if branch not in branches:
            yield Finding("H8", where, f"Applies: {branch} is no pinned branch")
    status = values.get("Upstream-Status", "")
    word, _, rest = status.partition(" ")
    if status and word not in STATUS_WORDS:
        yield Finding("H9", where, f"Upstream-Status: {word!r}: one of {', '.join(STATUS_WORDS)}")
    elif status and (STATUS_WORDS[word] or rest) and not re.fullmatch(r"\[\S.*\]", rest):
        yield Finding("H9", where, f"Upstream-Status: {word} needs its reason in brackets")


def _touches(patch: Patch, where: str, value: str) -> Iterator[Finding]:
    try:
        files = list(PatchSet(patch.diff))
    except UnidiffParseError as exc:
        yield Finding("D1", where, f"the diff cannot be parsed: {exc}")
        return
    real = {file.path for file in files}
    said = set(paths_in(value))
    for path in sorted(real - said):
        yield Finding("H5", where, f"Touches: lacks {path}, which the diff changes")
    for path in sorted(said - real):
        yield Finding("H5", where, f"Touches: names {path}, which the diff does not change")
    for file in files:
        for hunk in file:
            for line in hunk:
                text = line.value.rstrip("\n")
                if line.is_added and text != text.rstrip():
                    yield Finding(
                        "D2", where, f"{file.path}:{line.target_line_no}: trailing blanks added"
                    )
