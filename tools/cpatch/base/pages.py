"""Pages of which a verb writes a part, between marks."""

from __future__ import annotations

import re
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


def item(text: str) -> list[str]:
    """Break a list's item into lines as short as all of a page's."""
    done, now = [], ""
    for word in text.split():
        if now and len(now) + 1 + len(word) > _WIDTH:
            done.append(now)
            now = "  " + word
        else:
            now = f"{now} {word}" if now else word
    return [*done, now]
