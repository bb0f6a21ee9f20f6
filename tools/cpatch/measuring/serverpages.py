"""The lines that a server's page has for its user: docs/servers/NAME.md marks them by kind."""

from __future__ import annotations

import re
from pathlib import Path

from cpatch.base.errors import CpatchError
from cpatch.base.project import Project


def page(project: Project, name: str) -> Path:
    """Return the page of a server."""
    return project.root / "docs" / "servers" / f"{name}.md"


def block(path: Path, kind: str) -> str:
    """Return a page's lines of one kind; CpatchError when it has none, or more than one block."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(rf"^<!-- {kind} -->\n```python\n(.*?)^```$", text, re.M | re.S)
    if len(found) != 1:
        raise CpatchError(
            f"{path} has {len(found)} blocks of lines marked {kind}",
            wanted=f"<!-- {kind} -->, and on the next line the fence of a block of Python",
            fix="keep the marks where the page is edited",
        )
    lines: str = found[0]
    return lines


def for_wheel(text: str) -> str:
    """Return lines that call the wheel; CpatchError if they are not one import and one call."""
    changed, imports = re.subn(r"^( *)import gc$", r"\1import immortal_heap", text, flags=re.M)
    changed, calls = re.subn(r"\bgc\.immortalize_heap\(\)", "immortal_heap.freeze()", changed)
    if (imports, calls) != (1, 1):
        raise CpatchError("the lines of a page import gc once, and call it once", got=text)
    return changed
