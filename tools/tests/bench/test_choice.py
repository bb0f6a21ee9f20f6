"""choice: which benchmarks of pyperformance are measured."""

from __future__ import annotations

import pytest
from cpatch.base.errors import CpatchError
from cpatch.bench import choice, counts


def test_default_set_is_cut_to_the_version():
    run, unfit = choice.choose("3.10.0")
    assert "nbody" in run
    assert any("async_tree" in name and "needs Python" in why for name, why in unfit.items())
    assert not set(run) & set(unfit)


def test_tags_and_names_are_chosen():
    run, _ = choice.choose("3.12.0", ("startup", "nbody"))
    assert {"python_startup", "python_startup_no_site", "nbody"} <= set(run)
    assert "chaos" not in run


def test_unknown_benchmark_names_the_nearest():
    with pytest.raises(CpatchError, match="'richrads'") as caught:
        choice.choose("3.12.0", ("richrads",))
    assert "richards" in (caught.value.fix or "")


def test_quick_set_exists():
    assert set(choice.QUICK) <= set(choice.manifest())
    assert {program.name for program in counts.PROGRAMS} <= set(choice.manifest())
