"""Two interpreters and scripts of three benchmarks that take no time at all."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import benchtoy
import pyperf
import pytest
from buildtoy import make_toy
from cpatch.bench import choice, probes, venvs
from cpatch.bench.runs import Bench, RunFailedError, Runs
from cpatch.measuring import interpreters, machine
from cpatch.measuring.interpreters import Role, Side


def side(name: str, **changes: object) -> Side:
    return Side(**{**benchtoy.side(name), "python": sys.executable, **changes})


def make_rounds(root: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Lay out a project, and have bench run nothing; what is returned says how that ends."""
    toy = make_toy(root, monkeypatch)
    state = SimpleNamespace(toy=toy, broken=set(), calls=[], stop_at=None, sides={})
    state.sides = {"stock": side("stock"), "patched": side("patched")}

    def run(self: Bench, role: Role, script: str, options: list[str], seed: int) -> Runs:
        state.calls.append((script, role.name, seed, *options))
        if len(state.calls) == state.stop_at:
            raise KeyboardInterrupt
        if (script, role.name) in state.broken:
            raise RunFailedError("exit code 1", f"boom of {script}", Path("log"))
        names = ["alpha", "beta"] if script == "pair" else [script]
        if "--worker" in options:
            names = [names[int(options[1].partition("=")[2])]]
        about = {"loops": 8, "duration": 0.5, "hostname": "secret", "unit": "second"}
        return Runs([pyperf.Benchmark([run_of(name, about)]) for name in names], 0.5)

    def run_of(name: str, about: dict[str, object]) -> pyperf.Run:
        return pyperf.Run([1.0], metadata={**about, "name": name}, collect_metadata=False)

    table = {name: SimpleNamespace(runscript=name, extra_opts=()) for name in ("pair", "solo")}
    monkeypatch.setattr(Bench, "run", run)
    monkeypatch.setattr(interpreters, "ask", lambda name, python, built=None: state.sides[name])
    monkeypatch.setattr(choice, "choose", lambda version, names: (table, {"late": "needs more"}))
    monkeypatch.setattr(machine, "leave", lambda cpu: None)
    monkeypatch.setattr(probes, "PROBES", ())
    monkeypatch.setattr(venvs, "ensure", lambda *args: venvs.Venvs({}, {"common": ["pyperf==2"]}))
    return state
