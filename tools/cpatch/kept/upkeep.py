"""The index of results/ and the README's picture: writing them, and telling when they are stale."""

from __future__ import annotations

from pathlib import Path

from cpatch.base import files
from cpatch.base.project import Project
from cpatch.kept import index, picture


def index_file(project: Project) -> Path:
    """Where the index is."""
    return project.kept_results / "README.md"


def picture_file(project: Project) -> Path:
    """Where the picture is."""
    return project.root / "docs" / "figures.svg"


def write(project: Project) -> list[Path]:
    """Write both, the picture only if its numbers have changed; returns what was written."""
    files.write(index_file(project), index.text(project))
    numbers = picture.data(project)
    if picture.described(picture_file(project)) == numbers:
        return [index_file(project)]
    picture.write(picture_file(project), numbers)
    return [index_file(project), picture_file(project)]


def stale(project: Project) -> list[Path]:
    """Return which of the two are not of the runs that are kept."""
    found = []
    path = index_file(project)
    if not path.exists() or path.read_text(encoding="utf-8") != index.text(project):
        found.append(path)
    if picture.described(picture_file(project)) != picture.data(project):
        found.append(picture_file(project))
    return found
