"""Compare an unpacked tree with its manifest: python3 verify.py TREE. Standard library only."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path


def differing(home: Path) -> list[str]:
    """Return the files that are not what the manifest says, missing or additional, one a line."""
    found = []
    papers = sorted(home.glob("share/immortal-python*/manifest.json"))
    if not papers:
        return ["share/immortal-python*/manifest.json: missing"]
    for paper in papers:
        wanted = json.loads(paper.read_text(encoding="utf-8"))["files"]
        there = {str(path.relative_to(home)): path for path in home.rglob("*") if path != paper}
        for name, path in sorted(there.items()):
            if path.is_symlink():
                got = f"-> {path.readlink()}"
            elif path.is_dir():
                continue
            else:
                got = hashlib.sha256(path.read_bytes()).hexdigest()
            if wanted.get(name) != got:
                found.append(f"{name}: {'changed' if name in wanted else 'not in the manifest'}")
        found += [f"{name}: missing" for name in wanted if name not in there]
    return found


if __name__ == "__main__":
    lines = differing(Path(sys.argv[1]))
    print("\n".join(lines) or "all files are as in the manifest")
    sys.exit(bool(lines))
