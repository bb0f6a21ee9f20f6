"""interpreters: what they say of themselves, what is a flag, the copy that is measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from buildtoy import fake_program, make_toy
from cpatch.base.errors import CpatchError
from cpatch.building import flavors, records
from cpatch.measuring import interpreters


def test_an_interpreter_is_asked_what_it_is():
    found = interpreters.ask("stock", Path(sys.executable))
    assert found.version == sys.version.split()[0]
    assert len(found.binary) == 12
    assert "prefix" not in found.flags["CONFIG_ARGS"]


def test_what_is_no_interpreter_is_refused():
    with pytest.raises(CpatchError, match="is no CPython that runs"):
        interpreters.ask("stock", Path("/bin/true"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("ccache gcc", "gcc"),
        ("-O3 -I../Include -Wall", "-O3 -Wall"),
        ("'--with-lto' '--prefix=/opt/x'", "'--with-lto'"),
    ],
)
def test_places_are_no_flags(text, kept):
    assert interpreters._code_flags(text) == kept


def test_copy_for_measuring_is_made_once_at_a_path_of_fixed_length(tmp_path, monkeypatch):
    toy = make_toy(tmp_path, monkeypatch)
    objdir = tmp_path / "obj"
    fake_program(objdir, "python")
    (objdir / "Makefile").write_text(
        "altinstall:\n\t@echo made >> made; mkdir -p $(DESTDIR)/opt/some/where/bin; "
        "cp python $(DESTDIR)/opt/some/where/bin/python9.8\n"
    )
    built = records.Built(
        python=str(objdir / "python"), tree_id="a" * 40, commit="c", version="9.8.7",
        compiler="gcc", prefix="/opt/some/where", settings={},
    )  # fmt: skip
    flavor = flavors.get("release")
    one = interpreters._installed(toy.project, toy.pin, "stock", flavor, built)
    assert interpreters._installed(toy.project, toy.pin, "stock", flavor, built) == one
    assert (objdir / "made").read_text() == "made\n"
    home = toy.project.pin_build(toy.pin) / "bench" / "inst"
    assert one.relative_to(home).parts[1:] == ("bin", "python9.8")
    assert [len(path.name) for path in home.iterdir()] == [12]
