"""Made-up results of bench, in the form that it leaves them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyperf
from cpatch.measuring import interpreters
from cpatch.measuring.resultdir import Results, dump

FLAGS = {"CC": "gcc", "CONFIG_ARGS": "--enable-optimizations", "PY_CFLAGS": "-O3"}


def side(name: str, **changes: Any) -> dict[str, Any]:
    """A side as run.json has it."""
    return {
        "name": name,
        "version": "9.8.7",
        "tree_id": {"stock": "a", "patched": "b"}.get(name, "d") * 40,
        "commit": "c" * 40,
        "edits": "",
        "binary": {"stock": "1", "patched": "2"}.get(name, "4") * 12,
        "compiler": "GCC 12.2.0",
        "flags": dict(FLAGS),
        "installed": True,
        **changes,
    }


def record(**changes: Any) -> dict[str, Any]:
    """A run.json."""
    return {
        "pin": "9.8",
        "flavor": "pgo",
        "sides": {"stock": side("stock"), "patched": side("patched")},
        "machine": {
            "cpu": "Toy CPU", "cpus": 2, "virtual": False, "memory_gib": 8, "kernel": "6.0",
            "system": "Toy 1", "libc": "glibc 2", "governor": "performance", "turbo": "off",
        },
        "tools": {"pyperf": "2", "pyperformance": "1"},
        "name": "toy",
        "unfit": {},
        "rounds": 10,
        "scripts": [],
        "roles": ["patched", "stock"],
        "sessions": [
            {"command": "cpatch bench", "begun": "2026-01-01", "ended": "2026-01-02", "cpu": 1,
             "load": [0.0, 0.0, 0.0]}
        ],
        **changes,
    }  # fmt: skip


def bench(
    name: str, values: list[float], role: str, unit: str = "second", **metadata: Any
) -> pyperf.Benchmark:
    """Runs of one value each, two to a round."""
    about = side(interpreters.side_of(role))
    runs = []
    for number, value in enumerate(values):
        facts = {
            "name": name, "unit": unit, "round": number // 2, "position": number % 2, "role": role,
            "tree_id": about["tree_id"], "binary": about["binary"], **metadata,
        }  # fmt: skip
        runs.append(
            pyperf.Run(
                [value, value * 1.001, value * 0.999], metadata=facts, collect_metadata=False
            )
            if unit == "second"
            else pyperf.Run([int(value)], metadata=facts, collect_metadata=False)
        )
    return pyperf.Benchmark(runs)


def make(
    root: Path,
    ratios: Mapping[str, float],
    *,
    rounds: int = 10,
    spread: float = 0.01,
    roles: tuple[str, ...] = ("stock", "patched"),
    seed: int = 1,
    **changes: Any,
) -> Results:
    """Write a directory of results in which patched is *ratios* times faster than stock."""
    results = Results(root)
    rng = random.Random(seed)
    for name, ratio in ratios.items():
        base = 10 ** rng.uniform(-6, 0)
        both = [rng.gauss(0, spread) for _ in range(rounds) for _ in range(2)]
        for role in roles:
            speed = 1 if role == "stock" else ratio
            values = [base / speed * (1 + each + rng.gauss(0, spread / 3)) for each in both]
            dump(results.file("times", role, name), bench(name, values, role, mem_max_rss=10**7))
    results.write_record(record(roles=sorted(roles), rounds=rounds, **changes))
    return results


def with_parts(
    root: Path,
    patched: Mapping[str, float],
    parts: Mapping[str, Mapping[str, float]],
    **changes: Any,
) -> Results:
    """As ``make``, with trees of some parts: tree -> benchmark -> times faster than stock."""
    sides = {name: side(name) for name in ("stock", "patched", *parts)}
    for role, ratios in parts.items():
        make(root, ratios, roles=("stock", role), spread=0.001, sides=sides)
    return make(root, patched, spread=0.001, sides=sides, **changes)


def probe(results: Results, name: str, unit: str, values: Mapping[str, list[float]]) -> None:
    """Add a probe's raw files: role -> two values to a round."""
    for role, each in values.items():
        dump(results.file("probes", role, name), bench(name, each, role, unit))


def count(results: Results, name: str, counts: Mapping[str, int]) -> None:
    """Add instruction counts: role -> how many."""
    for role, number in counts.items():
        dump(results.file("counts", role, name), bench(name, [number], role, "integer"))
