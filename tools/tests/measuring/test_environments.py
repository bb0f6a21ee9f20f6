"""environments: the same packages beside stock and patched."""

from __future__ import annotations

from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.measuring import environments


def test_packages_must_be_the_same(tmp_path: Path) -> None:
    venvs = {
        name: environments.Venv(tmp_path / name / "bin/python", [f"a=={number}"])
        for number, name in enumerate(("stock", "patched"))
    }
    with pytest.raises(CpatchError, match="different packages"):
        environments.check_same(venvs)
