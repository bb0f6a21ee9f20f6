"""Pages of which a verb writes a part, between marks."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from cpatch.base import files
from cpatch.base.errors import CpatchError

_WIDTH = 98


def put(page: str, branch: str, command: str, text: str) -> str | None:
    """Return *page* with a pin's *text* between its marks; None when those are not there."""
    begin, end = _marks(branch, command)
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
    if not pattern.search(page):
        return None
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def write(path: Path, branch: str, command: str, text: str) -> bool:
    """Put a pin's *text* into a file, between its marks, and return whether that changed it.

    CpatchError when those are not there.
    """
    old = path.read_text(encoding="utf-8")
    page = put(old, branch, command, text)
    if page is None:
        raise CpatchError(
            f"{path} has no place for {branch}", wanted="".join(_marks(branch, command))
        )
    files.write(path, page)
    return page != old


def _marks(branch: str, command: str) -> tuple[str, str]:
    return f"<!-- {branch}: written by {command} -->\n", f"<!-- {branch}: end -->"


def item(text: str, indent: str = "  ") -> list[str]:
    """Break a list's item into lines as short as all of a page's; of a paragraph, no *indent*."""
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
