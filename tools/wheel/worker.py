"""One of regrtest's worker processes, which makes its heap immortal before it runs its test file.

    python worker.py PLACE -m test.libregrtest.worker JSON

What regrtest needs to run a test file is loaded before; the file itself is loaded after, as a
server's worker loads what its parent did not. Only this process does it, not those that a test
starts: ``fork()`` alone passes it on.
"""

import sys
from pathlib import Path


def immortalize(place: str) -> None:
    """Call the extension; leave ``sys.path`` as ``python -m`` has it."""
    sys.path[0] = place
    import immortal_heap

    sys.path[0] = str(Path.cwd())
    immortal_heap.immortalize_heap()


if __name__ == "__main__":
    # Loads all that a test file finds loaded.
    import test.libregrtest.worker as regrtest

    immortalize(sys.argv[1])
    del sys.argv[1:-1]
    regrtest.main()
