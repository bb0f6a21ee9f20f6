"""live: a server looks at itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cowaudit.audit
import pytest
from cowaudit import layouts, pagemap

PAGE = pagemap.PAGE

known_layout = pytest.mark.skipif(
    layouts.of(*sys.version_info[:2], sys.abiflags) is layouts.PLAIN,
    reason="not one of the pins' CPythons",
)


@known_layout
def test_a_server_looks_at_itself() -> None:
    # In a process of its own, which forks: the writer tells what it wrote.
    program = """\
import os, sys
import cowaudit.live
floats = [number + 0.5 for number in range(50_000)]
texts = [f"text {number}" for number in range(50_000)]
mark = cowaudit.live.mark()
for rounds in (0, 1):
    if os.fork() == 0:
        for _ in range(rounds):
            for value in floats:
                pass
        look = mark.look()
        print(look.old, look.on.get("float", 0), look.on.get("str", 0), str(look).count("float"))
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(cowaudit.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    idle, busy = ([int(word) for word in line.split()] for line in done.stdout.splitlines())
    assert busy[1] - idle[1] > 380
    assert busy[0] - idle[0] > 380 * PAGE
    assert abs(busy[2] - idle[2]) < 40
    assert busy[3] == 1
