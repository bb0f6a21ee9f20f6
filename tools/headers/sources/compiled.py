"""The operations that probe.py asks for, as mypyc compiles them."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def fill(obj: object, n: int) -> tuple[list[object], tuple[object, ...]]:
    """Return a list and a tuple that hold obj n times each."""
    found: list[object] = []
    for _ in range(n):
        found.append(obj)
    return found, tuple(found)


def call(function: Callable[[object], object], n: int, argument: object) -> None:
    """Call function n times, and drop what it returns."""
    for _ in range(n):
        function(argument)


def none() -> None:
    """Return what every interpreter has one of."""
    return


def yes() -> bool:
    """Return what every interpreter has one of."""
    return True


def each(n: int) -> Iterator[int]:
    """Yield numbers from a compiled generator."""
    for i in range(n):
        yield i * i


def numbers(n: int) -> int:
    """Count with tagged, then with large integers."""
    total = 1
    for i in each(n):
        total += i << 70
    return total


class Node:
    """A native class in the collector's hands."""

    def __init__(self) -> None:
        """Begin with no other."""
        self.other: object = None


def drop(kind: object, n: int) -> int:
    """Make and drop instances of the native class."""
    for _ in range(n):
        node = Node()
        node.other = node
        node.other = None
    return n
