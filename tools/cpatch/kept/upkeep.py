"""What is made of the kept runs: the index, the README's picture, the tables of headers."""

from __future__ import annotations

from pathlib import Path

from cpatch.base import files
from cpatch.base.project import Project
from cpatch.headers import page, session
from cpatch.kept import index, picture


def index_file(project: Project) -> Path:
    """Where the index is."""
    return project.kept_results / "README.md"


def picture_file(project: Project) -> Path:
    """Where the picture is."""
    return project.root / "docs" / "figures.svg"


def write(project: Project) -> list[Path]:
    """Write all, each only if what it is made of has changed but the index; returns what it was."""
    files.write(index_file(project), index.text(project))
    written = [index_file(project)]
    if headers_page(project) != _text(headers_file(project)):
        files.write(headers_file(project), headers_page(project))
        written.append(headers_file(project))
    numbers = picture.data(project)
    if picture.described(picture_file(project)) != numbers:
        picture.write(picture_file(project), numbers)
        written.append(picture_file(project))
    return written


def headers_file(project: Project) -> Path:
    """Where the tables of headers are."""
    return project.root / "docs" / "headers.md"


def headers_page(project: Project) -> str:
    """Return that page with the tables of the newest kept run of each pin; '' without a page."""
    text = _text(headers_file(project))
    for path in sorted(project.kept_results.glob(f"*/{session.NAME}")):
        text = page.put(text, session.read(path.parent), path.parent.name)
    return text


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def stale(project: Project) -> list[Path]:
    """Return which of them are not of the runs that are kept."""
    found = []
    path = index_file(project)
    if not path.exists() or path.read_text(encoding="utf-8") != index.text(project):
        found.append(path)
    if picture.described(picture_file(project)) != picture.data(project):
        found.append(picture_file(project))
    if headers_page(project) != _text(headers_file(project)):
        found.append(headers_file(project))
    return found
