"""Pages of which a verb writes a part, between marks."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from cpatch.base import files
from cpatch.base.errors import CpatchError

_WIDTH = 98


def write(path: Path, branch: str, command: str, text: str) -> None:
    """Put a pin's *text* into a page, between its marks; CpatchError when those are not there."""
    page = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {branch}: written by {command} -->\n", f"<!-- {branch}: end -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
    if not pattern.search(page):
        raise CpatchError(f"{path} has no place for {branch}", wanted=f"{begin}{end}")
    files.write(path, pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page))


def item(text: str, indent: str = "  ") -> list[str]:
    """Break a list's item into lines as short as all of a page's; of a paragraph, no *indent*."""
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
