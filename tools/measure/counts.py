r"""Instructions that programs take on several interpreters, counted by callgrind.

    build/venv/bin/python tools/measure/counts.py \\
        stock=build/3.NN/obj-stock-pgo/python patched=build/3.NN/obj-patched-pgo/python

The first interpreter is what the others are compared with.  The programs are
pyperformance's own benchmarks, each measured function called once, plus bare
start-up.  Counts repeat to about 0.01 %: PYTHONHASHSEED is fixed and address
space randomisation is off.  Needs valgrind, setarch and pyperformance.
"""

from __future__ import annotations

import csv
import math
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
import common
from rich.progress import Progress

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Program:
    """What one row counts: a benchmark script and its options, or bare start-up."""

    name: str
    script: str = ""
    options: tuple[str, ...] = ()

    def command(self, python: Path) -> list[str]:
        """The command line that runs this once."""
        if not self.script:
            return [str(python), "-I", "-c", "pass"]
        script = common.script_of(self.script)
        return [str(python), "-S", "-s", str(HERE / "run_once.py"), str(script), *self.options]


PROGRAMS = (
    Program("nbody", "nbody", ("--iterations", "5000")),
    Program("richards", "richards"),
    Program("deltablue", "deltablue"),
    Program("float", "float"),
    Program("nqueens", "nqueens"),
    Program("chaos", "chaos", ("--iterations", "1500")),
    Program("json_dumps", "json_dumps"),
    Program("pickle_pure_python", "pickle", ("--pure-python", "pickle")),
    Program("regex_compile", "regex_compile"),
    Program("hexiom", "hexiom", ("--level", "10")),
    Program("python_startup"),
)


def count(program: Program, python: Path) -> int:
    """Return the instructions that one run takes, in user mode."""
    env = common.environment()
    plain = program.command(python)
    # Once uncounted, so that no count includes compiling and writing a .pyc.
    subprocess.run(plain, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    command = ["setarch", "--addr-no-randomize", "valgrind", "--tool=callgrind"]
    command += ["--callgrind-out-file=/dev/null", *plain]
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise click.ClickException(
            f"{program.name} on {python} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )
    return int(found[1])


@click.command()
@click.argument("interpreters", nargs=-1, required=True, metavar="NAME=PYTHON...")
@click.option("--program", "names", multiple=True, help="Only this program; may be repeated.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Runs at a time.")
@click.option("--csv", "target", type=click.Path(path_type=Path), help="Keep the raw counts here.")
def main(
    interpreters: tuple[str, ...], names: tuple[str, ...], jobs: int, target: Path | None
) -> None:
    """Count instructions of the same programs on several interpreters."""
    pythons = common.interpreters(interpreters)
    programs = [program for program in PROGRAMS if not names or program.name in names]
    if not programs:
        known = " ".join(program.name for program in PROGRAMS)
        raise click.UsageError(f"no such program: {' '.join(names)}; there are: {known}")
    tasks = [(program, name) for program in programs for name in pythons]
    with ThreadPoolExecutor(jobs) as pool, Progress(disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("callgrind", total=len(tasks))
        futures = {task: pool.submit(count, task[0], pythons[task[1]]) for task in tasks}
        counts = {}
        for task, future in futures.items():
            counts[task] = future.result()
            progress.advance(bar)
    report(programs, list(pythons), counts)
    if target:
        with target.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["program", *pythons])
            for program in programs:
                writer.writerow([program.name, *(counts[program, name] for name in pythons)])


def report(
    programs: list[Program], names: list[str], counts: dict[tuple[Program, str], int]
) -> None:
    """Print a Markdown table: the base's counts in millions, the others relative to it."""
    base, *others = names
    print(f"| program | {base} | {' | '.join(others)} |")
    print(f"|---|---:|{'---:|' * len(others)}")
    logs: dict[str, list[float]] = {name: [] for name in others}
    for program in programs:
        first = counts[program, base]
        cells = []
        for name in others:
            ratio = counts[program, name] / first
            logs[name].append(math.log(ratio))
            cells.append(f"{(ratio - 1) * 100:+.2f} %")
        print(f"| {program.name} | {first / 1e6:.1f} M | {' | '.join(cells)} |")
    means = [f"{(math.exp(sum(v) / len(v)) - 1) * 100:+.2f} %" for v in logs.values()]
    print(f"| **geometric mean** | | {' | '.join(means)} |")


if __name__ == "__main__":
    main()
