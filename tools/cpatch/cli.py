"""The command line: the only place that prints errors and exits."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from cpatch.base import disk
from cpatch.base.errors import FAILURE, CpatchError
from cpatch.base.project import Project
from cpatch.verbs import table


def _terminated(signum: int, frame: FrameType | None) -> None:
    # As an exception, so that children are ended and temporary trees removed on the way out.
    raise SystemExit(128 + signum)


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with one of ``EXIT_CODES``."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: list[str]) -> int:
    """Run the command line and return the exit code; prints what went wrong on stderr."""
    try:
        return table.call(argv)
    except CpatchError as exc:
        return _tell(disk.of_child(exc, Project.find()))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has gone (`make diff | head`); keep the interpreter from complaining again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except OSError as exc:
        error = disk.explained(exc, Project.find())
        if error is None:
            raise
        return _tell(error)


def _tell(error: CpatchError) -> int:
    print(error.render().encode("utf-8", "replace").decode(), file=sys.stderr)
    return error.code
