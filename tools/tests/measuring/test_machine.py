"""machine: what is told of it, and what is not."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from cpatch.measuring import machine


@pytest.mark.skipif(not shutil.which("fincore"), reason="asks util-linux what is cached")
def test_interpreter_is_read_from_disk_again(tmp_path):
    def cached(path):
        argv = ["fincore", "--bytes", "--noheadings", "--output", "RES", str(path)]
        return int(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)

    python = tmp_path / "bin" / "python3.11"
    module = tmp_path / "lib" / "python3.11" / "lib-dynload" / "math.so"
    for path in (python, module):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 2**20)
    before = cached(python), cached(module)
    assert machine.read_afresh(python) == [python, module]
    if not on_disk(tmp_path):
        pytest.skip("what such a file system caches is its own affair")
    assert before == (2**20, 2**20)
    assert (cached(python), cached(module)) == (0, 0)


def on_disk(path):
    argv = ["stat", "--file-system", "--format=%T", str(path)]
    kind = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    return kind in ("ext2/ext3", "xfs")


HOSTED = "Linux-6.18.44-hoster-v595-x86_64-with-glibc2.36"


@pytest.mark.parametrize(
    ("text", "public"),
    [
        (HOSTED, "Linux-x86_64-with-glibc2.36"),
        ("Linux-5.10.0-28-cloud-arm64-aarch64-with-glibc2.31", "Linux-aarch64-with-glibc2.31"),
        ("Linux-6.1.0-x86_64-with-musl", "Linux-x86_64-with-musl"),
        ("Linux-6.1.0-hoster-x86_64-64bit", "Linux"),
        ("Linux-x86_64-with-glibc2.36", "Linux-x86_64-with-glibc2.36"),
    ],
)
def test_platform_is_told_without_the_kernel(text, public):
    assert machine.public_platform(text) == public


def test_kernel_is_a_version_and_not_whose_build():
    assert machine.kernel("6.18.44-hoster-v595") == "6.18.44"
    assert machine.kernel(machine.kernel("6.1.0-28-cloud-amd64")) == "6.1.0"
    assert machine.kernel("custom") == "unknown"


def test_machine_has_a_name_and_no_host_name():
    facts = machine.facts()
    assert facts["cpus"]
    assert os.uname().nodename not in map(str, facts.values())
    assert machine.name({"cpu": "Intel(R) Xeon(R) CPU @ 2.00GHz", "cpus": 4, "virtual": True}) == (
        "Intel Xeon, 4 CPUs, VM"
    )
