"""Spawn a program several times and say how long each took, and how long after a moment it named.

    python -I -S child.py TIMES PROGRAM ARGUMENT...

Prints a line for each: seconds from spawning to its end, seconds from the moment to its end, and
the rest of what it printed. A program names the moment by printing it first, as nanoseconds of
the monotonic clock, which is one for all processes; 0 stands for none.
"""

import os
import subprocess
import sys
import time


def spawn(argv: list[str]) -> str:
    """Run *argv* to its end and return the line about it."""
    begun = time.monotonic_ns()
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert child.stdout is not None
    said = child.stdout.read()
    # Not child.wait(), which would sleep and look again, and sleep.
    _, status = os.waitpid(child.pid, 0)
    ended = time.monotonic_ns()
    child.returncode = status
    if status:
        sys.exit(f"wait status {status} from {argv[0]}")
    moment, _, rest = said.decode().partition("\n")
    after = ended - int(moment) if moment.strip() not in ("", "0") else 0
    return f"{(ended - begun) / 1e9:.9f} {after / 1e9:.9f} {' '.join(rest.split())}"


def main() -> None:
    """Spawn and print."""
    for _ in range(int(sys.argv[1])):
        print(spawn(sys.argv[2:]), flush=True)


if __name__ == "__main__":
    main()
