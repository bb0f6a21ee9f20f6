"""table: what an entry may say, and the table of this repository."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.compat import table
from cpatch.compat.table import Difference, Package

HOME = Path(__file__).parents[2] / "compat"

ENTRY = '[[package]]\nname = "toy[more]"\nversion = "1.0"\ntests = "wheel"\nimports = ["toy"]\n'
DIFFERENCE = """
[[difference]]
package = "toy"
tests = ["a.py::test_[1]*"]
runs = ["call"]
kind = "exact count"
cause = "So it is."
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "packages.toml"
    path.write_text(text)
    return path


def test_an_entry_is_read(tmp_path: Path) -> None:
    found = table.load(written(tmp_path, ENTRY + DIFFERENCE))
    (package,) = found.packages
    assert (package.project, package.imports, package.seconds) == ("toy", ("toy",), 240)
    rows = package.requirements.splitlines()
    assert rows[0] == "--only-binary toy"
    assert "toy[more]==1.0" in rows
    assert [each.name for each in found.choose(("toy",))] == ["toy[more]"]


def test_brackets_of_a_test_stand_for_themselves(tmp_path: Path) -> None:
    (row,) = table.load(written(tmp_path, ENTRY + DIFFERENCE)).differences
    assert row.concerns("toy", "call", "a.py::test_[1]-x")
    assert not row.concerns("toy", "call", "a.py::test_1")
    assert not row.concerns("toy", "patched", "a.py::test_[1]")
    assert not row.concerns("other", "call", "a.py::test_[1]")


def test_an_entry_may_be_of_some_pins(tmp_path: Path) -> None:
    text = ENTRY + DIFFERENCE
    assert len(table.load(written(tmp_path, text)).known("9.8")) == 1
    found = table.load(written(tmp_path, text + 'pins = ["9.9"]\n'))
    assert found.known("9.8") == []
    assert len(found.known("9.9")) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('tests = "wheel"', 'tests = "somewhere"'),
        ("imports", "exports"),
        ('kind = "exact count"', 'kind = "bad luck"'),
        ('runs = ["call"]', 'runs = ["stock"]'),
        ('package = "toy"', 'package = "tie"'),
        ("cause =", 'pin = "9.8"\ncause ='),
        ("cause =", 'pins = "9.8"\ncause ='),
        ('["a.py::test_[1]*"]', '"*"'),
        ("[[package]]", "[[package"),
    ],
)
def test_what_nobody_knows_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = ENTRY + DIFFERENCE
    assert old in text
    with pytest.raises(CpatchError):
        table.load(written(tmp_path, text.replace(old, new)))


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CpatchError, match="no such package"):
        table.load(written(tmp_path, ENTRY)).choose(("tie",))


def test_a_limit_leaves_results_valid_and_arguments_do_not() -> None:
    package = Package("toy", "1", "wheel", ("toy",))
    assert replace(package, seconds=1, short=True).digest == package.digest
    for other in (replace(package, args=("x",)), replace(package, version="2")):
        assert other.digest != package.digest


def test_the_table_of_this_repository() -> None:
    found = table.load(HOME / "packages.toml")
    assert len(found.packages) >= 30
    assert sum(each.short for each in found.packages) == 5
    for each in found.packages:
        assert each.imports, each.name
        assert bool(each.copy) == (each.tests == "sdist"), each.name
        if each.tests == "program":
            for name in each.args:
                assert (HOME / "programs" / name).exists(), name
        partly = each.tests == "program" or ("--pyargs" in each.args and len(each.args) > 2)
        assert each.part or not partly, f"{each.name}: which part of its tests?"
    for row in found.differences:
        assert isinstance(row, Difference)
        assert row.cause.endswith("."), row.cause
