"""From a directory of results to rows, refusing what would not be a comparison."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyperf

from cpatch.base.errors import CpatchError
from cpatch.measuring import interpreters, resultdir, stats
from cpatch.measuring.interpreters import OFF
from cpatch.measuring.resultdir import KINDS, Failure, Results
from cpatch.measuring.stats import Estimate, Pair

#: What somebody else published, and where: it is shown beside what was measured, as theirs.
REFERENCE = Path(__file__).with_name("reference_2022.csv")
REFERENCE_URL = "https://github.com/python/cpython/pull/31489"


@dataclass(frozen=True)
class Other:
    """How a role compares with stock in one row, over the rounds that both have.

    ``value`` is in the row's unit.
    """

    value: float
    change: Estimate
    logs: list[float]
    significant: bool
    memory: float | None = None  # peak memory over stock's, less 1


@dataclass(frozen=True)
class Row:
    """One benchmark: stock's median value, its A/A noise, and who is compared with it."""

    name: str
    unit: str
    stock: float
    noise: Estimate
    noise_logs: list[float]
    others: Mapping[str, Other]
    rounds: int
    first: str = "patched"

    @property
    def main(self) -> Other:
        """The one that is asked about first."""
        return self.others[self.first]

    def beyond(self, role: str | None = None) -> bool:
        """Say whether there is a difference, larger than what stock differs from itself by."""
        other = self.others[role or self.first]
        return stats.beyond(other.change, self.noise, len(other.logs))


@dataclass(frozen=True)
class Run:
    """One directory of results, checked."""

    results: Results
    record: Mapping[str, Any]
    name: str
    times: list[Row]
    probes: list[Row]
    counts: dict[str, dict[str, int]]  # program -> role -> instructions
    failures: list[Failure]
    waiting: list[str] = field(default_factory=list)  # not measured yet, or not in all rounds

    @property
    def roles(self) -> list[str]:
        """Who may have been measured, stock first."""
        return roles_of(self.record)

    @property
    def first(self) -> str:
        """The role that is asked about first."""
        return first_of(self.record)


def first_of(record: Mapping[str, Any]) -> str:
    """Return the role that a run is about first: patched, or else the first tree of some parts."""
    sides = [name for name in record["sides"] if name != "stock"]
    return "patched" if "patched" in sides else sides[0]


def roles_of(record: Mapping[str, Any]) -> list[str]:
    """Return the roles that there can be raw files of: the sides, and patched switched off."""
    return [*record["sides"], OFF]


def load(root: Path) -> Run:
    """Read and check one directory; CpatchError says what in it is no fair comparison."""
    results = Results(root)
    record = results.record()
    sides = record["sides"]
    for name, side in sides.items():
        differing = interpreters.differences(sides["stock"], side)
        if differing:
            raise CpatchError(
                f"{root}: stock and {name} were not built alike: {', '.join(differing)}",
                wanted="\n".join(f"stock: {key} {row[0]}" for key, row in differing.items()),
                got="\n".join(f"{name}: {key} {row[1]}" for key, row in differing.items()),
                fix="make bench ARGS=--fresh",
            )
    found: dict[str, list[Row]] = {}
    for kind in ("times", "probes"):
        names = _present(results, record, kind)
        rows = [_row(results, record, kind, name) for name in names]
        found[kind] = [row for row in rows if row]
    failures = results.failures()
    return Run(
        results=results,
        record=record,
        name=record["name"],
        times=found["times"],
        probes=found["probes"],
        counts=_counts(results, record),
        failures=failures,
        waiting=_waiting(results, record, found["times"], failures),
    )


def _present(results: Results, record: Mapping[str, Any], kind: str) -> list[str]:
    """Return what all sides have a raw file of; CpatchError when one has it and another not."""
    have = {role: set(results.names(kind, role)) for role in roles_of(record)}
    measured: dict[str, list[str]] = record.get("measured", {}).get(kind, {})
    everything = set(measured).union(*have.values())
    missing = [
        results.file(kind, role, name)
        for name in sorted(everything)
        for role in have
        # Whether the heap was measured switched off too may differ from benchmark to benchmark.
        if name not in have[role] and role in measured.get(name, record["sides"])
    ]
    if missing:
        raise CpatchError(
            f"raw files are missing in {results.root}",
            wanted="those of all sides of everything that was measured",
            got="no " + "\nno ".join(str(path.relative_to(results.root)) for path in missing[:10]),
            fix="restore them, or make bench again: it measures what is missing",
        )
    return sorted(everything)


def _row(results: Results, record: Mapping[str, Any], kind: str, name: str) -> Row | None:
    """Return a benchmark's row; None when stock and the first have no complete round of it."""
    stock = _checked(results, record["sides"], kind, "stock", name)
    others = {}
    for role in roles_of(record):
        if role == "stock" or not results.file(kind, role, name).exists():
            continue
        bench = _checked(results, record["sides"], kind, role, name)
        rounds = resultdir.complete_rounds(stock) & resultdir.complete_rounds(bench)
        if rounds:
            others[role] = _other(stock, bench, sorted(rounds))
    first = first_of(record)
    if first not in others:
        return None
    rounds = resultdir.complete_rounds(stock)
    noise = stats.noise(_pairs(stock, sorted(rounds)))
    return Row(
        name=name,
        unit=stock.get_unit(),
        stock=statistics.median(_values(stock, rounds)),
        noise=stats.estimate(noise),
        noise_logs=noise,
        others=others,
        rounds=len(others[first].logs),
        first=first,
    )


def _other(stock: pyperf.Benchmark, bench: pyperf.Benchmark, rounds: list[int]) -> Other:
    logs = stats.changes(_pairs(stock, rounds), _pairs(bench, rounds))
    values = _values(bench, rounds)
    one, two = _memory(stock, rounds), _memory(bench, rounds)
    return Other(
        value=statistics.median(values),
        change=stats.estimate(logs),
        logs=logs,
        significant=stats.significant(_values(stock, rounds), values),
        memory=two / one - 1 if one and two else None,
    )


def _checked(
    results: Results, sides: Mapping[str, Any], kind: str, role: str, name: str
) -> pyperf.Benchmark:
    """Return a raw file's benchmark when all its runs are of the tree that run.json names."""
    path = results.file(kind, role, name)
    bench = resultdir.load_one(path)
    side = sides[interpreters.side_of(role)]
    for run in bench.get_runs():
        for key, what in (("tree_id", "tree"), ("binary", "build")):
            if resultdir.fact(run, key) != side[key]:
                raise CpatchError(
                    f"{path} holds runs of another {what} than the rest of {results.root.name}",
                    wanted=f"{key} {side[key]} ({results.record_file.name}: {side['name']})",
                    got=f"{key} {resultdir.fact(run, key)}",
                    fix=f"rm {path}; make bench measures it again",
                )
    return bench


def _runs(bench: pyperf.Benchmark, number: int) -> list[pyperf.Run]:
    runs = [run for run in bench.get_runs() if resultdir.round_of(run) == number]
    return sorted(runs, key=lambda run: resultdir.fact(run, "position") or 0)


def _pairs(bench: pyperf.Benchmark, rounds: Iterable[int]) -> list[Pair]:
    pairs = []
    for number in rounds:
        first, second = _runs(bench, number)
        pairs.append((statistics.median(first.values), statistics.median(second.values)))
    return pairs


def _values(bench: pyperf.Benchmark, rounds: Iterable[int]) -> list[float]:
    return [value for number in rounds for run in _runs(bench, number) for value in run.values]


def _memory(bench: pyperf.Benchmark, rounds: Iterable[int]) -> float | None:
    """Return the median peak of memory over processes; None where pyperf did not record it."""
    peaks = [
        resultdir.fact(run, "command_max_rss") or resultdir.fact(run, "mem_max_rss")
        for number in rounds
        for run in _runs(bench, number)
    ]
    known = [peak for peak in peaks if peak]
    return statistics.median(known) if known else None


def _counts(results: Results, record: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return the instructions of the programs that both stock and the first were counted on."""
    kind = KINDS[2]
    needed = {"stock", first_of(record)}
    found: dict[str, dict[str, int]] = {}
    for role in roles_of(record):
        for name in results.names(kind, role):
            bench = _checked(results, record["sides"], kind, role, name)
            found.setdefault(name, {})[role] = int(bench.get_values()[0])
    return {name: row for name, row in sorted(found.items()) if row.keys() >= needed}


def _waiting(
    results: Results, record: Mapping[str, Any], rows: list[Row], failures: list[Failure]
) -> list[str]:
    """Return what an interrupted run has still to do."""
    broken = {failure.name for failure in failures}
    wanted = record.get("rounds", 0)
    others = [role for role in record["sides"] if role != "stock"]
    rounds = {
        row.name: min(len(row.others[role].logs) if role in row.others else 0 for role in others)
        for row in rows
    }
    waiting = []
    for script in record.get("scripts", []):
        if script in broken:
            continue
        path = results.calibration(script)
        if not path.exists():
            waiting.append(script)
            continue
        for bench in pyperf.BenchmarkSuite.load(str(path)).get_benchmarks():
            name = bench.get_name()
            done = rounds.get(name, 0)
            if done < wanted:
                waiting.append(f"{name} ({done} of {wanted} rounds)")
    counted = {role: set(results.names("counts", role)) for role in record["sides"]}
    waiting += [
        f"instructions of {name}"
        for name in sorted(set().union(*counted.values()))
        if any(name not in names for names in counted.values())
        if f"counting-{name}" not in broken
    ]
    return waiting


def reference(path: Path = REFERENCE) -> dict[str, float | None]:
    """Return what another project published: benchmark -> times faster; None: not significant."""
    with path.open(newline="", encoding="utf-8") as stream:
        return {
            row["benchmark"]: float(row["baseline_mean_s"]) / float(row["patched_mean_s"])
            if row["baseline_mean_s"]
            else None
            for row in csv.DictReader(stream)
        }
