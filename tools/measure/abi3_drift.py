"""What a wheel built with old headers does to the counts of immortal objects.

Run by a patched interpreter that has test._testimmortal:

    PYTHON abi3_drift.py OLD/Include CONFIG [--powers 10,20,28]

OLD/Include are headers of before immortal objects (the older pin's, stock), CONFIG is where
pyconfig.h lies. Compiles tools/stockabi/stockabi.c for the limited API with them, has it count
2**n times in each way, and prints how far the count is off after that, as a Markdown table. Then
it says what becomes of an object whose count comes to the end of its range, each in a process of
its own. Standard library only.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

try:
    import _testimmortal as imm  # type: ignore[import-not-found]
except ImportError:
    imm = None

SOURCE = Path(__file__).parents[1] / "stockabi" / "stockabi.c"
NAME = "abi3drift"

#: What the module does, in words; the code, and which object it is about.
WAYS = {
    "counts up and down again itself": ("m.pair_times(obj, n)", "obj"),
    "counts up what the interpreter gives back": ("m.keep_times(obj, n)", "obj"),
    "returns None to the interpreter": ("for _ in range(n): m.return_none()", "None"),
    "gives back what the interpreter gave it": ("for _ in range(n): m.call_and_drop(give)", "obj"),
}

LAST = """
import gc, sys
import _testimmortal as imm
sys.path.insert(0, sys.argv[1])
import abi3drift as m
obj = [object() for _ in range(10)] if sys.argv[2] == "list" else None
gc.immortalize_heap()
assert gc.is_immortal(obj)
way = int(sys.argv[3])
held = [obj] * 1000  # references that nobody counted
imm.drift(obj, way * (2**30 - 8))
m.keep_times(obj, 16) if way > 0 else m.steal_times(obj, 16)
print("immortal" if gc.is_immortal(obj) else "mortal", end=", ", flush=True)
held.clear()
for _ in range(10**5):
    x = [obj] * 3
    del x
gc.collect()
more = [[object()] for _ in range(1000)]  # takes memory that was freed
print("as it was" if obj is None or len(obj) == 10 else "overwritten")
"""


def holding(name: str) -> Callable[[str], str]:
    """Return the type, for argparse, of a directory that has a file of that name."""

    def directory(path: str) -> str:
        if not Path(path, name).is_file():
            raise argparse.ArgumentTypeError(f"{path!r} has no {name}")
        return path

    return directory


def powers(text: str) -> list[int]:
    """Return the numbers of a list like 10,20."""
    return [int(each) for each in text.split(",")]


def build(headers: str, config: str, home: str) -> ModuleType:
    """Compile the module into *home* and return it; SystemExit if it does not compile."""
    target = Path(home, f"{NAME}.abi3.so")
    command = [
        *shlex.split(os.environ.get("CC", "cc")),
        *("-O2", "-fPIC", "-shared", "-DLIMITED", f"-DNAME={NAME}"),
        *(f"-I{headers}", f"-I{config}", str(SOURCE), "-o", str(target)),
    ]
    try:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
    spec = importlib.util.spec_from_file_location(NAME, target)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drifts(module: ModuleType, powers: Sequence[int]) -> Iterator[tuple[str, list[str]]]:
    """Yield a row for each way: its words, and how far the count is off after each power."""
    obj = [object()]

    def give() -> object:
        return obj

    gc.immortalize_heap()  # type: ignore[attr-defined]
    for words, (code, about) in WAYS.items():
        watched = None if about == "None" else obj
        found = []
        for power in powers:
            n = 2**power
            if n > 2**24 and code.startswith("for"):
                found.append("")
                continue
            before = imm.refcnt(watched)
            exec(code, {"m": module, "obj": obj, "n": n, "give": give})  # noqa: S102
            off = imm.refcnt(watched) - before
            found.append(f"{off:+,}" if off else "0")
            imm.drift(watched, -off)
        yield words, found


def ends(home: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield what becomes of an object at each end of the range: its kind, the way, the answer."""
    for kind in ("list", "None"):
        for way in (1, -1):
            done = subprocess.run(
                [sys.executable, "-c", LAST, home, kind, str(way)], capture_output=True, text=True
            )
            said = done.stdout.strip(", \n") or "not reached"
            end = f"status {done.returncode}" if done.returncode else "ends as ever"
            yield kind, "up" if way > 0 else "down", said, end


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("headers", metavar="OLD/Include", type=holding("Python.h"))
    parser.add_argument("config", metavar="CONFIG", type=holding("pyconfig.h"))
    parser.add_argument("--powers", type=powers, default="10,16,20,24,28", help="of two")
    asked = parser.parse_args()
    if imm is None:
        parser.error("this Python has no _testimmortal: run it by a patched one, $(make -s which)")
    with tempfile.TemporaryDirectory() as home:
        module = build(asked.headers, asked.config, home)
        print(
            f"| what the module does | {' | '.join(f'2^{power} times' for power in asked.powers)} |"
        )
        print(f"|---|{'---:|' * len(asked.powers)}")
        for words, found in drifts(module, asked.powers):
            print(f"| {words} | {' | '.join(found)} |")
        print("\n| object | counted past its end | then it is | and the process |")
        print("|---|---|---|---|")
        for row in ends(home):
            print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
