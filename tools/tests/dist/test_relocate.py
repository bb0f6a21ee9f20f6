"""Text files that find the prefix: run, where that can be done, from another place."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.dist.relocate import check, record, relative, rewrite
from cpatch.dist.staging import BUILD, PREFIX, prune


def test_a_script_runs_the_program_beside_it(tmp_path: Path) -> None:
    home = tmp_path / "a place" / "bin"
    home.mkdir(parents=True)
    (home / "python9.8").symlink_to(sys.executable)
    script = home / "tool"
    text = f"#!{PREFIX}/bin/python9.8\nimport sys\nprint(sys.argv[1:], __file__)\n"
    script.write_text(rewrite(script, text, "9.8"))
    script.chmod(0o755)
    link = tmp_path / "link"
    link.symlink_to(script)
    for started in (script, link):
        done = subprocess.run([started, "a b", "c"], capture_output=True, text=True, check=True)
        assert done.stdout == f"['a b', 'c'] {started}\n"


def test_other_interpreters_are_left_alone() -> None:
    text = f"#!/bin/sh\nprefix={PREFIX}\n"
    assert rewrite(Path("x-config"), text, "9.8") == text


def test_sysconfig_data_says_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lib" / "python9.8" / "_sysconfigdata__x.py"
    path.parent.mkdir(parents=True)
    text = f"build_time_vars = {{'A': '-I{PREFIX}/include', 'N': 1}}\n"
    path.write_text(rewrite(path, text, "9.8"))
    code = "import _sysconfigdata__x as x; print(x.build_time_vars)"
    for home in (path.parent, tmp_path / "moved" / "lib" / "python9.8"):
        if home != path.parent:
            shutil.copytree(path.parents[1], home.parents[0])
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=home, capture_output=True, text=True
        )
        assert done.stdout == f"{{'A': '-I{home.parents[1]}/include', 'N': 1}}\n", done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_a_makefile_says_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lib" / "python9.8" / "config-x" / "Makefile"
    path.parent.mkdir(parents=True)
    text = f"prefix=\t\t{PREFIX}\nA= -I{PREFIX}/include\nall:\n\t@echo $(prefix) $(A)\n"
    path.write_text(rewrite(path, text, "9.8"))
    done = subprocess.run(["make", "-s", "-f", path], capture_output=True, text=True, cwd="/")
    assert done.stdout == f"{tmp_path} -I{tmp_path}/include\n", done.stderr


def test_pkg_config(tmp_path: Path) -> None:
    text = f"prefix={PREFIX}\nlibdir={PREFIX}/lib\n"
    wanted = "prefix=${pcfiledir}/../..\nlibdir=${prefix}/lib\n"
    assert rewrite(Path("python.pc"), text, "9.8") == wanted


def test_build_details() -> None:
    given = {"base_prefix": PREFIX, "c_api": {"headers": f"{PREFIX}/include"}, "v": ["x", 3]}
    assert relative(json.loads(json.dumps(given))) == {
        "base_prefix": "../..",
        "c_api": {"headers": "./include"},
        "v": ["x", 3],
    }


class Stage:
    """As much of a stage as ``record`` looks at."""

    def __init__(self, library: Path) -> None:
        self.library = library


def test_installed_packages_know_their_scripts(tmp_path: Path) -> None:
    library = tmp_path / "lib" / "python9.8"
    info = library / "site-packages" / "x-1.dist-info"
    info.mkdir(parents=True)
    script = tmp_path / "bin" / "x"
    script.parent.mkdir()
    script.write_text("new")
    (info / "RECORD").write_text("../../../bin/x,sha256=old,3\nx.py,sha256=kept,5\nx.pyc,,\n")
    record(Stage(library), [script])  # type: ignore[arg-type]
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"new").digest()).rstrip(b"=").decode()
    wanted = f"../../../bin/x,sha256={digest},3\nx.py,sha256=kept,5\nx.pyc,,\n"
    assert (info / "RECORD").read_text() == wanted


def test_what_is_not_shipped(tmp_path: Path) -> None:
    library = tmp_path / "lib" / "python9.8"
    kept = [library / "os.py", library / "config-9.8" / "Makefile", tmp_path / "lib" / "libx.so"]
    gone = [
        library / "test" / "test_os.py",
        library / "json" / "__pycache__" / "x.pyc",
        # The static library, for which nobody links here, in both of its places; what is linked
        # with it.
        library / "config-9.8" / "libpython9.8.a",
        tmp_path / "lib" / "libpython9.8.a",
        library / "config-9.8" / "python.o",
    ]
    for path in (*kept, *gone):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    prune(library)
    assert [path.exists() for path in kept] == [True] * len(kept)
    assert [path for path in gone if path.exists()] == []


def test_a_build_whose_place_is_in_other_paths() -> None:
    text = (Path(__file__).parents[3] / "tools" / "dist" / "Containerfile").read_text()
    (given,) = (word for word in text.split() if word.startswith("CPATCH_BUILD="))
    check(Path(given.partition("=")[2]))
    with pytest.raises(CpatchError, match="too short"):
        check(Path(BUILD))
