"""resultdir: which rounds count, what is written whole, and what is left out of raw files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import benchtoy
import pyperf
import pytest
from cpatch.base.errors import CpatchError
from cpatch.measuring import machine, resultdir
from cpatch.measuring.resultdir import Failure, Results


def runs(number: int, *values: float) -> list[pyperf.Run]:
    return [
        pyperf.Run(
            [value], metadata={"name": "toy", "round": number, "position": at},
            collect_metadata=False,
        )
        for at, value in enumerate(values)
    ]  # fmt: skip


def test_a_round_counts_when_every_role_has_it(tmp_path):
    results = Results(tmp_path)
    results.add("times", "toy", 0, {"stock": runs(0, 1, 1), "patched": runs(0, 1, 1)})
    results.add("times", "toy", 1, {"stock": runs(1, 1, 1)})
    assert results.rounds("times", "toy", ["stock", "patched"]) == {0}
    assert results.rounds("times", "toy", ["stock"]) == {0, 1}


def test_what_an_interruption_left_of_a_round_is_replaced(tmp_path):
    results = Results(tmp_path)
    results.add("times", "toy", 0, {"stock": runs(0, 1.0, 2.0)})
    results.add("times", "toy", 0, {"stock": runs(0, 3.0, 4.0)})
    found = results.load("times", "stock", "toy")
    assert found is not None
    assert [run.values for run in found.get_runs()] == [(3.0,), (4.0,)]


def test_writing_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    results = Results(tmp_path)
    results.add("times", "toy", 0, {"stock": runs(0, 1.0, 2.0)})
    before = results.file("times", "stock", "toy").read_bytes()

    def half(self: pyperf.Benchmark, file: str, **kwargs: object) -> None:
        Path(file).write_text('{"bench')
        raise KeyboardInterrupt

    monkeypatch.setattr(pyperf.Benchmark, "dump", half)
    with pytest.raises(KeyboardInterrupt):
        results.add("times", "toy", 1, {"stock": runs(1, 1.0, 2.0)})
    assert results.file("times", "stock", "toy").read_bytes() == before
    assert results.names("times", "stock") == ["toy"]


def test_damaged_raw_file_is_named(tmp_path):
    results = Results(tmp_path)
    path = results.file("times", "stock", "toy")
    path.parent.mkdir(parents=True)
    path.write_text('{"benchmarks": [')
    with pytest.raises(CpatchError, match=r"toy\.json is not a raw pyperf file") as caught:
        results.load("times", "stock", "toy")
    assert caught.value.fix
    assert f"rm {path}" in caught.value.fix


def test_runs_of_another_machine_do_not_go_together(tmp_path):
    results = Results(tmp_path)
    results.add("times", "toy", 0, {"stock": runs(0, 1.0, 2.0)})
    other = [resultdir.stamped(run, cpu_model_name="other") for run in runs(1, 1.0, 2.0)]
    with pytest.raises(CpatchError, match="does not go with those"):
        results.add("times", "toy", 1, {"stock": other})


def test_failures_are_kept_until_cleared(tmp_path):
    results = Results(tmp_path)
    failure = Failure("toy", "patched", "exit code 1", "boom", "now")
    results.fail(failure)
    assert results.failures() == [failure]
    results.clear("toy", "patched")
    assert results.failures() == []


HOSTED = "Linux-6.18.44-hoster-v595-x86_64-with-glibc2.36"


def test_raw_files_tell_neither_the_host_nor_whose_kernel(tmp_path):
    # All that pyperf itself collects, here.
    run = pyperf.Run([1.0], metadata={"name": "toy", "hostname": "secret"})
    assert "platform" in run.get_metadata()
    run._metadata["platform"] = HOSTED
    results = Results(tmp_path)
    both = [resultdir.stamped(run, round=0, position=at) for at in (0, 1)]
    results.add("times", "toy", 0, {"stock": both})
    text = results.file("times", "stock", "toy").read_text()
    for word in ("hoster", "secret", "6.18", os.uname().nodename + '"', sys.executable):
        assert word not in text
    found = results.load("times", "stock", "toy")
    assert found is not None
    assert found.get_metadata()["platform"] == "Linux-x86_64-with-glibc2.36"


def test_results_of_an_earlier_driver_go_on_and_are_cleaned(tmp_path):
    results = Results(tmp_path)
    old = [
        pyperf.Run([1.0], metadata={**run.get_metadata(), "platform": HOSTED},
                   collect_metadata=False)
        for run in runs(0, 1.0, 2.0)
    ]  # fmt: skip
    resultdir.dump(results.file("times", "stock", "toy"), pyperf.Benchmark(old))
    public = machine.public_platform(HOSTED)
    new = [resultdir.stamped(run, platform=public) for run in runs(1, 1.0, 2.0)]
    results.add("times", "toy", 1, {"stock": new})
    assert results.rounds("times", "toy", ["stock"]) == {0, 1}
    assert "hoster" not in results.file("times", "stock", "toy").read_text()
    results.write_record(benchtoy.record(machine={"kernel": "6.18.44-hoster"}))
    assert results.record()["machine"] == {"kernel": "6.18.44"}
