"""Whether a built interpreter is what the repository says now."""

from __future__ import annotations

from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import records
from cpatch.series import apply


def standing(project: Project, pin: Pin, tree: str) -> apply.Tree | None:
    """Return the source tree as it is, or None when it is not what the repository says now.

    Changes nothing: ensure_tree only looks when nothing that goes into a tree has changed.
    """
    return apply.ensure_tree(project, pin, tree) if apply.up_to_date(project, pin, tree) else None


def stale(project: Project, pin: Pin, tree: str, built: records.Built) -> str | None:
    """Say what changed since *built* was made, or None."""
    now = standing(project, pin, tree)
    if now is None:
        return "the overlay, the series or the pin changed since"
    if now.tree_id != built.tree_id:
        return f"the source tree is {now.tree_id[:12]} now, built was {built.tree_id[:12]}"
    if records.edits_in(now) != built.edits:
        return f"files in {project.show(now.path)} were edited since"
    return None
