"""The driver's layers: who may import whom, and that they stay small and without circles.

``LAYERS`` is the one table. What it holds is read from the sources (``ast``), nothing is imported:
an import inside a function, or for a type checker alone, is an import like any other.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1]

#: From the top down. A package imports what stands below its own line, never what is beside it.
LAYERS = (
    ("cli",),
    ("verbs",),
    ("kept", "suite"),
    ("audit", "bench", "compat", "dist", "exits", "headers", "report", "servers", "wheels"),
    ("measuring",),
    ("building",),
    ("series",),
    ("sources",),
    ("base",),
)

#: Packages beside the driver that know nothing of it, and the one package that calls each.
BESIDE = {"cowaudit": "audit", "exitfuzz": "exits"}

#: What the verbs share. No other module of ``verbs`` is imported, by name, by anybody: a verb is
#: a door and no library, and the table opens it when it is asked for.
SHARED = {"verbs": ("verbs.options",), "cli": ("verbs.table",)}

MOST_LINES = 400
MOST_PARAMETERS = 8

_PLACE = {name: number for number, layer in enumerate(LAYERS) for name in layer}


@dataclass(frozen=True)
class Module:
    """One file: ``name`` is ``package.module`` below ``cpatch``."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        """Its place in the table."""
        return self.name.partition(".")[0]


def modules(root: Path) -> dict[str, Module]:
    """The driver's modules below *root*, but for the two that only start it."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        if name not in ("", "__main__"):
            found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return found


def imported(module: Module, known: dict[str, Module]) -> Iterator[str]:
    """What a module imports: ``cpatch.x.y`` for the driver's, the top name for all others."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name if alias.name.startswith("cpatch.") else alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            if origin.split(".")[0] != "cpatch":
                yield origin.split(".")[0]
                continue
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield inner if inner.removeprefix("cpatch.") in known else origin
        elif isinstance(node, ast.Constant) and re.fullmatch(r"cpatch(\.\w+)+", str(node.value)):
            # A program that is started by its module's name: python -m cpatch.servers.load.
            yield str(node.value)


def forbidden(root: Path) -> list[str]:
    """Imports that the table does not allow, a line each."""
    known = modules(root)
    found = []
    for module in known.values():
        here = _PLACE.get(module.package)
        if here is None:
            found.append(f"{module.name}: its package is not in the table")
            continue
        for name in imported(module, known):
            inner = name.removeprefix("cpatch.")
            package = inner.partition(".")[0]
            if name == "":
                found.append(f"{module.name}: a relative import")
            elif name == "click" and module.package != "verbs":
                found.append(f"{module.name}: imports click, which is for verbs")
            elif name in BESIDE and BESIDE[name] != module.package:
                found.append(f"{module.name}: imports {name}, which is for {BESIDE[name]}")
            elif name == inner:
                continue
            elif inner not in known:
                found.append(f"{module.name}: names {name}, which is no module")
            elif inner.startswith("verbs."):
                if inner not in SHARED.get(module.package, ()):
                    found.append(f"{module.name}: imports the door {name}")
            elif package != module.package and _PLACE[package] <= here:
                found.append(f"{module.name}: imports {name}, which is not below it")
    return found


def circle(root: Path) -> list[str]:
    """Modules that import each other in a circle, if there is one."""
    known = modules(root)
    graph = {
        name: {each.removeprefix("cpatch.") for each in imported(module, known)} - {name}
        for name, module in known.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def beside(root: Path) -> list[str]:
    """Imports of the driver by the packages that know nothing of it."""
    return [
        f"{path.relative_to(root)}: imports the driver"
        for name in BESIDE
        for path in sorted((root / name).rglob("*.py"))
        if any(
            word.startswith("cpatch")
            for word in imported(Module(name, path, ast.parse(path.read_text())), {})
        )
    ]


def large(root: Path) -> list[str]:
    """Files with too many lines, and functions with so many parameters that they hide a job."""
    found = []
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(root)
        if text.count("\n") > MOST_LINES:
            found.append(f"{where}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                count = sum(each.arg not in ("self", "cls") for each in every)
                if count > MOST_PARAMETERS:
                    found.append(f"{where}: {node.name} takes {count} parameters")
    return found


def test_every_import_goes_down() -> None:
    assert forbidden(TOOLS / "cpatch") == []
    assert beside(TOOLS) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(TOOLS / "cpatch") == []


def test_nothing_is_large() -> None:
    assert large(TOOLS) == []


def test_every_package_stands_in_the_table_and_says_what_it_is_for() -> None:
    packages = {path.parent.name: path for path in (TOOLS / "cpatch").glob("*/__init__.py")}
    assert set(packages) == set(_PLACE) - {"cli"}
    for path in packages.values():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
    guide = (TOOLS / "README.md").read_text(encoding="utf-8")
    lines = [guide.index(f"`{layer[0]}") for layer in LAYERS]
    assert lines == sorted(lines)
    for name in _PLACE:
        assert re.search(rf"`{name}(/|\.py)?`", guide), name


def test_tests_lie_where_what_they_test_lies() -> None:
    here = TOOLS / "tests"
    homes = {path.name for path in TOOLS.iterdir() if path.is_dir()} | set(_PLACE)
    for path in here.rglob("test_*.py"):
        assert path.parent == here or path.parent.name in homes, path


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("base/proc.py", "from cpatch.building import host", "is not below it"),
        ("bench/runs.py", "from cpatch.report import rows", "is not below it"),
        ("series/apply.py", "def f():\n    import cpatch.suite.legs", "is not below it"),
        ("building/build.py", "import click", "imports click"),
        ("audit/view.py", "from exitfuzz import oracle", "imports exitfuzz"),
        ("suite/legs.py", "from cpatch.verbs import test", "imports the door"),
        ("verbs/which.py", "from cpatch.verbs.build import command", "imports the door"),
        ("base/git.py", "from . import console", "relative import"),
        ("servers/running.py", "NAME = 'cpatch.servers.gone'", "is no module"),
    ],
)
def test_what_is_forbidden_is_found(tmp_path: Path, file: str, line: str, complaint: str) -> None:
    shutil.copytree(TOOLS / "cpatch", tmp_path / "cpatch")
    with (tmp_path / "cpatch" / file).open("a", encoding="utf-8") as stream:
        stream.write(f"\n\n{line}\n")
    (found,) = {*forbidden(tmp_path / "cpatch")} - {*forbidden(TOOLS / "cpatch")}
    assert complaint in found


def test_a_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    text = "from cpatch.sources import upstream\n"
    (tmp_path / "sources" / "fetch.py").write_text(text)
    text = "def later():\n    from cpatch.sources import fetch\n    return fetch\n"
    (tmp_path / "sources" / "upstream.py").write_text(text)
    assert set(circle(tmp_path)) == {"sources.fetch", "sources.upstream"}
