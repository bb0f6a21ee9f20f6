"""Compare an unpacked tarball of make dist with the manifest in it: python3 verify.py TREE.

Lies beside the manifest, too. Standard library only.
"""

from __future__ import annotations

import argparse
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
        try:
            wanted = json.loads(paper.read_text(encoding="utf-8"))["files"]
        except (ValueError, KeyError):
            found.append(f"{paper.relative_to(home)}: no manifest")
            continue
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


def main() -> int:
    """Print what differs; return whether something does."""
    text, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="verify.py", description=text)
    parser.add_argument("tree", metavar="TREE", type=Path, help="where bin/ and share/ are")
    tree = parser.parse_args().tree
    if not tree.is_dir():
        parser.error(f"no such directory: {tree}")
    lines = differing(tree)
    print("\n".join(lines) or "all files are as in the manifest")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
