"""What checks the driver's style sees all of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_ruff_sees_each_file() -> None:
    argv = [sys.executable, "-m", "ruff", "check", "--show-files", "tools"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert {Path(line) for line in done.stdout.splitlines()} == {*(ROOT / "tools").rglob("*.py")}
