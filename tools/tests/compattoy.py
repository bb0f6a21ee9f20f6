"""Toy packages: a table of two, and runs that say what a test wants instead of running."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import benchtoy
import pytest
from buildtoy import Toy, make_toy
from cpatch.compat.running import Bench, Run
from cpatch.compat.table import Package
from cpatch.measuring import interpreters
from cpatch.measuring.environments import Venv
from cpatch.measuring.interpreters import Side

TABLE = """
[[package]]
name = "toy"
version = "1"
tests = "wheel"
imports = ["toy"]
args = ["--pyargs", "toy"]
short = true

[[package]]
name = "tie"
version = "2"
tests = "wheel"
imports = ["tie"]
part = "most"

[[difference]]
package = "toy"
tests = ["count"]
runs = ["call"]
kind = "exact count"
cause = "Asserts the count of something that is immortal."
"""

PAGE = "# Page\n\n<!-- 9.8: written by make compat -->\nold\n<!-- 9.8: end -->\nrest\n"


class Runs:
    """What each run says, in place of running anything; counts them."""

    def __init__(self) -> None:
        self.by_who: dict[str, list[dict[str, str]]] = {}
        self.status: dict[str, int | str] = {}
        self.asked: list[tuple[str, str, int]] = []
        self.benches: list[Bench] = []
        self.installed = ["toy==1"]
        self.more: dict[str, object] = {}

    def pair(self, *args: object, **more: object) -> tuple[str, Side, Side]:
        stock, patched = (
            Side(**{**benchtoy.side(who), "python": sys.executable, **self.more})
            for who in ("stock", "patched")
        )
        return "release", stock, patched

    def ensure(self, *args: object, **more: object) -> Venv:
        return Venv(Path(sys.executable), self.installed)

    def run(self, bench: Bench, package: Package, who: str, only: Iterable[str] = ()) -> Run:
        chosen = list(only)
        self.benches.append(bench)
        self.asked.append((package.name, who, len(chosen)))
        rows = self.by_who.get(who, [{"a": "passed"}])
        found = rows.pop(0) if len(rows) > 1 else rows[0]
        tests = {test: found[test] for test in found if not chosen or test in chosen}
        return Run(self.status.get(who, 0), float(package.seconds), tests)


def make_compat(root: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Return a toy repository with the table and the page."""
    made = make_toy(root, monkeypatch)
    home = made.root / "tools" / "compat"
    (home / "inside").mkdir(parents=True)
    (home / "packages.toml").write_text(TABLE)
    (made.root / "docs").mkdir()
    (made.root / "docs" / "compat.md").write_text(PAGE.replace("9.8", made.pin.branch))
    return made


# A file whose tests ask for these says so: toy = compattoy.toy. They are in no conftest.py beside
# the tests: there can be one module of that name, and other tests import it.


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Return the toy repository of one test."""
    return make_compat(tmp_path / "toy", monkeypatch)


@pytest.fixture
def runs(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Put one in the place of interpreters, environments and runs."""
    found = Runs()
    monkeypatch.setattr(interpreters, "pair", found.pair)
    monkeypatch.setattr("cpatch.measuring.environments.ensure", found.ensure)
    monkeypatch.setattr(Bench, "run", lambda *args: found.run(*args))
    return found
