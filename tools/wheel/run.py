"""Run ``python -m test`` with the heap made immortal before each test file.

    python run.py PLACE ARGUMENTS-OF-REGRTEST

PLACE is a directory with the package ``immortal_heap``; the arguments have ``-jN``, for each test
file needs a process of its own. Only the command of those processes is another than regrtest's.
"""

import sys
from pathlib import Path

from test.libregrtest.main import main
from test.libregrtest.runtests import RunTests

WORKER = Path(__file__).with_name("worker.py")


def begin_with(place: str) -> None:
    """Put the program that makes the heap immortal before regrtest's own arguments."""
    usual = RunTests.create_python_cmd

    def create_python_cmd(self: RunTests) -> list[str]:
        return [*usual(self), str(WORKER), place]

    RunTests.create_python_cmd = create_python_cmd


if __name__ == "__main__":
    begin_with(sys.argv.pop(1))
    sys.path[0] = str(Path.cwd())  # as ``python -m`` has it
    main(_add_python_opts=False)
