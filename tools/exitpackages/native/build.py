"""Compile cppstream.cpp for the interpreter that runs this: build.py DIRECTORY.

The stock interpreter runs it, and what comes out is loaded by both, as a wheel from an index is.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pybind11


def includes() -> list[Path]:
    """Return where Python.h and pyconfig.h are, for an interpreter in its build directory too."""
    found = {Path(sysconfig.get_path("include")), Path(sysconfig.get_config_h_filename()).parent}
    source = sysconfig.get_config_var("srcdir")
    if source:
        found.add(Path(source) / "Include")
    found.add(Path(sys.base_prefix) / "include" / f"python{sysconfig.get_python_version()}")
    return sorted(path for path in found if path.is_dir())


def main() -> None:
    """Write the module below the directory given."""
    target = Path(sys.argv[1]) / f"cppstream{sysconfig.get_config_var('EXT_SUFFIX')}"
    target.parent.mkdir(parents=True, exist_ok=True)
    argv = ["g++", "-std=c++17", "-O2", "-shared", "-fPIC", "-fvisibility=hidden"]
    argv += [f"-I{path}" for path in [*includes(), pybind11.get_include()]]
    subprocess.run(
        [*argv, str(Path(__file__).with_name("cppstream.cpp")), "-o", str(target)], check=True
    )


if __name__ == "__main__":
    main()
