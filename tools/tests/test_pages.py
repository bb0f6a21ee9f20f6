"""The pages of the repository: short, narrow, and with links that lead somewhere."""

from __future__ import annotations

import re
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WIDTH = 100

#: What a page may have at most, in lines: what is read first has to be short.
MOST = {"README.md": 100, "docs/speed.md": 150}

#: A link or a picture, not to another site.
_LINK = re.compile(r"!?\[[^\]]*\]\((?!\w+:)([^)\s]+)\)", re.S)
_CODE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)


def pages() -> list[str]:
    """Return all Markdown of the repository, as paths from its root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted(path for path in set(done.stdout.splitlines()) if (ROOT / path).exists())


def written(path: str) -> bool:
    """Say whether somebody wrote a page; the others are made from raw data."""
    return not path.startswith("results/")


def too_wide(text: str) -> list[int]:
    """Return the numbers of the lines that are too long."""
    return [number for number, line in enumerate(text.splitlines(), 1) if len(line) > WIDTH]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", _CODE.sub("", text), re.M):
        # What is shown: a link's text, and no marks of code or emphasis.
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        kept = "".join(
            letter
            for letter in shown.lower()
            if letter in " -_" or unicodedata.category(letter)[0] in "LN"
        )
        name, number = kept.replace(" ", "-"), 0
        while (name if not number else f"{name}-{number}") in found:
            number += 1
        found.add(name if not number else f"{name}-{number}")
    return found


def broken(path: str, text: str) -> Iterator[str]:
    """Yield the links of a page that lead nowhere."""
    for target in _LINK.findall(re.sub(r"`[^`\n]*`", "``", _CODE.sub("", text))):
        name, _, anchor = target.partition("#")
        there = (ROOT / path).parent / name if name else ROOT / path
        if not there.exists():
            yield f"{path}: {target}: no such file"
        elif anchor and anchor not in anchors(there.read_text(encoding="utf-8")):
            yield f"{path}: {target}: no such heading"


@pytest.mark.parametrize(("path", "most"), MOST.items())
def test_what_is_read_first_is_short(path: str, most: int) -> None:
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= most


def test_no_line_is_too_wide() -> None:
    wide = {
        path: found
        for path in filter(written, pages())
        if (found := too_wide((ROOT / path).read_text(encoding="utf-8")))
    }
    assert wide == {}


def test_every_link_leads_somewhere() -> None:
    found = [
        line for path in pages() for line in broken(path, (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_page_can_be_found() -> None:
    """From README.md, by links alone."""
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        text = _CODE.sub("", page.read_text(encoding="utf-8"))
        waiting += [
            (page.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(text)
        ]
    assert [path for path in filter(written, pages()) if (ROOT / path).resolve() not in seen] == []


def test_these_tests_can_fail() -> None:
    assert too_wide("a\n" + "b" * 101) == [2]
    assert list(broken("README.md", "[a](no/such.md) [b](#nowhere)")) == [
        "README.md: no/such.md: no such file",
        "README.md: #nowhere: no such heading",
    ]
    assert list(broken("README.md", "`[a](no.md)`\n```\n[b](no.md)\n```\n[c](https://x)")) == []
    assert anchors("# A/A `x` (2)\n## One two\n## One two\n") == {"aa-x-2", "one-two", "one-two-1"}
