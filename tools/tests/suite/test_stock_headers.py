"""stock_headers: what counts when its program ends."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from buildtoy import make_toy
from cpatch.building import build
from cpatch.suite import stock_headers

OK = "print('Ran 13 tests in 1s\\n\\nOK', flush=True)\n"


@pytest.mark.parametrize(("end", "failed"), [("", 0), ("import os\nos.abort()\n", 1)])
def test_a_crash_after_the_last_line_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, failed: int
) -> None:
    toy = make_toy(tmp_path / "toy", monkeypatch)
    script = toy.root / "tools" / "stockabi" / "check.py"
    script.parent.mkdir(parents=True)
    script.write_text(OK + end)
    built = SimpleNamespace(python=sys.executable, path=Path(sys.executable))
    monkeypatch.setattr(build, "ensure_built", lambda *given, **more: built)
    found = stock_headers.check(toy.project, toy.pin, 1, tmp_path / "log")
    assert found == (13, failed, 0)
