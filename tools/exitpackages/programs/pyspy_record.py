"""py-spy samples a program from its start to its end: the functions it saw, and its status."""

import gc
import os
import subprocess
import sys
import time


def busy() -> int:
    end = time.monotonic() + 1.5
    total = 0
    while time.monotonic() < end:
        total += sum(range(1000))
    return total


if sys.argv[1:] == ["child"]:
    rows = [[n] for n in range(1000)]
    getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
    busy()
    print("child ends", flush=True)
    sys.exit(0)

spy = os.path.join(os.path.dirname(sys.executable), "py-spy")
done = subprocess.run(
    [
        spy,
        "record",
        "--format",
        "raw",
        "--output",
        "stacks",
        "--rate",
        "50",
        "--",
        sys.executable,
        __file__,
        "child",
    ],
    capture_output=True,
    text=True,
)
print(done.returncode, "child ends" in done.stdout, "Error" in done.stderr, flush=True)
with open("stacks") as stream:
    print("busy" in stream.read(), flush=True)
os.remove("stacks")
