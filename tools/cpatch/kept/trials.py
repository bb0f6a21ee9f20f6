"""Rows of kept runs that tried something and timed nothing: tarballs, packages, a long load.

And an application that starts an interpreter again and again.
"""

from __future__ import annotations

from pathlib import Path

from cpatch.base.project import Project
from cpatch.compat import record as packages
from cpatch.dist import record as tarballs
from cpatch.kept.entry import NONE, Entry, read_json


def dist(_: Project, root: Path) -> Entry:
    """Return the row of tarballs that were compared and tried."""
    seen = read_json(root / tarballs.NAME)
    compared = [found for each in seen for found in each["compared"].values()]
    tried = [suite for each in seen for suite in each["tried"]]
    return Entry(
        name=root.name,
        tree=seen[0]["tree_id"][:12],
        rounds="1",
        mean=f"{sum(not found for found in compared)} of {len(compared)} compared are equal"
        if compared
        else "none compared",
        noise=NONE,
        verdict=f"tarballs: {len(seen)}; trials in bare systems: {len(tried)}",
    )


def compat(_: Project, root: Path) -> Entry:
    """Return the row of packages that ran their own tests."""
    raw = read_json(root / packages.NAME)
    return Entry(
        name=root.name,
        tree=raw["tree_id"][:12],
        rounds="1",
        mean=f"{raw['packages']} packages, {raw['tests']:,} tests",
        noise=NONE,
        verdict=f"{raw['differ']} runs with a difference that is not explained",
    )


def soak(_: Project, root: Path) -> Entry:
    """Return the row of a server that was kept at load."""
    raw = read_json(root / "soak.json")
    return Entry(
        name=root.name,
        tree=raw["facts"]["tree_id"][:12],
        rounds="1",
        mean=f"{raw['requests']:,} requests, {len(raw['failures'])} not answered",
        noise=NONE,
        verdict=f"{raw['workers']:,} workers in {raw['minutes']:.0f} minutes, "
        f"{len(raw['killed'])} killed, {len(raw['lost'])} finalizers lost",
    )


def embedding(_: Project, root: Path) -> Entry:
    """Return the row of an application that starts an interpreter again and again."""
    raw = read_json(root / "embedding.json")
    last = {
        name: {
            way: f"{after[-1]:,}" if isinstance(after, list) else "lost"
            for way, after in ways.items()
        }
        for name, ways in raw["KiB"].items()
    }
    lost = {
        name: sum(isinstance(after, str) for after in ways.values())
        for name, ways in raw["KiB"].items()
    }
    stock, patched = last["stock"], last["patched"]
    told = "; ".join(f"{way} {stock[way]} and {patched[way]}" for way in stock if way in patched)
    return Entry(
        name=root.name,
        tree=raw["facts"]["patched"]["tree_id"][:12],
        rounds=f"{raw['rounds']:,}",
        mean=f"ways that lose finalizers: {lost['stock']} on stock, {lost['patched']} here",
        noise=NONE,
        verdict=f"KiB after the last round, stock and patched: {told}",
    )
