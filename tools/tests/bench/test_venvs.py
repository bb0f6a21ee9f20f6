"""The environments of bench: what a killed run leaves is made anew, what is whole stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cpatch.base import proc
from cpatch.bench import venvs
from pyperformance.run import get_compatibility_id


def test_half_made_environment_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "venv"
    (root / "common" / "bin").mkdir(parents=True)
    seen = []

    def step(title: str, argv: list[str], **rest: object) -> None:
        seen.append(sorted(path.name for path in root.rglob("*")))
        placed = {name: {"python": "p"} for name in argv[5:]}
        record = {"compatibility": get_compatibility_id(), "python": "/p"}
        root.mkdir(exist_ok=True)
        (root / venvs.RECORD).write_text(
            json.dumps({**record, "benchmarks": placed, "packages": {}})
        )

    monkeypatch.setattr(proc, "step", step)
    for names in (["a"], ["a"], ["a", "b"]):
        venvs.ensure(Path("/p"), root, names, tmp_path / "log", tmp_path / "pip")
    assert seen == [[], [venvs.RECORD]]
