"""What the driver says: plain lines, and progress when somebody watches.

Lines are printed as they are (no markup), so paths and patch names never turn into styling.
rich is imported only where a progress bar is drawn: it costs more than a whole ``which``.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator

_verbose = False
#: What has to be typed after a verb to be about the same pin: a blank, and PIN=...
_pin = ""
#: A verb of make's that is about a pin, without one named.
_COMMAND = re.compile(
    r"\b(make (?:apply|audit|bench|build|compat|diff|dist|fuzz|headers|install|lint|packages"
    r"|refresh|report|servers|status|test|variants|wheel|which))\b(?![^;\n]* PIN=)"
)

#: Called with (done, total); a total of None draws a spinner.
Advance = Callable[[float, "float | None"], None]


def set_verbose(on: bool) -> None:
    """Switch ``detail`` lines on or off for the rest of the run."""
    global _verbose
    _verbose = on


def set_pin(branch: str | None) -> None:
    """Say which pin the commands that are told to be typed next are about; None: the default."""
    global _pin
    _pin = f" PIN={branch}" if branch else ""


def typed(text: str) -> str:
    """Return the text with the pin in each of make's commands, where the default would be wrong."""
    return _COMMAND.sub(rf"\1{_pin}", text) if _pin else text


def is_verbose() -> bool:
    """Say whether ``-v`` was given."""
    return _verbose


def say(text: str = "") -> None:
    """Print one line of result on stdout."""
    before, told, command = text.partition("next")
    print(_printable(before + told + typed(command)), flush=True)


def field(name: str, text: str) -> None:
    """Print a line of the report form ``name     text``."""
    say(f"{name:<8} {text}")


def detail(text: str) -> None:
    """Print a line on stderr when ``-v`` was given."""
    if _verbose:
        note(text)


def note(text: str) -> None:
    """Print a line on stderr that is no result, so that ``$(make -s which)`` stays usable."""
    print(_printable(text), file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    note(f"warning: {text}")


def _printable(text: str) -> str:
    """Replace bytes that git printed and the terminal's encoding cannot show."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@contextlib.contextmanager
def progress(title: str, *, unit: str = "") -> Iterator[Advance]:
    """Show that a long thing goes on: a bar or spinner on a terminal, one plain line elsewhere.

    ``unit="bytes"`` shows sizes and speed. Everything goes to stderr.
    """
    if not sys.stderr.isatty():
        print(f"{title} ...", end="", file=sys.stderr, flush=True)
        start = time.monotonic()
        try:
            yield lambda done, total: None
        except BaseException:
            print(" failed", file=sys.stderr, flush=True)
            raise
        print(f" {seconds(time.monotonic() - start)}", file=sys.stderr, flush=True)
        return

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )

    columns: list[ProgressColumn] = [
        SpinnerColumn(finished_text="*"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
    ]
    columns += [DownloadColumn(), TransferSpeedColumn()] if unit == "bytes" else []
    columns.append(TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
        # An unknown total would leave the bar pulsing for ever in the scroll-back.
        bar.update(task, total=1, completed=1) if bar.tasks[0].total is None else None


def seconds(span: float) -> str:
    """Format a duration: ``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if span < 10:
        return f"{span:.1f} s"
    if span < 120:
        return f"{span:.0f} s"
    return f"{int(span) // 60} min {int(span) % 60:02d} s"


def about(seconds: float) -> str:
    """Format how long something takes, roughly: ``40 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
