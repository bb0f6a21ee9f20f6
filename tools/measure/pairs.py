r"""Wall time of pyperformance benchmarks on several interpreters, interleaved.

    build/venv/bin/python tools/measure/pairs.py --output DIR \\
        stock=build/3.NN/obj-stock-pgo/python patched=build/3.NN/obj-patched-pgo/python

Each round runs every benchmark once per interpreter in the order A B ... B A,
each time in a new process with the same number of loops, pinned to one CPU.
The base thus runs twice a round; the ratio of its second runs to its first is
the A/A row: what the same binary differs from itself by.  One pyperf JSON per
interpreter is kept, all runs in it.  Ctrl-C keeps what was complete.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import common
import pyperf
from rich.progress import Progress

Means = dict[tuple[str, str], list[tuple[float, float]]]


@dataclass(frozen=True)
class Benchmark:
    """One row: a script of pyperformance and its options."""

    name: str
    script: str
    options: tuple[str, ...] = ()


QUICK = (
    Benchmark("nbody", "nbody"),
    Benchmark("richards", "richards"),
    Benchmark("deltablue", "deltablue"),
    Benchmark("float", "float"),
    Benchmark("fannkuch", "fannkuch"),
    Benchmark("chaos", "chaos"),
    Benchmark("go", "go"),
    Benchmark("hexiom", "hexiom"),
    Benchmark("raytrace", "raytrace"),
    Benchmark("regex_compile", "regex_compile"),
    Benchmark("pickle_pure_python", "pickle", ("--pure-python", "pickle")),
    Benchmark("json_dumps", "json_dumps"),
    Benchmark("unpack_sequence", "unpack_sequence"),
    Benchmark("scimark_sor", "scimark", ("sor",)),
    Benchmark("python_startup", "python_startup"),
)


def run(benchmark: Benchmark, python: Path, loops: int, cpu: int) -> pyperf.Benchmark:
    """Run a benchmark in one new process; loops 0 lets pyperf choose them."""
    script = common.script_of(benchmark.script)
    packages = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    env = common.environment(PYTHONPATH=packages)
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory, "run.json")
        command = [str(python), str(script), *benchmark.options]
        command += ["--processes=1", "--warmups=1", "--values=3", f"--output={output}"]
        command += [f"--affinity={cpu}", "--inherit-environ=PYTHONPATH,PYTHONHASHSEED,LC_ALL"]
        command += [f"--loops={loops}"] if loops else []
        done = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            tail = (done.stdout + done.stderr)[-2000:]
            raise click.ClickException(f"{benchmark.name} on {python} failed:\n{tail}")
        return pyperf.BenchmarkSuite.load(str(output)).get_benchmarks()[0]


@click.command()
@click.argument("interpreters", nargs=-1, required=True, metavar="NAME=PYTHON...")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder for JSON.")
@click.option("--rounds", default=10, show_default=True)
@click.option("--cpu", default=(os.cpu_count() or 1) - 1, show_default=True)
@click.option("--benchmark", "names", multiple=True, help="Only this one; may be repeated.")
def main(
    interpreters: tuple[str, ...], output: Path, rounds: int, cpu: int, names: tuple[str, ...]
) -> None:
    """Time the same benchmarks on several interpreters, interleaved."""
    pythons = common.interpreters(interpreters)
    chosen = [each for each in QUICK if not names or each.name in names]
    if not chosen:
        known = " ".join(each.name for each in QUICK)
        raise click.UsageError(f"no such benchmark: {' '.join(names)}; there are: {known}")
    output.mkdir(parents=True, exist_ok=True)
    order = [*pythons, *reversed(pythons)]
    kept: dict[tuple[str, str], pyperf.Benchmark] = {}
    means: Means = {}
    loops: dict[str, int] = {}
    begun = time.strftime("%Y-%m-%d %H:%M")
    try:
        with Progress(disable=not sys.stderr.isatty()) as progress:
            bar = progress.add_task("runs", total=rounds * len(chosen) * len(order))
            for number in range(rounds):
                if progress.disable:
                    click.echo(f"round {number + 1} of {rounds}", err=True)
                for benchmark in chosen:
                    if benchmark.name not in loops:
                        first = run(benchmark, next(iter(pythons.values())), 0, cpu)
                        loops[benchmark.name] = first.get_loops()
                    runs = []
                    for name in order:
                        runs.append(run(benchmark, pythons[name], loops[benchmark.name], cpu))
                        progress.advance(bar)
                    for at, name in enumerate(pythons):
                        pair = runs[at], runs[-1 - at]
                        key = (benchmark.name, name)
                        means.setdefault(key, []).append((pair[0].mean(), pair[1].mean()))
                        for each in pair:
                            if key in kept:
                                kept[key].add_runs(each)
                            else:
                                kept[key] = each
    except KeyboardInterrupt:
        click.echo("interrupted: what was complete is kept", err=True)
    for name, python in pythons.items():
        suite = [bench for key, bench in kept.items() if key[1] == name]
        if suite:
            pyperf.BenchmarkSuite(suite).dump(str(output / f"{name}.json"), replace=True)
        done = len(next(iter(means.values()), []))
        facts = identity(python) | {"begun": begun, "rounds": done, "cpu": cpu}
        (output / f"{name}.facts.json").write_text(json.dumps(facts, indent=1) + "\n")
    report(list(pythons), means)


def identity(python: Path) -> dict[str, object]:
    """Return what an interpreter says it was made from, and what it runs on."""
    code = (
        "import json, platform, sys, sysconfig; print(json.dumps({'version': sys.version, "
        "'made_from': sys._git, 'configured': sysconfig.get_config_var('CONFIG_ARGS'), "
        "'cflags': sysconfig.get_config_var('PY_CFLAGS'), 'machine': platform.platform()}))"
    )
    done = subprocess.run([str(python), "-I", "-c", code], check=True, capture_output=True)
    facts: dict[str, object] = json.loads(done.stdout)
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return facts | {"cpu_model": models[0] if models else "unknown", "cpus": len(models)}


def interval(pairs: list[float]) -> tuple[float, float]:
    """Return a 95 % bootstrap interval of the median of pairwise ratios."""
    rng = random.Random(1)  # noqa: S311  (a bootstrap, the same every time)
    medians = sorted(statistics.median(rng.choices(pairs, k=len(pairs))) for _ in range(1000))
    return medians[25], medians[974]


def report(names: list[str], means: Means) -> None:
    """Print a Markdown table of how many times faster than the base each one is."""
    base, *others = names
    rows = sorted({benchmark for benchmark, _ in means})
    print(f"| benchmark | {base} | A/A | {' | '.join(others)} |")
    print(f"|---|---:|---:|{'---:|' * len(others)}")
    logs: dict[str, list[float]] = {name: [] for name in ["A/A", *others]}
    for row in rows:
        firsts = means[row, base]
        middle = statistics.median(value for pair in firsts for value in pair)
        noise = statistics.median(a / b for a, b in firsts)
        logs["A/A"].append(math.log(noise))
        cells = [f"{noise:.3f}"]
        for name in others:
            ratios = [
                (a + d) / (b + c) for (a, d), (b, c) in zip(firsts, means[row, name], strict=True)
            ]
            ratio = statistics.median(ratios)
            low, high = interval(ratios)
            logs[name].append(math.log(ratio))
            cells.append(f"{ratio:.3f} ({low:.3f}–{high:.3f})")
        print(f"| {row} | {middle * 1e3:.4g} ms | {' | '.join(cells)} |")
    geometric = [f"{math.exp(statistics.mean(values)):.3f}" for values in logs.values() if values]
    print(f"| **geometric mean** | | {' | '.join(geometric)} |")
    print()
    print("Times faster than the base; above 1 is faster. In brackets: 95 % bootstrap interval.")


if __name__ == "__main__":
    main()
