"""Run many programs on two interpreters; keep and shrink what fails."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from exitfuzz import extension, oracle, run
from exitfuzz.generate import generate
from exitfuzz.model import Program
from exitfuzz.oracle import Fault
from exitfuzz.run import Interpreter, Outcome
from exitfuzz.shrink import shrink


@dataclass(frozen=True)
class Settings:
    """What to run. ``stock_limit`` and ``limit`` are seconds for one run of one program."""

    stock: str
    patched: str
    seed: int
    programs: Sequence[int]
    jobs: int = 2
    stock_limit: float = 4
    limit: float = 20
    keep: Path | None = None
    shrinks: int = 6


@dataclass(frozen=True)
class Verdict:
    """One program's: ``skipped`` says why it told nothing; without faults it is clean."""

    program: Program
    faults: tuple[Fault, ...] = ()
    skipped: str = ""
    small: Program | None = None
    folder: Path | None = None

    @property
    def kinds(self) -> list[str]:
        """The kinds of faults, each once."""
        return sorted({fault.kind for fault in self.faults})


@dataclass
class Summary:
    """All verdicts, and what could not be run at all."""

    verdicts: list[Verdict] = field(default_factory=list)
    extension: bool = True

    @property
    def failed(self) -> list[Verdict]:
        """Programs with faults."""
        return [verdict for verdict in self.verdicts if verdict.faults]

    @property
    def skipped(self) -> Counter[str]:
        """Why programs told nothing, with how many."""
        return Counter(verdict.skipped for verdict in self.verdicts if verdict.skipped)

    @property
    def clean(self) -> int:
        """How many programs were compared and found without fault."""
        return len(self.verdicts) - len(self.failed) - self.skipped.total()


class Fuzzer:
    """Runs programs of one setting below a directory of its own."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.settings = settings
        self.directory = directory
        self.number = 0
        made = [
            Interpreter(python, extension.compiled(python, directory / f"ext-{name}"))
            for name, python in (("stock", settings.stock), ("patched", settings.patched))
        ]
        self.stock, self.patched = made
        self.state = self.patched.state()
        self.has_extension = all(interpreter.library for interpreter in made)

    def run(self, report: Callable[[Verdict], None]) -> Summary:
        """Run all programs, several at a time; *report* sees each verdict, in order."""
        summary = Summary(extension=self.has_extension)
        with ThreadPoolExecutor(self.settings.jobs) as executor:
            for verdict in self._map(executor):
                summary.verdicts.append(verdict)
                report(verdict)
        return summary

    def _map(self, executor: ThreadPoolExecutor) -> Iterator[Verdict]:
        seen: Counter[str] = Counter()
        for verdict in executor.map(self._one, self.settings.programs):
            if not verdict.faults:
                yield verdict
                continue
            kind = verdict.faults[0].kind
            seen[kind] += 1
            # One of each kind, then some more: the tenth hang teaches little, and takes long.
            wanted = seen[kind] == 1 or seen.total() <= self.settings.shrinks
            yield self._keep(self._small(verdict) if wanted and self.settings.shrinks else verdict)

    def _one(self, index: int) -> Verdict:
        program = generate(self.settings.seed, index, extension=self.has_extension)
        return self.verdict(program, self.settings.limit)

    def verdict(self, program: Program, limit: float, *, last: bool = False) -> Verdict:
        """Run one program on both, on stock once more if they differ, and judge.

        If somebody has built the interpreter anew meanwhile, all of it once more.
        """
        stock = self._on(program, self.stock, self.settings.stock_limit)
        skipped = oracle.interesting(stock, program.status)
        if skipped:
            return Verdict(program, skipped=skipped)
        patched = self._on(program, self.patched, limit)
        faults = oracle.judge(stock, patched)
        if any(fault.kind == "late" for fault in faults):
            return Verdict(program, skipped="too slow")
        if any(fault.kind == "chance" for fault in faults):
            return Verdict(program, skipped=faults[0].detail)
        if not faults:
            return Verdict(program)
        again = self._on(program, self.stock, self.settings.stock_limit)
        # What stock does only sometimes nobody can hold against another interpreter.
        if not oracle.interesting(again, program.status):
            faults = sorted(set(faults) & set(oracle.judge(again, patched)))
            state = self.patched.state() if faults else self.state
            if state != self.state and last:
                faults = [Fault("interpreter", "it is being built anew, again and again")]
            elif state != self.state:
                self.state = state or self._built()
                return self.verdict(program, limit, last=True)
            if faults:
                return Verdict(program, tuple(faults))
        return Verdict(program, skipped="stock differs from itself")

    def _built(self, seconds: float = 300) -> str:
        """Wait until the patched interpreter has its modules again, so many seconds at most."""
        end = time.monotonic() + seconds
        while not (state := self.patched.state()) and time.monotonic() < end:
            time.sleep(2)
        return state

    def _on(self, program: Program, interpreter: Interpreter, limit: float) -> Outcome:
        directory = Path(tempfile.mkdtemp(dir=self.directory)) / "run"
        try:
            return run.run(program, interpreter, directory, limit)
        finally:
            shutil.rmtree(directory.parent, ignore_errors=True)

    def _small(self, verdict: Verdict) -> Verdict:
        kind = verdict.faults[0].kind
        limit = min(self.settings.limit, 6.0)

        def fails(program: Program) -> bool:
            return kind in self.verdict(program, limit).kinds

        return replace(verdict, small=shrink(verdict.program, fails))

    def _keep(self, verdict: Verdict) -> Verdict:
        """Write a failing program, small as it is by now, and what both interpreters made of it."""
        if self.settings.keep is None:
            return verdict
        program = verdict.small or verdict.program
        folder = self.settings.keep / verdict.program.name
        shutil.rmtree(folder, ignore_errors=True)
        run.write(program, folder, self.patched.library)
        for name, interpreter in (("stock", self.stock), ("patched", self.patched)):
            outcome = self._on(program, interpreter, 6)
            (folder / f"{name}.json").write_text(
                json.dumps(asdict(outcome), indent=1, default=repr), encoding="utf-8"
            )
        lines = [f"{fault.kind}: {fault.detail}" for fault in verdict.faults]
        command = ["python", "-B", "-s", *program.options, "main.py"]
        lines += ["", f"run here: {' '.join(command)}", "", *program.kinds]
        (folder / "README").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return replace(verdict, folder=folder)


def today() -> int:
    """Return the seed of the day: its date as a number, in UTC."""
    return int(datetime.now(timezone.utc).strftime("%Y%m%d"))


def fuzz(settings: Settings, report: Callable[[Verdict], None]) -> Summary:
    """Run the programs of *settings*; ``report`` sees each verdict as it is made."""
    with tempfile.TemporaryDirectory(prefix="exitfuzz-", ignore_cleanup_errors=True) as directory:
        return Fuzzer(settings, Path(directory)).run(report)


def lines(verdict: Verdict) -> list[str]:
    """Say what is wrong with a program, for people."""
    small = verdict.small or verdict.program
    found = [f"FAILED: program {verdict.program.name} {' '.join(small.options)}".rstrip()]
    found += [f"  {fault.kind}: {fault.detail}" for fault in verdict.faults[:6]]
    if len(verdict.faults) > 6:
        found.append(f"  and {len(verdict.faults) - 6} more")
    label = "shrunk to" if verdict.small else "made of"
    found.append(f"  {label}: {'; '.join(small.kinds)}")
    if verdict.folder is not None:
        found.append(f"  kept in {verdict.folder}")
    return found


def totals(summary: Summary) -> str:
    """Return the last line: how many programs were clean, failed, or told nothing."""
    parts = [f"{summary.clean} clean", f"{len(summary.failed)} failed"]
    parts += [f"{count} told nothing ({why})" for why, count in sorted(summary.skipped.items())]
    if not summary.extension:
        parts.append("no compiler: without extension objects")
    return ", ".join(parts)
