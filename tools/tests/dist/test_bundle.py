"""Libraries that are taken along: found from wherever the tree lies, under names of their own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cpatch.base.errors import CpatchError
from cpatch.dist import bundle, elf
from cpatch.dist.staging import Stage

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler here")


def compile_c(to: Path, text: str, *words: str) -> Path:
    to.parent.mkdir(parents=True, exist_ok=True)
    argv = ["gcc", "-x", "c", "-", "-x", "none", "-o", str(to), *words]
    subprocess.run(argv, input=text, text=True, check=True)
    return to


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage whose program needs libz, which needs libuuid: both are ours."""
    outside = tmp_path / "outside"
    low = compile_c(outside / "libuuid.so.1", "int low(void){return 20;}", *_shared("libuuid.so.1"))
    high = "int low(void); int high(void){return low() + 1;}"
    compile_c(outside / "libz.so.1", high, *_shared("libz.so.1"), str(low))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(outside))
    real = bundle.proc.run

    def run(argv: list[str], **more: Any) -> Any:
        if argv[0] == "ldd":  # what the host's linker would look at, but for the stage's own
            more["env"] = {**more["env"], "LD_LIBRARY_PATH": str(outside)}
        return real(argv, **more)

    monkeypatch.setattr(bundle.proc, "run", run)
    home = tmp_path / "stage"
    main = "int high(void); int main(void){return high();}"
    words = [str(outside / "libz.so.1"), f"-Wl,-rpath-link,{outside}"]
    compile_c(home / "bin" / "python9.8", main, *words)
    wanted = SimpleNamespace(pin=SimpleNamespace(version="9.8.7"), shared=False)
    (home / "lib" / "python9.8").mkdir(parents=True)
    return Stage(wanted, None, home)  # type: ignore[arg-type]


def _shared(soname: str) -> list[str]:
    return ["-shared", "-fPIC", f"-Wl,-soname,{soname}"]


@needs_gcc
def test_a_moved_tree_finds_its_libraries(
    made: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = bundle.bundle(made)
    shutil.rmtree(tmp_path / "outside")
    monkeypatch.delenv("LD_LIBRARY_PATH")
    made.home.rename(tmp_path / "moved here")
    program = tmp_path / "moved here" / "bin" / "python9.8"
    assert subprocess.run([program]).returncode == 21
    assert [each.soname for each in bundled.libraries] == ["libuuid.so.1", "libz.so.1"]
    needed = elf.read(program)
    assert needed
    (ours,) = [name for name in needed.needed if name.startswith("libz")]
    assert ours.startswith("libz-")
    assert {each.file for each in bundled.libraries} >= {ours}


@needs_gcc
def test_where_it_was_built_is_not_in_a_build_id(
    made: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built(place: str, text: str) -> bytes:
        module = made.library / "lib-dynload" / "m.so"
        (tmp_path / place).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / place)  # which debug information names
        compile_c(module, text, "-shared", "-fPIC", "-g", "-Wl,--build-id")
        fresh.append(module.read_bytes())
        bundle.bundle(made)
        return module.read_bytes()

    fresh: list[bytes] = []
    one, other = built("one", "int f(void){return 1;}"), built("other", "int f(void){return 1;}")
    assert fresh[0] != fresh[1]
    assert one == other
    # It is still one of the content.
    ids = []
    for data in (one, built("one", "int f(void){return 2;}")):
        low, high = next(x[:2] for x in elf.sections(data) if x[2] == ".note.gnu.build-id")
        ids.append(data[low + 16 : high])
    assert len(ids[0]) == 20
    assert ids[0] != ids[1]


@needs_gcc
def test_a_module_that_needs_more_is_left_out(made: Stage, tmp_path: Path) -> None:
    odd = tmp_path / "outside" / "libodd.so.1"
    compile_c(odd, "int odd(void){return 1;}", *_shared("libodd.so.1"))
    module = made.library / "lib-dynload" / "_odd.so"
    text = "int odd(void); int even(void){return odd();}"
    compile_c(module, text, "-shared", "-fPIC", str(odd))
    assert bundle.bundle(made).left_out == {"_odd": "libodd.so.1"}
    assert not module.exists()


@needs_gcc
def test_a_program_that_needs_more_is_an_error(made: Stage, tmp_path: Path) -> None:
    odd = tmp_path / "outside" / "libodd.so.1"
    compile_c(odd, "int odd(void){return 1;}", *_shared("libodd.so.1"))
    text = "int odd(void); int main(void){return odd();}"
    compile_c(made.home / "bin" / "python9.8", text, str(odd))
    with pytest.raises(CpatchError, match="cannot be taken along"):
        bundle.bundle(made)


def test_terms_are_known_by_name() -> None:
    assert bundle.licence("libssl.so.3") == "Apache-2.0"
    assert bundle.licence("libgdbm_compat.so.4") == "GPL-3.0-or-later"
    assert bundle.licence("libdb-5.3.so") == "Sleepycat"
    assert bundle.licence("libX11.so.6") is None


def test_versions_of_glibc() -> None:
    assert elf.glibc("GLIBC_2.36") == (2, 36)
    assert elf.glibc("GLIBC_2.2.5") == (2, 2, 5) < elf.glibc("GLIBC_2.17")
    assert elf.glibc("GLIBC_PRIVATE") == elf.glibc("OPENSSL_3.0.0") == ()
    assert elf.shown((2, 36)) == "2.36"
