"""Which of the overlay's test files a leg may leave out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from cpatch.suite import choice

ROOT = Path(__file__).parents[3]
#: What gives a child an environment without PYTHON*, and what gives it that of the parent.
CLEAN = re.compile(r"^from test\.(immortal_exit_support|finalization_ways[.\w]*) import", re.M)
INHERITED = re.compile(r"script_helper|immortal_support|EmbeddingTests|\*\*os\.environ")
#: What starts children.
STARTS = re.compile(f"{CLEAN.pattern}|{INHERITED.pattern}|subprocess", re.M)
THREADS = re.compile(r"Thread\(|start_new_thread|ThreadPool|threading_helper")
FOUND = {
    path.stem: path.read_text(encoding="utf-8")
    for place in (ROOT, *sorted((ROOT / "patches").glob("3.*")))
    for path in sorted((place / "Lib" / "test").glob("test_*.py"))
}


@pytest.mark.parametrize("name", choice.UNDISTURBED)
def test_children_without_variables(name: str) -> None:
    assert CLEAN.search(FOUND[name])
    assert not INHERITED.search(FOUND[name])


def test_what_starts_threads_is_known() -> None:
    starts = {name for name, text in FOUND.items() if THREADS.search(text)}
    assert starts - set(choice.LONG) == {name for name in choice.THREADS if name in FOUND}


def test_what_looks_at_children_is_not_repeated() -> None:
    looking = {name for name, text in FOUND.items() if CLEAN.search(text) or _isolated(text)}
    assert looking <= set(choice.CHILDREN)
    assert all(STARTS.search(FOUND[name]) for name in choice.CHILDREN)


def _isolated(text: str) -> bool:
    """Tell whether all tests of a file run in children, one by one."""
    classes = [each for each in ast.parse(text).body if isinstance(each, ast.ClassDef)]
    tests = [each for each in classes if "TestCase" in "".join(map(ast.unparse, each.bases))]
    return all("isolated" in map(ast.unparse, each.decorator_list) for each in tests)
