"""One module, compiled with one set of headers: by a compiler, by pip, by cargo."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cpatch.base import proc
from cpatch.building import flavors
from cpatch.headers.table import Row

#: What is said of a wheel's name.
NAMED = "the name of a wheel"

#: Seconds that one compilation may take; nanobind's library with an analyzer takes a tenth.
LIMIT = 600

_SAID = re.compile(
    r"^(?P<file>[^\s:][^:]*):(?:\d+:)*\s*(?P<kind>warning|(?:fatal )?error)\s*:\s*(?P<text>.*)$",
    re.I,
)

_CONFIG = """\
[source.crates-io]
replace-with = "here"
[source.here]
directory = "{}"
"""


@dataclass(frozen=True)
class Interpreter:
    """``stock`` or ``patched``: what runs, its headers, and its environment with the tools."""

    name: str
    python: Path
    include: tuple[Path, ...]
    tools: Path | None = None


@dataclass(frozen=True)
class Made:
    """What a compiler is given: see tools/headers/generate.py."""

    sources: list[str]
    library: str
    include: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    beside: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Built:
    """Whether it compiled, its complaints without their lines' numbers, the end of what it said.

    ``structures`` are the layouts that ``layouts`` found, by name.
    """

    ok: bool
    complaints: dict[str, int]
    said: str
    structures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """Where our sources and headers that are broken are, and where all is written."""

    home: Path
    work: Path

    @property
    def sources(self) -> Path:
        """Our sources."""
        return self.home / "sources"


def run(
    argv: Sequence[str | Path], work: Path, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a compiler; return its status, 124 when its time is up, and all that it said."""
    whole = {**flavors.clean_environment(os.environ), "LC_ALL": "C", **(env or {})}
    with tempfile.TemporaryFile() as out:
        status = proc.limited(
            [os.fspath(each) for each in argv],
            cwd=work,
            env=whole,
            stdout=out,
            stderr=subprocess.STDOUT,
            seconds=LIMIT,
        )
        out.seek(0)
        said = out.read().decode("utf-8", "replace")
    return (124, f"{said}\nerror: no end after {LIMIT} s") if status is None else (status, said)


def complaints(text: str, folders: Sequence[Path | str]) -> Counter[str]:
    """Return how often a compiler said what: ``file: warning: text``, without lines' numbers.

    A file below one of *folders* keeps the rest of its path, any other one its name.
    """
    found: Counter[str] = Counter()
    for line in text.splitlines():
        if not (match := _SAID.match(line)):
            continue
        name = match["file"]
        for folder in sorted(map(str, folders), key=len, reverse=True):
            if name.startswith(f"{folder}/"):
                name = name.removeprefix(f"{folder}/")
                break
        else:
            name = name.rpartition("/")[2]
        # The linker's temporary files have a new name each time.
        said = re.sub(r"/tmp/\S+", "FILE", match["text"])  # noqa: S108 - recognized, not used
        for each in folders:
            said = said.replace(f"{each}/", "")
        found[f"{name}: {match['kind'].lower()}: {said.strip()}"] += 1
    return found


def compile_row(row: Row, bench: Bench, headers: Interpreter, made: Made, out: Path) -> Built:
    """Compile and link *made* to *out*, a folder, with the headers of an interpreter."""
    include: list[Path | str] = [*headers.include, *made.include]
    own = [str(bench.sources)]
    argv = [row.compiler, *row.flags, *made.flags]
    if row.group.broken and headers.name != "stock":
        argv.append(f"-I{bench.home / 'controls' / row.variant}")
        own.append(str(bench.home / "controls" / row.variant))
    argv += [f"-I{folder}" for folder in include]
    if row.group.loads:
        argv += ["-fPIC", "-shared", *made.sources, "-o", str(out / f"{made.library}.so")]
    else:
        argv += ["-c", *made.sources, "-o", str(out / "analyzed")]
    status, said = run(argv, out)
    for path in made.beside:
        shutil.copy(path, out)
    return Built(status == 0, dict(complaints(said, [*include, *own, out])), said[-4000:])


def generate(row: Row, bench: Bench, tools: Path, out: Path) -> Made:
    """Let the row's tool write the source, in *out*; OSError or ValueError when it does not."""
    script = bench.home / "generate.py"
    status, said = run([tools, script, row.group.tool, bench.sources, out], out)
    if status:
        raise ValueError(said[-2000:])
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    beside = sorted(out.glob("*.py"))
    return Made(beside=beside, **{"library": row.group.module, **found})


def wheel(row: Row, bench: Bench, headers: Interpreter, out: Path) -> Built:
    """Build a wheel as a package's author does, with the interpreter's own idea of its headers."""
    project = out / "project"
    shutil.copytree(bench.sources / "wheel", project)
    shutil.copy(bench.sources / "work.c", project)
    assert headers.tools is not None
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check"]
    options += ["-v", "-w", str(out), str(project)]
    status, said = run([headers.tools, "-m", "pip", "wheel", *options], out)
    return Built(status == 0, dict(complaints(said, [out]) + _unpacked(out)), said[-4000:])


def _unpacked(out: Path) -> Counter[str]:
    """Unpack the wheel that was built; its name is told among the complaints."""
    for path in out.glob("*.whl"):
        shutil.unpack_archive(path, out, "zip")
    return Counter(f"{path.name}: {NAMED}" for path in out.glob("*.whl"))


def cargo(row: Row, bench: Bench, headers: Interpreter, crates: Path, out: Path) -> Built:
    """Build a module in Rust for an interpreter, by cargo alone or as a wheel, by maturin.

    *crates* has what it depends on.
    """
    project = out / "project"
    shutil.copytree(bench.sources / "rust", project)
    (out / "config.toml").write_text(_CONFIG.format(crates), encoding="utf-8")
    env = {"CARGO_HOME": str(out), "PYO3_PYTHON": str(headers.python)}
    if row.group.tool == "maturin":
        assert headers.tools is not None
        options = ["--release", "--offline", "-i", str(headers.python), "--out", str(out)]
        status, said = run([headers.tools, "-m", "maturin", "build", *options], project, env)
        return Built(status == 0, dict(complaints(said, [out]) + _unpacked(out)), said[-4000:])
    status, said = run(["cargo", "build", "--release", "--offline"], project, env)
    library = project / "target" / "release" / f"lib{row.group.module}.so"
    if library.exists():
        shutil.copy(library, out / f"{row.group.module}.so")
    return Built(status == 0, dict(complaints(said, [out])), said[-4000:])
