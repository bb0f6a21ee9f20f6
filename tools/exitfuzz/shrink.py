"""Make a failing program small: leave out blocks while it still fails in the same way."""

from __future__ import annotations

from collections.abc import Callable

from exitfuzz.model import Program


def shrink(program: Program, fails: Callable[[Program], bool], attempts: int = 60) -> Program:
    """Return a part of *program* for which ``fails`` still holds, after so many tries at most.

    Halves first, then single blocks, until none can go.
    """
    left = attempts
    size = max(len(program.kinds) // 2, 1)
    while size and left > 0:
        start, gone = 0, False
        while start < len(program.kinds) - 1 and left > 0:
            smaller = program.without(set(range(start, start + size)))
            left -= 1
            if len(smaller.kinds) < len(program.kinds) and fails(smaller):
                program, gone = smaller, True
            else:
                start += size
        if not gone or size > 1:
            size //= 2
    for simpler in list(program.simpler()):
        if fails(simpler):
            program = simpler
    return program
