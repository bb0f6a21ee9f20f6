"""What a pin says: which CPython, which bytes. ``pinfile`` reads it from the pin file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cpatch.base.errors import USAGE, CpatchError


@dataclass(frozen=True)
class Archive:
    """A file that is fetched, and the bytes it must have.

    ``where`` is its table in the pin file, ``option`` what gives a local copy of it to ``fetch``.
    """

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]
    debian_pool: str
    where: str
    option: str


@dataclass(frozen=True)
class Fixes:
    """A distribution's patches for the pinned version: ``patches`` of those in the archive.

    They lie in ``folder``, beside the file ``series`` that gives their order. ``revision`` names
    the archive's content in the interpreter's version. ``makefile`` sets what a fix needs of the
    makefile and the distribution's own build has.
    """

    revision: str
    archive: Archive
    folder: str
    patches: tuple[str, ...]
    makefile: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """How many fixes of which revision, as one word."""
        return f"{len(self.patches)}-fixes-of-{self.revision}"


@dataclass(frozen=True)
class Pin:
    """One supported CPython. ``{version}``, ``{branch}`` and ``{tarball}`` are already filled in.

    ``date`` (epoch seconds) dates the commits made from this pin, so their ids are the same in
    every clone. ``tree`` is git's id of the unpacked tarball, or '' when not recorded yet.
    ``fixes`` is None when the pin takes none. An ``unfinished`` one is tested when it is named.
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
    unfinished: bool = False
    fixes: Fixes | None = None

    @property
    def archive(self) -> Archive:
        """The tarball, as something to fetch."""
        return Archive(
            *(self.tarball, self.size, self.sha256, self.urls, self.debian_pool),
            where=self.branch,
            option="--source",
        )


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
            fix=suggest(wanted, self.table) or f"add a table to {self.file}",
            code=USAGE,
        )


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Return what *word* may have been meant to be, as a question; None when nothing is near."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else None
