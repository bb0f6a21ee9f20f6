"""What is said of a source that does not build, and what of everything else that stops a build."""

from __future__ import annotations

from pathlib import Path

import pytest
from buildtoy import Toy, make_toy
from cpatch.base.errors import CpatchError
from cpatch.building import build, flavors, host, make


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    return make_toy(tmp_path / "p", monkeypatch)


def built(toy: Toy) -> None:
    build.ensure_built(toy.project, toy.pin, "patched", flavors.get("release"), jobs=1)


@pytest.mark.parametrize("name", ["configure-fails", "b-fails"])
def test_the_source_does_not_build(toy: Toy, name: str) -> None:
    (toy.source() / name).touch()
    with pytest.raises(make.NotBuiltError, match="toy says no"):
        built(toy)


def test_a_host_that_lacks_something_says_nothing_of_the_source(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(*given: object) -> None:
        raise host.lacking([host.Finding("zlib", "zlib1g-dev", False, "no")])

    monkeypatch.setattr(host, "ensure_host", lacks)
    with pytest.raises(CpatchError, match="this host lacks") as caught:
        built(toy)
    assert not isinstance(caught.value, make.NotBuiltError)


def test_an_interpreter_that_is_another_one_was_built(toy: Toy) -> None:
    (toy.source() / "answers").write_text("echo '#!/bin/sh'\n")
    with pytest.raises(CpatchError, match="does not run") as caught:
        built(toy)
    assert not isinstance(caught.value, make.NotBuiltError)
