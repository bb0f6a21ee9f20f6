"""Ask a server until four workers have read all they hold; print what each takes of its own.

python3 workers.py True|False SOCKET: whether the rows must be immortal. Standard library only.
"""

from __future__ import annotations

import json
import re
import socket
import sys
from collections import Counter
from pathlib import Path

WORKERS, EACH, MOST = 4, 3, 2000


def answer(path: str) -> tuple[int, str]:
    """Return the process that answered a request, and whether its rows are immortal."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(60)
        link.connect(path)
        link.sendall(b"GET / HTTP/1.0\r\nHost: here\r\n\r\n")
        said = b"".join(iter(lambda: link.recv(4096), b"")).decode()
    pid, immortal, _ = said.partition("\r\n\r\n")[2].split()
    return int(pid), immortal


def taken(pid: int) -> dict[str, int]:
    """Return a process's memory in KiB: its share (PSS), and what it alone has (un-shared)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = {key: int(value) for key, value in re.findall(r"^(\w+): +(\d+) kB", text, re.M)}
    return {"pss": found["Pss"], "unshared": found["Private_Clean"] + found["Private_Dirty"]}


def main(wanted: str, path: str) -> int:
    """Ask, measure and print; 1 when it is not what was wanted."""
    asked: Counter[int] = Counter()
    for _ in range(MOST):
        pid, immortal = answer(path)
        if immortal != wanted:
            print(f"the rows are immortal: {immortal}, and not {wanted}")
            return 1
        asked[pid] += 1
        if len(asked) == WORKERS and min(asked.values()) >= EACH:
            break
    workers = [taken(pid) for pid in sorted(asked)]
    print(json.dumps({"call": wanted == "True", "KiB of each worker": workers}))
    # 200,000 rows are some 90 MiB: shared, none of them is in a worker's own memory.
    shared = all(each["unshared"] < 15_000 for each in workers)
    return 0 if len(workers) == WORKERS and shared == (wanted == "True") else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
