"""C lines of the addresses that stores came from, by addr2line, where there is one. Optional."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from typing import Any

from cowaudit.places import Places


def add(rows: list[dict[str, Any]], places: Places) -> None:
    """Give each row with a ``pc`` a ``source``: the innermost function, its file and line."""
    program = shutil.which("addr2line")
    if program is None:
        return
    wanted: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows:
        place = places.linked(row.get("pc", 0))
        if place:
            wanted[place[0]][row["pc"]] = place[1]
    known: dict[int, str] = {}
    for image, addresses in wanted.items():
        known |= dict(zip(addresses, _ask(program, image, list(addresses.values())), strict=False))
    for row in rows:
        if known.get(row.get("pc", 0)):
            row["source"] = known[row["pc"]]


def _ask(program: str, image: str, addresses: list[int]) -> list[str]:
    lines = "".join(f"{address:#x}\n" for address in addresses)
    try:
        done = subprocess.run(
            [program, "-f", "-e", image],
            input=lines,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return parse(done.stdout)


def parse(text: str) -> list[str]:
    """Return 'function, file:line' from the two lines that addr2line prints for each address."""
    lines = text.splitlines()
    found = []
    for function, place in zip(lines[::2], lines[1::2], strict=False):
        file, _, line = place.partition(" ")[0].rpartition("/")[2].partition(":")
        known = function != "??" and file != "??" and line not in ("", "0", "?")
        found.append(f"{function}, {file}:{line}" if known else "")
    return found
