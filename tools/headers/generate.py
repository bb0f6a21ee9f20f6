"""Write the sources that a tool makes of one of ours, and what compiling them takes.

    python generate.py TOOL SOURCES DIRECTORY

Run by an interpreter that has the tool. The last line is JSON: ``sources``, ``include`` and
``flags`` for the compiler, and ``library``, the file that it has to write, if that is not called
like the module.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Made = dict[str, Any]


def made(
    sources: Sequence[Path | str], include: Sequence[Path | str] = (), flags: Sequence[str] = ()
) -> Made:
    """Return what is printed."""
    return {
        "sources": [str(each) for each in sources],
        "include": [str(each) for each in include],
        "flags": list(flags),
    }


def cython(sources: Path) -> Made:
    """Let Cython write C."""
    target = Path("cythoned.c").absolute()
    command = ["-m", "cython", "-3", str(sources / "cythoned.pyx"), "-o", str(target)]
    subprocess.run([sys.executable, *command], check=True)
    return made([target])


def pybind11(sources: Path) -> Made:
    """Find the headers: there is nothing to write."""
    include = importlib.import_module("pybind11").get_include()
    return made([sources / "bound.cpp"], [include], ["-fvisibility=hidden"])


def nanobind(sources: Path) -> Made:
    """Find the headers, and the library's source, which becomes a part of the module."""
    root = Path(importlib.import_module("nanobind").__file__ or "").parent
    include = [root / "include", root / "ext" / "robin_map" / "include"]
    flags = ["-fvisibility=hidden", "-fno-strict-aliasing"]
    return made([root / "src" / "nb_combined.cpp", sources / "nano.cpp"], include, flags)


def mypyc(sources: Path) -> Made:
    """Let mypyc write C."""
    shutil.copy(sources / "compiled.py", "compiled.py")
    build = importlib.import_module("mypyc.build")
    (extension,) = build.mypycify(["compiled.py"], target_dir=str(Path.cwd()), verbose=False)
    Path("compiled.py").unlink()
    # The flags are those of a compiler that may be another one.
    flags = [each for each in extension.extra_compile_args if each.startswith("-D")]
    found = [str(Path(each).absolute()) for each in extension.sources]
    return made(found, extension.include_dirs, flags)


def cffi(sources: Path) -> Made:
    """Let cffi write C."""
    sys.path.insert(0, str(sources))
    target = Path("foreign.c").absolute()
    importlib.import_module("foreign").builder().emit_c_code(str(target))
    return made([target])


def swig(sources: Path) -> Made:
    """Let SWIG write C++, and a module in Python beside the compiled one."""
    options = os.environ.get("SWIG_OPTIONS", "").split()
    target = Path("swigged_wrap.cpp").absolute()
    where = ["-outdir", ".", "-o", str(target), str(sources / "swigged.i")]
    subprocess.run(["swig", "-c++", "-python", *options, *where], check=True)
    return {**made([target]), "library": "_swigged"}


TOOLS: dict[str, Callable[[Path], Made]] = {
    each.__name__: each for each in (cython, pybind11, nanobind, mypyc, cffi, swig)
}


def main(tool: str, sources: str, directory: str) -> None:
    """Do what the module's text says."""
    os.chdir(directory)
    print("\n" + json.dumps(TOOLS[tool](Path(sources))))


if __name__ == "__main__":
    main(*sys.argv[1:])
