r"""What making the heap immortal costs: against a collection, and at start-up.

    build/venv/bin/python tools/measure/heap_cost.py --output heap-cost.json \\
        build/3.NN/obj-patched-pgo/python

For heaps of 10^4 to 10^7 objects (instances, dicts, lists, tuples, strings,
floats) new processes time one gc.collect() or one gc.immortalize_heap(), in
turn, after an untimed collection.  The call collects, too: it finds what is
alive as a collection does, and marks on the way.

Start-up is counted, not timed: callgrind's instructions of `python -c pass`,
with and without the start-up call, and what _PyGC_ImmortalizeHeap() and all
it calls took of them.  Needs valgrind and setarch.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asked
import click
from cpatch.bench import runs
from cpatch.bench.probes import Measuring
from rich.progress import Progress

Times = dict[int, dict[str, list[float]]]

FUNCTIONS = ("collect", "immortalize_heap")

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
function = getattr(gc, sys.argv[2])
begin = time.perf_counter()
function()
seconds = time.perf_counter() - begin
sys.stdout.write(repr(seconds))
sys.stdout.flush()
__import__('os')._exit(0)    # taking the heap down is not measured
"""


def time_once(python: Measuring, size: int, function: str) -> float:
    """Return the seconds that one call takes in a new process."""
    argv = [python.role.side.python, "-I", "-S", "-c", CHILD, str(size), function]
    return float(python.ask(argv)[-1])


def time_heaps(python: Measuring, sizes: list[int], rounds: int) -> Times:
    """Time both functions at each size, in the order A B B A ... ; Ctrl-C keeps what is there."""
    times: Times = {size: {function: [] for function in FUNCTIONS} for size in sizes}
    try:
        with Progress(disable=not sys.stderr.isatty()) as progress:
            bar = progress.add_task("heaps", total=rounds * len(sizes) * len(FUNCTIONS))
            for number in range(rounds):
                if progress.disable:
                    click.echo(f"round {number + 1} of {rounds}", err=True)
                for size in sizes:
                    for function in FUNCTIONS if number % 2 == 0 else FUNCTIONS[::-1]:
                        times[size][function].append(time_once(python, size, function))
                        progress.advance(bar)
    except KeyboardInterrupt:
        click.echo("interrupted: what was complete is kept", err=True)
    return times


def count(python: Measuring, *options: str) -> tuple[int, int]:
    """Return the instructions of `python -c pass`: all, and those of the start-up call."""
    env = runs.environment(python.role, python.seed)
    plain = [python.role.side.python, "-I", *options, "-c", "pass"]
    # Once uncounted, so that no count includes writing a .pyc.
    subprocess.run(plain, env=env, check=True)
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory, "callgrind.out")
        command = ["setarch", "--addr-no-randomize", "valgrind", "--tool=callgrind"]
        command += [f"--callgrind-out-file={output}", *plain]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        total = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode or not total:
            tail = done.stderr[-2000:]
            raise click.ClickException(f"callgrind on {plain[0]} ended {done.returncode}:\n{tail}")
        annotate = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(output)]
        listing = subprocess.run(annotate, capture_output=True, text=True, check=True).stdout
    # "1,234,567 ( 4.32%)  path/immortal_startup.c:_PyGC_ImmortalizeHeap [path/python]"
    # Link-time optimization may leave only the part that does the work.
    call = re.search(
        r"^\s*([\d,]+) .*[:/](?:_PyGC_ImmortalizeHeap|_PyImmortalHeap_Ma(?:ke|rk))\b",
        listing,
        re.M,
    )
    return int(total[1]), int(call[1].replace(",", "")) if call else 0


@click.command()
@click.argument(
    "path", metavar="PYTHON", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Raw data, JSON.")
@click.option("--rounds", default=7, show_default=True, help="Processes per size and function.")
@click.option(
    "--size", "sizes", multiple=True, type=int, default=[10**4, 10**5, 10**6, 10**7],
    show_default=True, help="Objects; may be repeated.",
)  # fmt: skip
@click.option("--startup/--no-startup", default=True, show_default=True, help="Count start-up.")
@asked.explained()
def main(path: Path, output: Path, rounds: int, sizes: tuple[int, ...], startup: bool) -> None:
    """Measure gc.immortalize_heap() against gc.collect(), and the call at start-up."""
    python = asked.interpreter("python", path)
    facts = asked.facts(python) | {"begun": time.strftime("%Y-%m-%d %H:%M")}
    times = time_heaps(python, sorted(set(sizes)), rounds)
    counts = {}
    if startup:
        with_call, call = count(python)
        without, _ = count(python, "-X", "immortal_heap=off")
        if not call:
            raise click.ClickException("callgrind saw no start-up call: symbols stripped?")
        counts = {"with": with_call, "without": without, "call": call}
    raw = {"facts": facts, "seconds": times, "startup_instructions": counts}
    output.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    report(times, counts)


def report(times: Times, counts: dict[str, int]) -> None:
    """Print Markdown: medians for each size, and the counts of start-up."""
    print("| objects | `gc.collect()` | `gc.immortalize_heap()` | ratio |")
    print("|---:|---:|---:|---:|")
    for size, functions in times.items():
        if all(functions.values()):
            collect, call = (statistics.median(functions[name]) for name in FUNCTIONS)
            cells = f"{collect * 1e3:.3g} ms | {call * 1e3:.3g} ms | {call / collect:.2f}"
            print(f"| {size:,} | {cells} |")
    if counts:
        total, without, call = counts["with"], counts["without"], counts["call"]
        print()
        print("| `python -I -c pass` | instructions | |")
        print("|---|---:|---:|")
        print(f"| with the start-up call | {total / 1e6:.2f} M | |")
        change = (total / without - 1) * 100
        print(f"| without | {without / 1e6:.2f} M | with: {change:+.2f} % |")
        print(f"| the call itself | {call / 1e6:.2f} M | {call / total * 100:.2f} % |")


if __name__ == "__main__":
    main()
