"""Run a pyperformance benchmark once, without pyperf around it.

    python once.py run_benchmark.py [options of the benchmark]

For counting instructions: the benchmark's script is executed as it is, but what it imports as
pyperf is the few lines below, which call each measured function once. Standard library only; it
runs under the interpreter being measured.
"""

from __future__ import annotations

import argparse
import runpy
import sys
import time
import types
from collections.abc import Callable
from typing import Any


class Runner:
    """As much of pyperf.Runner as the benchmarks use that measure in their own process."""

    def __init__(self, add_cmdline_args: object = None, **ignored: object) -> None:
        self.argparser = argparse.ArgumentParser()
        self.metadata: dict[str, object] = {}
        self.args: argparse.Namespace | None = None

    def parse_args(self, args: list[str] | None = None) -> argparse.Namespace:
        """Parse the benchmark's own options, once."""
        if self.args is None:
            self.args = self.argparser.parse_args(args)
        return self.args

    def bench_func(self, name: str, func: Callable[..., Any], *args: Any, **ignored: Any) -> None:
        """Call a function."""
        self.parse_args()
        func(*args)

    def bench_time_func(
        self, name: str, func: Callable[..., Any], *args: Any, **ignored: Any
    ) -> None:
        """Call a function that takes the number of loops first, with one loop."""
        self.parse_args()
        func(1, *args)

    def bench_async_func(
        self, name: str, func: Callable[..., Any], *args: Any, **ignored: Any
    ) -> None:
        """Await a coroutine function."""
        import asyncio

        self.parse_args()
        asyncio.run(func(*args))

    def bench_command(self, name: str, command: list[str]) -> None:
        """Refuse: callgrind sees this process and not the one that is meant."""
        sys.exit(f"{name} measures another process, which is not counted")


def main() -> None:
    """Execute the script named first, with the arguments after it."""
    del sys.argv[0]
    script = sys.argv[0]
    pyperf: Any = types.ModuleType("pyperf")
    pyperf.Runner = Runner
    pyperf.perf_counter = time.perf_counter
    pyperf.python_implementation = lambda: sys.implementation.name
    sys.modules["pyperf"] = pyperf
    sys.path[0] = script.rpartition("/")[0]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
