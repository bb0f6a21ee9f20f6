r"""What gc.get_objects() and gc.get_referrers() take, on two interpreters.

    build/venv/bin/python tools/measure/look_cost.py --output look-cost.json \
        stock=build/3.NN/obj-stock-release/python patched=build/3.NN/obj-patched-release/python

New processes, of each interpreter in turn, time one call on what start-up left and on heaps of
more objects (instances, dicts, lists, tuples, strings, floats), after a collection; with
--immortalize, gc.immortalize_heap() is called before where there is one.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import asked
import click
from cpatch.bench.probes import Measuring

# Runs in the interpreter that is measured.  A Record makes 10 objects.
CHILD = """\
import gc, sys, time
class Record:
    def __init__(self, i):
        self.number = i + 10 ** 6
        self.name = f'record {i}'
        self.values = [i + 0.5, {self.name: (i, 'x' + self.name)}]
        self.group = {self.number}
gc.disable()
heap = [Record(i) for i in range(int(sys.argv[1]) // 10)]
gc.collect()
if sys.argv[2] == 'call' and hasattr(gc, 'immortalize_heap'):
    gc.immortalize_heap()
begin = time.perf_counter()
found = gc.get_objects()
middle = time.perf_counter()
gc.get_referrers(heap)
end = time.perf_counter()
sys.stdout.write(f'{middle - begin} {end - middle} {len(found)}')
sys.stdout.flush()
__import__('os')._exit(0)
"""

FUNCTIONS = ("get_objects", "get_referrers")

# {interpreter: {objects: {function: seconds}}}
Times = dict[str, dict[int, dict[str, list[float]]]]


def time_once(python: Measuring, size: int, call: bool) -> tuple[list[float], int]:
    """Return the seconds of both calls in a new process, and how many objects were found."""
    argv = [python.role.side.python, "-I", "-c", CHILD, str(size), "call" if call else ""]
    *seconds, found = python.ask(argv)[-1].split()
    return [float(value) for value in seconds], int(found)


@click.command()
@click.argument("sides", metavar="NAME=PYTHON...", nargs=-1, required=True)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Raw data, JSON.")
@click.option("--rounds", default=7, show_default=True, help="Processes per size and interpreter.")
@click.option(
    "--size", "sizes", multiple=True, type=int, default=[0, 10**6], show_default=True,
    help="Objects beside those of start-up; may be repeated.",
)  # fmt: skip
@click.option("--immortalize", is_flag=True, help="Call gc.immortalize_heap() before.")
@asked.explained()
def main(
    sides: tuple[str, ...], output: Path, rounds: int, sizes: tuple[int, ...], immortalize: bool
) -> None:
    """Measure gc.get_objects() and gc.get_referrers(), and print a Markdown table, in ms."""
    pythons = asked.interpreters(sides)
    facts = {name: asked.facts(python) for name, python in pythons.items()}
    times: Times = {
        name: {size: {function: [] for function in FUNCTIONS} for size in sizes} for name in pythons
    }
    found: dict[str, dict[int, int]] = {name: {} for name in pythons}
    for number in range(rounds):
        for size in sizes:
            for name in list(pythons) if number % 2 == 0 else list(pythons)[::-1]:
                seconds, found[name][size] = time_once(pythons[name], size, immortalize)
                for function, value in zip(FUNCTIONS, seconds, strict=True):
                    times[name][size][function].append(value)
    raw = {
        "facts": facts,
        "ended": time.strftime("%Y-%m-%d %H:%M"),
        "immortalize": immortalize,
        "seconds": times,
        "found": found,
    }
    output.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    report(times, found)


def report(times: Times, found: dict[str, dict[int, int]]) -> None:
    """Print the medians of what was timed."""
    print("| | objects found | `gc.get_objects()` | `gc.get_referrers()` |")
    print("|---|---:|---:|---:|")
    for name, sizes in times.items():
        for size, functions in sizes.items():
            cells = [f"{statistics.median(functions[f]) * 1e3:.3g} ms" for f in FUNCTIONS]
            print(f"| {name} | {found[name][size]:,} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
