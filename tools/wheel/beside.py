"""The audit's example, where an environment with ``cinderx`` makes its own heap immortal.

    make audit PIN=... ARGS="tools/wheel/beside.py --python STOCK --python WITH-WHEEL
        --python WITH-CINDERX --python PATCHED"

One run for all: each interpreter does the best that it has. That of cinderx is its own call and
``gc.freeze()`` after it, which the audit calls.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from cowaudit import example
from cowaudit.example import exercise

try:
    import cinderx
except ImportError:
    cinderx = None

__all__ = ["before_fork", "exercise"]


def before_fork() -> None:
    """Warm up; then what cinderx has."""
    example.before_fork()
    if cinderx is not None:
        cinderx.immortalize_heap()
