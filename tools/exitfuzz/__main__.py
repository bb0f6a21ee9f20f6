"""The command line: ``python -m exitfuzz --stock PY --patched PY``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from exitfuzz.fuzz import Settings, Verdict, fuzz, lines, today, totals


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="exitfuzz", description=__doc__)
    made.add_argument("--stock", required=True, metavar="PY", help="the unpatched interpreter")
    made.add_argument("--patched", required=True, metavar="PY", help="the one that is tested")
    made.add_argument("--programs", type=int, default=150, help="how many (default: %(default)s)")
    made.add_argument("--seed", type=int, default=None, help="default: today's date")
    made.add_argument("--only", type=int, action="append", metavar="INDEX", help="one program")
    made.add_argument("--first", type=int, default=0, help="index to begin with")
    made.add_argument("--jobs", type=int, default=2, help="at a time (default: %(default)s)")
    made.add_argument("--limit", type=float, default=20, help="seconds for a patched run")
    made.add_argument("--keep", type=Path, default=None, help="folder for failing programs")
    made.add_argument("--shrinks", type=int, default=6, help="shrink so many, and each new kind")
    made.add_argument("--verbose", action="store_true", help="name every program that is skipped")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the fuzzer; 1 when a program failed."""
    options = parser().parse_args(argv)
    seed = today() if options.seed is None else options.seed
    start = time.monotonic()

    def report(verdict: Verdict) -> None:
        if verdict.faults:
            print("\n".join(lines(verdict)), flush=True)
        elif verdict.skipped and options.verbose:
            print(f"{verdict.program.name}: {verdict.skipped}: {'; '.join(verdict.program.kinds)}")

    print(f"seed {seed}", flush=True)
    summary = fuzz(
        Settings(
            stock=os.path.abspath(options.stock),
            patched=os.path.abspath(options.patched),
            seed=seed,
            programs=options.only or range(options.first, options.first + options.programs),
            jobs=options.jobs,
            limit=options.limit,
            keep=options.keep,
            shrinks=options.shrinks,
        ),
        report,
    )
    print(f"{totals(summary)}; {time.monotonic() - start:.0f} s")
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
