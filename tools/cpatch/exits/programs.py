"""One run of a program that uses real packages: what it printed, wrote, and how it ended.

A program is a file below ``tools/exitpackages/programs``. Its docstring says what it does, and may
end with settings, a line each::

    venv: old          which environment (requirements-NAME.txt; the default is "main")
    files: names       compare which files it leaves, not how long they are
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from cpatch.base import proc
from cpatch.base.errors import CpatchError

#: How a program is run: the default, with the start-up call left out, with the explicit call.
MODES = ("default", "off", "call")

#: The status of a program that had to be killed at its time limit.
HANGS = "hangs"

_SETTINGS = {"venv": ("main", "old"), "files": ("sizes", "names")}


@dataclass(frozen=True)
class Program:
    """A program, and what its docstring says of it."""

    name: str
    path: Path
    about: str
    venv: str = "main"
    files: str = "sizes"

    @property
    def package(self) -> str:
        """What the report groups it under."""
        return self.name.split("_")[0]

    @property
    def digest(self) -> str:
        """Of the text: results of another text do not count."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:12]


@dataclass(frozen=True)
class Outcome:
    """What is compared; text is normalised. ``status`` is an exit status, or ``HANGS``."""

    status: int | str
    stdout: str
    stderr: str
    files: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return what ``of_json`` reads."""
        return asdict(self)

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Outcome:
        """Return a stored outcome."""
        return cls(**found)


def load(home: Path) -> dict[str, Program]:
    """Return the programs below *home* by name; CpatchError for settings that nobody knows."""
    found = {}
    for path in sorted(home.glob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        about, _, rest = doc.partition("\n\n")
        settings = {}
        for line in rest.splitlines():
            key, _, value = line.partition(": ")
            if value not in _SETTINGS.get(key, ()):
                raise CpatchError(
                    f"{path.name}: unknown setting {line!r}",
                    wanted=", ".join(f"{key}: {'|'.join(row)}" for key, row in _SETTINGS.items()),
                )
            settings[key] = value
        found[path.stem] = Program(path.stem, path, " ".join(about.split()), **settings)
    return found


def run(program: Program, python: Path, mode: str, *, native: Path, seconds: float) -> Outcome:
    """Run *program* in an empty directory and return its outcome; kills what is left of it.

    *native* is where the compiled module of ours is. Everything that the program starts inherits
    the mode through the environment.
    """
    argv = [str(python), *(["-X", "immortal_heap=off"] if mode == "off" else [])]
    with scratch() as home, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        status = proc.limited(
            [*argv, program.path],
            cwd=home,
            env=environment(mode, native, home),
            stdout=out,
            stderr=err,
            seconds=seconds,
        )
        places = {home: "SCRATCH", python.parents[1]: "VENV", program.path.parent: "PROGRAMS"}
        stdout, stderr = (normalise(_text(stream), places) for stream in (out, err))
        return Outcome(
            HANGS if status is None else status, stdout, stderr, listing(home, program.files)
        )


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "backslashreplace")


def environment(mode: str, native: Path, home: Path) -> dict[str, str]:
    """Return the whole environment of a program."""
    kept = {key: os.environ[key] for key in ("PATH",) if key in os.environ}
    found = {
        **kept,
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(native),
        "NO_PROXY": "*",
    }
    if mode == "off":
        found["PYTHONIMMORTALHEAP"] = "0"
    if mode == "call":
        found["PACKS_CALL"] = "immortalize_heap"
    return found


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Make an empty directory, and remove it with what was written there."""
    home = Path(tempfile.mkdtemp(prefix="exitpackages-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def listing(home: Path, how: str) -> dict[str, int]:
    """Return the files below *home* with their sizes in bytes, or -1 for each."""
    return {
        normalise(str(path.relative_to(home)), {}): path.stat().st_size if how == "sizes" else -1
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


_VARYING = (
    (re.compile(r"\b0x[0-9a-fA-F]{4,}\b"), "0xADDRESS"),
    (re.compile(r"\b(pid|PID|process|thread|Thread)([ =:]+)\d+\b"), r"\1\2NUMBER"),
    (re.compile(r"\b(127\.0\.0\.1|localhost)('?[,:] ?)\d+\b"), r"\1\2PORT"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|sec|seconds)\b"), "SPAN"),
    (re.compile(r"\b(fd=|at line |line )\d+\b"), r"\1NUMBER"),
    (re.compile(r'File "[^"]*/(lib/python[\d.]+|Lib)/'), 'File "LIB/'),
    # The source below it: the unpatched interpreter has no linecache left to find it with.
    (re.compile(r'^( +)(File "[^"]*", line NUMBER, in .*)(\n\1 +.*)+', re.M), r"\1\2"),
)


def normalise(text: str, places: Mapping[Path, str]) -> str:
    """Replace addresses, ids, ports, times and places by words.

    *places* are directories and what they are called. Line numbers go as well: patched library
    files have other ones.
    """
    for place, word in places.items():
        for spelling in (place, place.resolve()):
            text = text.replace(str(spelling), word)
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text
