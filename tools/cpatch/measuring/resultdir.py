"""A directory of results: the raw pyperf files, which are the only state of a run.

::

    run.json                     what was compared, where, when, by which commands
    times/ROLE/BENCHMARK.json    pyperf's JSON: one run per process, two per round and role
    probes/ROLE/PROBE.json       the same, for memory, start-up, shutdown and collection
    counts/ROLE/PROGRAM.json     the same, of instructions
    loops/SCRIPT.json            the calibration, pyperf's JSON too
    failed/SCRIPT.ROLE.json      what did not run, with the end of its output
    log/                         whole outputs of what failed

Each run carries its ``round`` and ``position`` in its metadata. Files are written whole and then
renamed, so a file that is there is complete; a round counts when every role has it.

What is kept in a repository is packed (packing.py): ``BENCHMARK.json.gz``, which pyperf reads as it
is, and no log/. Where both forms are, the plain one is newer.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyperf

from cpatch.base import files, locks
from cpatch.base.errors import CpatchError
from cpatch.measuring import machine

FORMAT = 1
KINDS = ("times", "probes", "counts")
PACKED = ".gz"
PER_ROUND = 2  # runs of each role in a round: A B ... B A

# Left out of the raw files: who ran it, and where that user keeps things. (The arguments of
# configure are in run.json, less the places.)
_PRIVATE = ("hostname", "python_executable", "python_config_args", "command", "boot_time", "uptime")


@dataclass(frozen=True)
class Failure:
    """Something that did not run: a benchmark's script on one role."""

    name: str
    role: str
    what: str
    tail: str
    when: str


@dataclass
class Results:
    """One directory of results."""

    root: Path

    @property
    def record_file(self) -> Path:
        """What was compared, where and when."""
        return self.root / "run.json"

    def record(self) -> dict[str, Any]:
        """Return run.json; CpatchError when it is not there, or not one of ours."""
        try:
            found: dict[str, Any] = json.loads(self.record_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CpatchError(
                f"{self.root} holds no results",
                wanted=f"a directory with {self.record_file.name}, as make bench writes it",
                fix="make bench, or make report ARGS=DIRECTORY",
            ) from None
        except (OSError, ValueError) as error:
            raise CpatchError(f"{self.record_file} cannot be read: {error}") from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise CpatchError(
                f"{self.record_file} is of another version of the driver",
                wanted=f"format {FORMAT}",
                got=str(found.get("format")) if isinstance(found, dict) else type(found).__name__,
                fix="make bench ARGS=--fresh",
            )
        if "machine" in found:
            # Earlier drivers wrote all of it down, and such a run can go on.
            found["machine"]["kernel"] = machine.kernel(found["machine"]["kernel"])
        return found

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Replace run.json."""
        self.root.mkdir(parents=True, exist_ok=True)
        files.write(self.record_file, json.dumps({"format": FORMAT, **record}, indent=1) + "\n")

    def file(self, kind: str, role: str, name: str) -> Path:
        """Return the raw file of one benchmark of one role: the packed one if that is there."""
        return _either(self.root / kind / role / f"{name}.json")

    def calibration(self, script: str) -> Path:
        """Return the file with the calibration of a script, packed or not."""
        return _either(self.root / "loops" / f"{script}.json")

    def load(self, kind: str, role: str, name: str) -> pyperf.Benchmark | None:
        """Return the runs of one benchmark of one role, or None when there are none."""
        path = self.file(kind, role, name)
        return load_one(path) if path.exists() else None

    def calibrations(self) -> list[str]:
        """Return the scripts that are calibrated."""
        return sorted({_name(path) for path in _raw(self.root / "loops")})

    def names(self, kind: str, role: str) -> list[str]:
        """Return what there are raw files of."""
        return sorted({_name(path) for path in _raw(self.root / kind / role)})

    def measured(self) -> dict[str, dict[str, list[str]]]:
        """Return kind -> benchmark -> the roles that have a raw file, to miss them if they go."""
        found: dict[str, dict[str, list[str]]] = {kind: {} for kind in KINDS}
        for kind, rows in found.items():
            for home in sorted((self.root / kind).glob("*")):
                for name in self.names(kind, home.name):
                    rows.setdefault(name, []).append(home.name)
        return found

    def rounds(self, kind: str, name: str, roles: list[str]) -> set[int]:
        """Return the rounds that every one of *roles* has completely."""
        found: set[int] | None = None
        for role in roles:
            bench = self.load(kind, role, name)
            whole = complete_rounds(bench) if bench else set()
            found = whole if found is None else found & whole
        return found or set()

    def add(self, kind: str, name: str, number: int, runs: Mapping[str, list[pyperf.Run]]) -> None:
        """Add a round: role -> its runs. Runs of the same round that were left over go."""
        for role, new in runs.items():
            old = self.load(kind, role, name)
            before = old.get_runs() if old else []
            kept = [stamped(run) for run in before if round_of(run) != number]
            try:
                bench = pyperf.Benchmark([*kept, *new])
            except ValueError as error:
                raise CpatchError(
                    f"a new run of {name} does not go with those in {self.file(kind, role, name)}",
                    got=str(error),
                    fix="make bench ARGS=--fresh",
                ) from None
            path = self.root / kind / role / f"{name}.json"
            dump(path, bench)
            path.with_name(path.name + PACKED).unlink(missing_ok=True)

    def failures(self) -> list[Failure]:
        """Return what did not run, by name."""
        found = []
        for path in sorted((self.root / "failed").glob("*.json")):
            with contextlib.suppress(OSError, ValueError, TypeError):
                found.append(Failure(**json.loads(path.read_text(encoding="utf-8"))))
        return found

    def fail(self, failure: Failure) -> None:
        """Record what did not run."""
        files.write(self._failed(failure.name, failure.role), json.dumps(asdict(failure), indent=1))

    def clear(self, name: str, role: str) -> None:
        """Forget that something did not run: it does now."""
        self._failed(name, role).unlink(missing_ok=True)

    def _failed(self, name: str, role: str) -> Path:
        return self.root / "failed" / f"{name}.{role}.json"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let no second run write here at the same time."""
        self.root.mkdir(parents=True, exist_ok=True)
        refusal = CpatchError(
            f"another make bench is writing to {self.root}",
            fix="wait for it, or make bench ARGS=--fresh on a machine of its own",
        )
        with locks.or_refuse(self.root / ".lock", refusal):
            yield


def _either(path: Path) -> Path:
    packed = path.with_name(path.name + PACKED)
    return packed if packed.exists() and not path.exists() else path


def _raw(directory: Path) -> list[Path]:
    return [*directory.glob("*.json"), *directory.glob("*.json" + PACKED)]


def _name(path: Path) -> str:
    return path.name.removesuffix(PACKED).removesuffix(".json")


def load_one(path: Path) -> pyperf.Benchmark:
    """Return the one benchmark of a raw file; CpatchError when it is damaged."""
    try:
        (bench,) = pyperf.BenchmarkSuite.load(str(path)).get_benchmarks()
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise CpatchError(
            f"{path} is not a raw pyperf file of one benchmark: {error}",
            fix=f"rm {path}; make bench measures it again",
        ) from None
    return bench


def dump(path: Path, bench: pyperf.Benchmark) -> None:
    """Write a raw file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    bench.dump(str(fresh), replace=True)
    files.sync(fresh)
    fresh.replace(path)


def now() -> str:
    """Return the time of day as results record it, with the offset from UTC."""
    return datetime.datetime.now().astimezone().isoformat(" ", "seconds")


def stamped(run: pyperf.Run, **facts: str | int | float) -> pyperf.Run:
    """Return *run* with *facts* in its metadata and without what is private.

    pyperf's ``platform`` holds the release of the kernel, which may name a hosting provider; what
    is left is the system, the architecture and the C library.
    """
    metadata = {**run.get_metadata(), **facts}
    kept = {key: value for key, value in metadata.items() if key not in _PRIVATE}
    if "platform" in kept:
        kept["platform"] = machine.public_platform(kept["platform"])
    return pyperf.Run(run.values, warmups=run.warmups, metadata=kept, collect_metadata=False)


def fact(run: pyperf.Run, name: str) -> Any:
    """Return one item of a run's metadata, or None."""
    return run.get_metadata().get(name)


def round_of(run: pyperf.Run) -> int:
    """Return the round a run belongs to; -1 for one that was not made by us."""
    found = fact(run, "round")
    return found if isinstance(found, int) else -1


def complete_rounds(bench: pyperf.Benchmark) -> set[int]:
    """Return the rounds of which *bench* has both runs."""
    numbers = [round_of(run) for run in bench.get_runs()]
    return {number for number in numbers if number >= 0 and numbers.count(number) == PER_ROUND}
