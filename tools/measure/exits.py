r"""What it costs to exit: time with many objects alive, and pages a worker un-shares.

    build/venv/bin/python tools/measure/exits.py --output DIR/exits.json \\
        stock=build/3.NN/obj-stock-release/python patched=build/3.NN/obj-patched-release/python

Time is from a program's last statement to the end of its process; new processes, in turn, and the
base twice a round: its second runs against its first are the A/A column.

The worker is forked from a parent with about 150 standard modules and 40,000 records; counted are
its minor page faults if it exits normally, less those of a worker that calls os._exit() at once.
The parent prepares with gc.immortalize_heap() if there is one, else with gc.freeze().
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import asked
import click
from cpatch.bench.probes import LAST, Measuring
from rich.progress import Progress

Times = dict[str, list[float]]

PROGRAMS = {
    "lists": "x = [[i] for i in range(N)]",
    "instances": "class A:\n  def __init__(s, i): s.i = i\nx = [A(i) for i in range(N)]",
    "with __del__": "class A:\n  def __del__(s): pass\nx = [A() for i in range(N)]",
    "cycles": "class A: pass\nx = [A() for i in range(N)]\nfor a in x: a.me = a",
}
FIRST = "import sys, time\n"

WORKER = """\
import gc, importlib, os, sys
for name in sorted(sys.stdlib_module_names):
    if name[0] != '_' and name not in ('antigravity', 'this', 'idlelib', 'turtle', 'tkinter'):
        try: importlib.import_module(name)
        except Exception: pass
class Record:
    def __init__(self, i):
        self.number = i + 10 ** 6; self.name = f'record {i}'; self.more = {'a': i + .5, 'b': [i]}
heap = [Record(i) for i in range(40000)]
gc.collect()
getattr(gc, 'immortalize_heap', gc.freeze)()
def faults(leave):
    pid = os.fork()
    if not pid:
        leave(0)
    return os.wait4(pid, 0)[2].ru_minflt
if os.fork() == 0:
    first = faults(os._exit)
    pid = os.fork()
    if not pid: sys.exit(0)
    n = os.wait4(pid, 0)[2].ru_minflt - first
    os.write(1, str(n).encode())
    os._exit(0)
os.wait()
os._exit(0)
"""


def seconds_to_exit(python: Measuring, program: str, size: int) -> float:
    """Return the seconds from the last statement to the end of the process."""
    source = FIRST + program.replace("N", str(size)) + "\n" + LAST
    ((_, seconds),) = python.times(1, "-c", source)
    return seconds


def faults_of_exit(python: Measuring) -> int:
    """Return the page faults that a forked worker's normal exit takes."""
    return int(python.ask([python.role.side.python, "-c", WORKER])[-1])


@click.command()
@click.argument("pythons", nargs=-1, required=True, metavar="NAME=PYTHON...")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Raw data, JSON.")
@click.option("--rounds", default=7, show_default=True, help="Processes per size and program.")
@click.option(
    "--size", "sizes", multiple=True, type=int, default=[10, 10**4, 10**6], show_default=True
)
@asked.explained()
def main(pythons: tuple[str, ...], output: Path, rounds: int, sizes: tuple[int, ...]) -> None:
    """Measure what it costs to exit."""
    interpreters = asked.interpreters(pythons)
    base, first = next(iter(interpreters.items()))
    roles = [*interpreters.items(), (f"{base} again", first)]
    rows: dict[str, Times] = {}
    with Progress(disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("exits", total=len(PROGRAMS) * len(sizes) * rounds)
        for name, program in PROGRAMS.items():
            for size in sizes:
                row = rows.setdefault(f"{name}, {size:,}", {role: [] for role, _ in roles})
                for number in range(rounds):
                    for role, python in roles if number % 2 == 0 else roles[::-1]:
                        row[role].append(seconds_to_exit(python, program, size))
                    progress.advance(bar)
    faults = {name: [faults_of_exit(python) for _ in range(3)] for name, python in roles[:-1]}
    facts = {name: asked.facts(python) for name, python in interpreters.items()}
    raw = {"facts": facts, "rounds": rounds, "seconds": rows, "faults": faults}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    report(rows, faults, base)


def report(rows: dict[str, Times], faults: dict[str, list[int]], base: str) -> None:
    """Print Markdown: medians, and how many times faster than the base."""
    others = [name for name in faults if name != base]
    print(f"| alive at exit | {base} | A/A | " + " | ".join(others) + " |")
    print("|---|" + "---:|" * (2 + len(others)))
    for title, times in rows.items():
        median = {name: statistics.median(values) for name, values in times.items()}
        cells = [f"{median[base] * 1e3:.3g} ms", f"{median[base] / median[f'{base} again']:.2f}"]
        cells += [f"{median[n] * 1e3:.3g} ms, {median[base] / median[n]:.2f}x" for n in others]
        print(f"| {title} | " + " | ".join(cells) + " |")
    print()
    print("| | page faults of a forked worker's exit |")
    print("|---|---:|")
    for name, counts in faults.items():
        print(f"| {name} | {statistics.median(counts):,.0f} |")


if __name__ == "__main__":
    main()
