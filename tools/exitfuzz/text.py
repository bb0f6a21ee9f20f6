"""Read what a program printed: lines, and reports of exceptions that nobody could catch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_ADDRESS = re.compile(r"0x[0-9a-f]+")
_LONG = re.compile(r"\b\d{5,}\b")
# Short in a container, where few processes have been.
_PROCESS = re.compile(r"\(pid=\d+\)")
# The two trees lie apart, and a patch may move lines of the library.
_LIBRARY = re.compile(r'File ".*/Lib/([^"]*)", line \d+')
_PURPOSE = re.compile(r"\w+: '?purpose: ")
# What a finalizer would wait for, in templates/waits-served.txt.
_UNAWAITED = re.compile(r"RuntimeWarning: coroutine 'one\d+' was never awaited$")
# importlib notes what a thread waits for by thread, so that a finalizer which imports while its
# thread does, takes the note away: in any interpreter, if the collector comes just there.
_REENTERED = re.compile(
    r'File "<frozen importlib\._bootstrap>", line \d+, in acquire\n(?: .*\n)*KeyError: \d+$',
    re.MULTILINE,
)
_POPPED = re.compile(r", in _load_unlocked\n(?:    .*\n)*KeyError: ")
# How a report begins: "in" and what failed, or what was being done.
_REPORT = re.compile(r"Exception ignored (?:in|on|while)\b")
# What starts threads and processes says so where it is refused.
_REFUSED = (
    "RuntimeError: can't start new thread at interpreter shutdown",
    "PythonFinalizationError: can't create new thread at interpreter shutdown",
    "PythonFinalizationError: can't fork at interpreter shutdown",
)
_CHAIN = ("During handling of the above", "The above exception was")


@dataclass
class Sorted:
    """Reports of unraisable exceptions, each a tuple of lines, and all other lines."""

    blocks: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def plain(text: str) -> list[str]:
    """Return the lines without what differs from run to run."""
    text = _LONG.sub("N", _PROCESS.sub("(pid=N)", _ADDRESS.sub("0x", text)))
    return _LIBRARY.sub(r'File "<lib>/\1"', text).splitlines()


def sort(text: str) -> Sorted:
    """Tell reports of unraisable exceptions from other lines."""
    found = Sorted()
    lines = plain(text)
    at = 0
    while at < len(lines):
        if not _REPORT.match(lines[at]):
            found.lines.append(lines[at])
            at += 1
            continue
        end = _end(lines, at + 1)
        found.blocks.append(tuple(lines[at:end]))
        at = end
    return found


def _end(lines: list[str], at: int) -> int:
    """Return the index after a report's last line, that of the exception itself."""
    while at < len(lines):
        line = lines[at]
        at += 1
        inside = not line or line.startswith((" ", "Traceback (most recent", *_CHAIN))
        chained = at + 1 < len(lines) and not lines[at] and lines[at + 1].startswith(_CHAIN)
        if not inside and not chained:
            break
    return at


def allowed(block: tuple[str, ...]) -> bool:
    """Return whether docs/shutdown.md allows such a report where stock has none."""
    # F1, and "an exception in a finalizer is reported as unraisable".
    if on_purpose(block):
        return True
    return refused(block)


def on_purpose(block: tuple[str, ...]) -> bool:
    """Return whether a report is of what a finalizer of the program raises on purpose."""
    return _PURPOSE.match(block[-1]) is not None


def refused(block: tuple[str, ...]) -> bool:
    """Return whether a report is of a thread or a process that a finalizer may not start at exit.

    "A finalizer begins a wait of the list below", for a new thread; or, in younger versions, "a
    refused thread or fork raises the built-in exception itself, and is reported as there".
    """
    return block[-1] in _REFUSED


def waited(line: str) -> bool:
    """Return whether a line warns of a coroutine that a finalizer made to wait for it."""
    return _UNAWAITED.search(line) is not None


def reentered(text: str) -> bool:
    """Return whether an import failed since a finalizer imported something in its midst."""
    return _REENTERED.search(text) is not None


def popped(text: str) -> bool:
    """Return whether an import failed since a finalizer took its module out in its midst."""
    return _POPPED.search(text) is not None


def mixed(text: str) -> bool:
    """Return whether a report begins within another, as when two threads or processes report."""
    return any(_REPORT.match(block[-1]) is not None for block in sort(text).blocks)


def names(block: tuple[str, ...], ident: str) -> bool:
    """Return whether a report shows a frame of the action that belongs to an id."""
    number, _, count = ident.rstrip("!~").partition(".")
    return any(line.endswith(f", in act{number}_{count}") for line in block)
