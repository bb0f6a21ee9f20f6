r"""Let malloc() fail, once or for good, while an interpreter starts or ends: how does it end.

    build/venv/bin/python tools/measure/failing_starts.py --step 20 --output starts.json \\
        stock=build/3.NN/obj-stock-release/python patched=build/3.NN/obj-patched-release/python

Every object is malloc()ed (PYTHONMALLOC=malloc), and a library that is loaded before the C library
counts.  One run for each position and each width: that many fail, or all from there on (0).  A
table row for each way to end.  What may not be: another signal than SIGABRT, which a fatal error
is; a hang; or an end without a reason on stderr.  --code sets what runs in between; its last line
may leave objects to be finalized.  Needs glibc and cc.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asked
import click

LIBRARY = """
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <stdio.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
static atomic_long count;
static long begin = -1, end;

__attribute__((constructor)) static void
start(void)
{
    begin = atol(getenv("FAIL_BEGIN"));
    end = begin + atol(getenv("FAIL_WIDTH"));
}

__attribute__((destructor)) static void
stop(void)
{
    if (getenv("FAIL_COUNT")) {
        dprintf(2, "count %ld\\n", atomic_load(&count));
    }
}

static int
fails(void)
{
    if (begin < 0) {
        return 0;
    }
    long n = atomic_fetch_add(&count, 1);
    if (n < begin || (end != begin && n >= end)) {
        return 0;
    }
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return fails() ? NULL : __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }
"""

#: Seconds; a run takes some milliseconds.
HANG = 10

CODE = """\
class D:
    def __del__(self): pass
d = D(); d.me = d
"""


def compiled(directory: Path) -> Path:
    """Return the library, made of the text above."""
    source, target = directory / "failing.c", directory / "failing.so"
    source.write_text(LIBRARY)
    done = subprocess.run(["cc", "-shared", "-fPIC", "-O1", source, "-o", target], check=False)
    if done.returncode:
        raise click.ClickException("the library could not be compiled")
    return target


def run(python: Path, library: Path, code: str, begin: int, width: int) -> tuple[str, str]:
    """Return how a run ended, and what it said."""
    env = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    env |= {
        "LD_PRELOAD": str(library), "PYTHONMALLOC": "malloc", "FAIL_BEGIN": str(begin),
        "FAIL_WIDTH": str(width),
    }  # fmt: skip
    if begin == sys.maxsize:
        env["FAIL_COUNT"] = "1"
    try:
        done = subprocess.run(
            [python, "-s", "-c", code], env=env, capture_output=True, text=True, check=False,
            errors="replace", timeout=HANG, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "hangs", ""
    if done.returncode < 0:
        return signal.Signals(-done.returncode).name, done.stderr
    if done.returncode and not done.stderr:
        return f"status {done.returncode}, and says nothing", ""
    return f"status {done.returncode}", done.stderr


def allocations(python: Path, library: Path, code: str) -> int:
    """Return how many allocations a whole run makes."""
    how, said = run(python, library, code, sys.maxsize, 1)
    found = re.search(r"^count (\d+)$", said, re.M)
    if how != "status 0" or not found:
        raise click.ClickException(f"{python}: {how}: {said}")
    return int(found[1])


@click.command()
@click.argument("items", metavar="NAME=PYTHON...", nargs=-1, required=True)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Raw data, JSON.")
@click.option("--step", default=20, show_default=True, help="Try one position of so many.")
@click.option("--last", default=0, help="Only so many allocations, the last ones: those of exit.")
@click.option("--widths", default="1,10,0", show_default=True, help="How many fail; 0: all.")
@click.option("--code", default=CODE, help="What runs.")
@click.option("--jobs", default=1, show_default=True)
@asked.explained()
def main(
    items: tuple[str, ...], output: Path, step: int, last: int, widths: str, code: str, jobs: int
) -> None:
    """Let allocations fail at one position after the other."""
    found = asked.interpreters(items)
    pythons = {name: Path(each.role.side.python) for name, each in found.items()}
    raw: dict[str, dict[str, list[tuple[int, str, str]]]] = {}
    print("| | all that fail | allocations | tried | how they end |\n|---|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(jobs) as pool:
        library = compiled(Path(name))
        for label, python in pythons.items():
            number = allocations(python, library, code)
            for width in map(int, widths.split(",")):
                positions = range(max(0, number - last) if last else 0, number, step)
                ends = list(pool.map(lambda n: run(python, library, code, n, width), positions))  # noqa: B023
                raw.setdefault(label, {})[str(width)] = [
                    (n, how, said[-1500:]) for n, (how, said) in zip(positions, ends, strict=True)
                ]
                how_often = Counter(how for how, _ in ends).most_common()
                row = ", ".join(f"{how}: {count}" for how, count in how_often)
                print(f"| {label} | {width or 'all'} | {number} | {len(ends)} | {row} |")
    output.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
