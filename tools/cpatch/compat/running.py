"""One run of a package's tests under one interpreter, and what is kept of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cpatch.base import proc
from cpatch.base.errors import CpatchError
from cpatch.compat.table import CALL, WHEEL, Package

#: The status of a run that had to be killed at its time limit.
LIMIT = "time limit"

#: Seconds of a single test of pytest's, after which it has failed.
ONE_TEST = 120

#: What the test is called that ran when the interpreter crashed.
CRASHED = "crashed"

#: What becomes of a file of tests that cannot be read.
NOT_COLLECTED = "not collected"

#: Whose module makes the call, in the runs in which there is one.
CALLED = {CALL: "gc", WHEEL: "immortal_heap"}

#: What stands for a test's id where it is about the end of a whole run: a status that pytest does
#: not give, a hang or a crash after the last test.
END = "(exit)"

#: Statuses of pytest's: passed, some failed, and no test was left after a selection.
_ENDINGS = (0, 1, 5)


@dataclass(frozen=True)
class Run:
    """What became of each test; ``tests`` maps its id to the outcome.

    ``status`` is an exit status or ``LIMIT``. ``texts`` has the end of what failed tests said, and
    under '' the end of what the run printed, when it did not come to its end. ``drift`` has the
    immortal objects whose counts moved meanwhile, and by how much.
    """

    status: int | str
    seconds: float
    tests: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)
    drift: dict[str, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether it ran to its end."""
        return self.status in _ENDINGS

    def as_json(self) -> dict[str, Any]:
        """Return what ``of_json`` reads."""
        return asdict(self)

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Run:
        """Return a stored run."""
        return cls(**found)


def unpack(archive: Path, package: Package, target: Path) -> None:
    """Unpack what the package wants copied of its sdist into *target*, made anew."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        proc.run(["tar", "-xzf", archive, "-C", scratch], cwd=target.parent)
        (top,) = Path(scratch).iterdir()
        for name in package.copy:
            source, _, place = name.partition(" -> ")
            found = top / source
            if not found.exists():
                raise CpatchError(f"{archive.name} has no {source}", fix="mend packages.toml")
            to = target / (place or source)
            to.parent.mkdir(parents=True, exist_ok=True)
            if found.is_dir():
                shutil.copytree(found, to, symlinks=True)
            else:
                shutil.copy(found, to)


@dataclass(frozen=True)
class Bench:
    """Where a package is tested: its interpreter, our folder, the unpacked tests if any.

    ``wheel`` is where the wheel immortal-heap is unpacked, if that is what makes the call.
    """

    python: Path
    home: Path
    tests: Path | None
    wheel: Path | None = None

    def command(self, package: Package) -> list[str]:
        """Return the command line."""
        inside = self.home / "inside"
        if package.tests == "modules":
            script = str(inside / "compat_modules.py")
            return [str(self.python), script, str(ONE_TEST), *package.args]
        programs = [str(self.home / "programs" / name) for name in package.args]
        args = programs if package.tests == "program" else list(package.args)
        return [
            *(str(self.python), "-m", "pytest", "-p", "compat_record", "-p", "no:cacheprovider"),
            *("-q", "--tb=short", "--continue-on-collection-errors"),
            *(f"--timeout={ONE_TEST}", "--timeout-method=signal", *args),
        ]

    def run(self, package: Package, who: str, only: Iterable[str] = ()) -> Run:
        """Run the tests, or *only* some; kills what is left of it."""
        with tempfile.TemporaryDirectory(prefix="compat-") as scratch:
            work = Path(scratch, "work")
            if self.tests:
                shutil.copytree(self.tests, work, symlinks=True)
            work.mkdir(exist_ok=True)
            ini = ["[pytest]", *package.ini, ""]
            (work / "pytest.ini").write_text("\n".join(ini), encoding="utf-8")
            env = environment(self, package, who, Path(scratch))
            if chosen := sorted(only):
                path = Path(scratch, "only.json")
                path.write_text(json.dumps(chosen), encoding="utf-8")
                env["COMPAT_ONLY"] = str(path)
            start = time.monotonic()
            status, said = _wait(self.command(package), work, env, package.seconds)
            seconds = time.monotonic() - start
            return read(Path(env["COMPAT_LOG"]), status, round(seconds, 1), said)


def environment(bench: Bench, package: Package, who: str, scratch: Path) -> dict[str, str]:
    """Return the whole environment of a run; temporary files and the home are in *scratch*."""
    home = scratch / "home"
    home.mkdir()
    found = {
        "PATH": f"{bench.python.parent}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(map(str, filter(None, (bench.home / "inside", bench.wheel)))),
        "NO_PROXY": "*",
        "COMPAT_LOG": str(scratch / "log"),
        "COMPAT_IMPORT": ",".join(package.imports),
    }
    if who in CALLED:
        found["COMPAT_CALL"] = CALLED[who]
    return found


def _wait(argv: list[str], work: Path, env: dict[str, str], seconds: int) -> tuple[int | str, str]:
    with tempfile.TemporaryFile() as out:
        status = proc.limited(
            argv, cwd=work, env=env, stdout=out, stderr=subprocess.STDOUT, seconds=seconds
        )
        out.seek(0, os.SEEK_END)
        out.seek(max(0, out.tell() - 4000))
        said = out.read().decode("utf-8", "replace")
        return LIMIT if status is None else status, said


def read(log: Path, status: int | str, seconds: float, said: str) -> Run:
    """Return the run that left *log*; *said* is the end of what it printed."""
    tests: dict[str, str] = {}
    texts: dict[str, str] = {}
    running = ""
    drift: dict[str, int] = {}
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    for row in map(json.loads, lines):
        running = row.get("start", "") if "id" not in row else ""
        drift = row.get("drift", drift)
        if "id" in row:
            tests[row["id"]] = row["outcome"]
            if row.get("text"):
                texts[row["id"]] = row["text"]
    if isinstance(status, int) and status < 0:
        name = signal.Signals(-status).name
        tests[running or END] = f"{CRASHED}: {name}"
    elif status == LIMIT:
        texts["running"] = running or END
        if lines and "drift" in json.loads(lines[-1]):  # pytest's session was over
            tests[END] = LIMIT
    elif status not in _ENDINGS:
        tests[END] = f"status {status}"
    if status not in _ENDINGS:
        texts[""] = said
    return Run(status, seconds, tests, texts, drift)
