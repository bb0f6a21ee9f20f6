"""probes: each measures what it says, on an interpreter that is there."""

from __future__ import annotations

import sys

import benchtoy
import pytest
from cpatch.bench import probes
from cpatch.bench.probes import Measuring
from cpatch.bench.runs import RunFailedError
from cpatch.measuring import machine
from cpatch.measuring.interpreters import Role, Side
from cpatch.measuring.resultdir import Results


def role(**env: str) -> Role:
    return Role("stock", Side(**{**benchtoy.side("stock"), "python": sys.executable}), env)


@pytest.fixture
def measuring(tmp_path):
    return Measuring(role(), 1, machine.cpu_to_use(), tmp_path)


def test_shutdown_is_the_time_after_the_last_statement(measuring):
    code = "import time; print(time.monotonic_ns(), flush=True); time.sleep(0.2)"
    ((whole, after),) = measuring.times(1, "-c", code)
    assert 0.2 < after < whole < 5


def test_memory_is_that_of_the_program_and_not_of_this_one(measuring):
    ballast = bytearray(200 * 2**20)
    ballast[:: 2**12] = b"x" * len(ballast[:: 2**12])
    (peak, *_) = probes._memory(measuring)["memory_pass"]
    assert 2 * 2**20 < peak < 100 * 2**20


@pytest.mark.parametrize("name", ["startup", "collect"])
def test_probes_give_what_they_say(tmp_path, name):
    (probe,) = [probe for probe in probes.PROBES if probe.name == name]
    found = probes.measure(probe, role(), 2, 1, results=Results(tmp_path), cpu=None)
    assert set(found) == set(probe.gives)
    for run in found.values():
        assert all(0 < value < 10 for value in run.values)
        about = run.get_metadata()
        assert (about["round"], about["position"], about["script"]) == (2, 1, name)
        assert role().stamp.items() <= about.items()


def test_probe_that_does_not_run_fails(measuring):
    with pytest.raises(RunFailedError, match="exit code"):
        measuring.times(1, "-c", "raise SystemExit(3)")


def test_probes_that_need_too_much_memory_are_left_out(monkeypatch):
    monkeypatch.setattr(machine, "free_memory", lambda: 10**9)
    chosen, unfit = probes.chosen(rigorous=True)
    assert list(unfit) == ["shutdown_1e7"]
    assert "shutdown_1e6" in [probe.name for probe in chosen]
    assert probes.chosen(rigorous=False)[1] == {}
