r"""What an application that starts and ends an interpreter again and again leaves in memory.

    build/venv/bin/python tools/measure/embedding.py --output embedding.json \
        build/3.NN/obj-stock-release/python build/3.NN/obj-patched-release/python

Runs the rounds of test.embedding_rounds, which the patched one has, on both.  Each round counts its
finalizers: one that is lost, or runs twice, ends the run.  If that is so of the patched one, the
data are kept, and the exit code is 1.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import asked
import click
from cpatch.bench.probes import Measuring

#: Rounds after which what is made once was made, as in test.embedding_rounds.
WARM = 8

#: What is raw: {interpreter: {way: KiB resident after each round, or what went wrong}}.
Sizes = dict[str, dict[str, list[int] | str]]


def run(stock: Measuring, patched: Measuring, count: int, ways: tuple[str, ...]) -> str:
    """Return what test.embedding_rounds, which *patched* has, prints of both."""
    command = [patched.role.side.python, "-m", "test.embedding_rounds", "--json"]
    command += ["--rounds", str(count), "--compare", stock.role.side.python, *ways]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # With a way that fails, which the data tell, it exits with 1, too.
    if not done.stdout:
        raise click.ClickException(f"{' '.join(command)}:\n{done.stderr[-2000:]}")
    return done.stdout


def table(sizes: Sizes) -> list[str]:
    """Return the lines of a Markdown table."""
    out = ["| | way | MiB after the first round | after the last | KiB per round |"]
    out += ["|---|---|---:|---:|---:|"]
    for name, ways in sizes.items():
        for way, after in ways.items():
            if isinstance(after, str):
                out.append(f"| {name} | {way} | {after.splitlines()[-1]} | | |")
                continue
            warm = min(WARM, len(after) // 2)
            each = (after[-1] - after[warm - 1]) / (len(after) - warm)
            first, last = after[0] / 1024, after[-1] / 1024
            out.append(f"| {name} | {way} | {first:,.1f} | {last:,.1f} | {each:.1f} |")
    return out


@click.command()
@click.argument("stock", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("patched", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Raw data, JSON.")
@click.option("--rounds", "count", default=1000, show_default=True)
@click.option("--way", "ways", multiple=True, help="May be repeated; all without it.")
@asked.explained()
def main(stock: Path, patched: Path, output: Path, count: int, ways: tuple[str, ...]) -> None:
    """Measure rounds of Py_Initialize() and Py_FinalizeEx(), and print a Markdown table."""
    sides = {"stock": asked.interpreter("stock", stock)}
    sides["patched"] = asked.interpreter("patched", patched)
    found = json.loads(run(sides["stock"], sides["patched"], count, ways))
    sizes: Sizes = {name: found[side.role.side.python] for name, side in sides.items()}
    facts = {name: asked.facts(side) for name, side in sides.items()}
    raw = {"facts": facts, "ended": time.strftime("%Y-%m-%d %H:%M"), "rounds": count}
    output.write_text(json.dumps({**raw, "KiB": sizes}) + "\n", encoding="utf-8")
    print(*table(sizes), sep="\n")
    if failed := [way for way, after in sizes["patched"].items() if isinstance(after, str)]:
        raise click.ClickException(f"{', '.join(failed)}: {output} says what went wrong")


if __name__ == "__main__":
    main()
