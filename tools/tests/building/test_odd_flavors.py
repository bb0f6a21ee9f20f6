"""Flavors for other machines and compilers: what is put in the place of what."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from buildtoy import Toy, fake_program, make_toy
from cpatch.base.errors import CpatchError
from cpatch.building import flavors, host, make


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = make_toy(tmp_path / "p", monkeypatch)
    monkeypatch.setattr(host, "ensure_compiler", lambda environ: None)
    monkeypatch.setenv("LAUNCHER", "none")
    return made


def test_compiler_of_the_flavor_is_used_and_no_library_of_the_host(toy: Toy) -> None:
    assert toy.run("build", "--flavor", "m32") == 0
    seen = toy.lines("seen.environment", flavor="m32")
    assert f"CC={flavors.get('m32').compiler}" in seen
    assert "PKG_CONFIG_LIBDIR=/nowhere" in seen
    assert toy.run("build") == 0
    assert "CC=gcc" in toy.lines("seen.environment")


def test_other_machine_gets_an_interpreter_of_this_one_and_a_runner(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program(tmp_path / "bin", "qemu-aarch64", 'echo "$@"')
    fake_program(tmp_path / "bin", flavors.get("arm64").compiler, 'exec gcc "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert toy.run("build", "--flavor", "arm64") == 0
    helper = toy.obj() / "python"
    (words,) = toy.lines("seen.arguments", flavor="arm64")
    assert f"--with-build-python={helper}" in words.split()


def test_program_is_wrapped_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_program(tmp_path / "bin", "run-it", 'printf "%s " "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    python = tmp_path / "python"
    python.write_bytes(b"\x7fELF...")
    for _ in range(2):
        make.wrap(python, ("run-it", "-L", "/x"))
        said = subprocess.run([python, "-c", "a b"], capture_output=True, text=True, check=True)
        assert said.stdout == f"-L /x -0 {python} {python}.elf -c a b "
    with pytest.raises(CpatchError, match="not-there is not there"):
        make.wrap(python, ("not-there",))


def personality(text: str) -> bool:
    """Whether a line of /proc/PID/personality says that addresses are not random."""
    return bool(int(text, 16) & 0x0040000)


def test_addresses_are_fixed_for_what_a_flavor_starts_and_for_nothing_after(toy: Toy) -> None:
    for tree in (toy.source(), toy.source("stock")):
        line = "cat /proc/self/personality > seen.personality\n"
        (tree / "configure").write_text((tree / "configure").read_text() + line)
    before = Path("/proc/self/personality").read_text()
    assert toy.run("build", "--flavor", "tsan") == 0
    assert toy.run("build", "--tree", "stock") == 0
    (inside,) = toy.lines("seen.personality", flavor="tsan")
    (after,) = toy.lines("seen.personality", "stock")
    assert personality(inside)
    assert after == before.strip()
    with pytest.raises(KeyError), host.addresses(fixed=True):
        raise KeyError
    assert Path("/proc/self/personality").read_text() == before


def test_odd_flavors_are_found_by_name_and_are_none_of_the_usual() -> None:
    assert not flavors.FLAVORS.keys() & flavors.ODD.keys()
    for name in flavors.ODD:
        assert flavors.get(name).name == name
