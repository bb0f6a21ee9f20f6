"""A pool of forked processes: ``python -m shop.pool WORKERS TASKS SEED OUTPUT``.

The parent loads the catalogue and forks the pool, whose workers so have the catalogue. When there
is a file `go` beside OUTPUT it hands out the tasks, writes what they took to OUTPUT, and waits to
be ended, so that its workers can be looked at.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

from shop import catalogue, work


def main(workers, count, seed, output):
    """Run the pool and write down what its tasks took."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    catalogue.load()
    before_fork()
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        output.with_name("ready").touch()
        go = output.with_name("go")
        while not go.exists():
            time.sleep(0.02)
        begun = time.perf_counter()
        answers = list(pool.imap_unordered(work.do, work.tasks(count, seed)))
        seconds = time.perf_counter() - begun
        found = {"seconds": seconds, "connections": 0, "failed": 0, "failures": []}
        fresh = output.with_name("fresh")
        fresh.write_text(json.dumps({**found, "answers": answers}), encoding="utf-8")
        fresh.rename(output)
        while True:
            signal.pause()


def before_fork():
    """The lines that a user adds before the pool is made; none for an unpatched interpreter."""
    lines = Path(os.environ["SHOP_LINES"]).read_text(encoding="utf-8")
    exec(compile(lines, os.environ["SHOP_LINES"], "exec"), {})  # noqa: S102 - our own


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
