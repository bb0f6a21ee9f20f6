"""Run a pyperformance benchmark once, without pyperf around it.

    python run_once.py run_benchmark.py [options of the benchmark]

For instruction counts: the benchmark script is executed as it is, but what it
imports as pyperf is the few lines below, which call the measured function
once.  Standard library only; it runs under the interpreter being measured.
"""

import argparse
import runpy
import sys
import time
import types


class Runner:
    """As much of pyperf.Runner as the benchmark scripts use."""

    def __init__(self, add_cmdline_args=None, **ignored):
        self.argparser = argparse.ArgumentParser()
        self.metadata = {}
        self.args = None

    def parse_args(self, args=None):
        self.args = self.argparser.parse_args(args)
        return self.args

    def bench_func(self, name, func, *args, **ignored):
        func(*args)

    def bench_time_func(self, name, func, *args, **ignored):
        func(1, *args)


def main():
    script = sys.argv[1]
    pyperf = types.ModuleType("pyperf")
    pyperf.Runner = Runner
    pyperf.perf_counter = time.perf_counter
    pyperf.python_implementation = lambda: sys.implementation.name
    sys.modules["pyperf"] = pyperf
    sys.argv[:] = sys.argv[1:]
    sys.path[0] = script.rpartition("/")[0]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
