from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from buildtoy import Toy, fake_program, locked, make_toy
from cpatch.base import locks
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import flavors
from cpatch.series import apply


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    return make_toy(tmp_path / "p", monkeypatch)


def test_builds_checks_and_says_what_it_did(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert toy.run("build") == 0
    out = capsys.readouterr().out
    assert "CPython 9.8.7, patched release" in out
    assert "tree bbbbbbbbbbbb, commit cccccccccccc" in out
    assert str(toy.obj() / "python") in out
    assert toy.lines("log.compiled") == ["a", "b"]


def test_second_build_does_nothing(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert toy.run("build") == 0
    before = {p.name: p.stat().st_mtime_ns for p in toy.obj().iterdir()}
    capsys.readouterr()
    assert toy.run("build") == 0
    assert capsys.readouterr().out == f"up to date: {toy.obj() / 'python'}\n"
    del before[".cpatch-lock"]
    assert all((toy.obj() / n).stat().st_mtime_ns == t for n, t in before.items())


def test_changed_source_is_made_again_without_configure(toy: Toy) -> None:
    assert toy.run("build") == 0
    toy.edit("b.c", "b2\n")
    assert toy.run("build") == 0
    assert toy.lines("log.compiled") == ["a", "b", "b"]
    assert toy.lines("log.configure") == ["configured"]
    built = toy.built()
    assert built is not None
    assert built.tree_id == toy.tree_ids["patched"]


def test_changed_configure_script_is_run_again(toy: Toy) -> None:
    assert toy.run("build") == 0
    toy.edit("configure", (toy.source() / "configure").read_text() + "# more\n")
    assert toy.run("build") == 0
    assert len(toy.lines("log.configure")) == 2
    assert toy.lines("log.compiled") == ["a", "b"]


def test_changed_flags_start_over(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert toy.run("build") == 0
    monkeypatch.setenv("CFLAGS", "-O1")
    assert toy.run("build") == 0
    assert toy.lines("log.configure") == ["configured"]  # a new file: the directory was emptied
    assert toy.lines("log.compiled") == ["a", "b"]
    assert "CFLAGS=-O1" in toy.lines("seen.environment")


@pytest.mark.parametrize("flavor", flavors.FLAVORS)
def test_both_trees_get_the_same_flags_and_environment(toy: Toy, flavor: str) -> None:
    for tree in ("stock", "patched"):
        assert toy.run("build", "--tree", tree, "--flavor", flavor) == 0

    def seen(name: str) -> list[list[str]]:
        return [
            [line for line in toy.lines(name, tree, flavor) if not line.startswith(("PWD", "OLD"))]
            for tree in ("stock", "patched")
        ]

    for name in ("seen.arguments", "seen.environment"):
        stock, patched = seen(name)
        assert stock == patched
        assert stock
    # GIT…: the tree's name and id, for sys._git.
    make = [
        [line for line in lines if not line.startswith(("MAKE", "MFLAGS", "GIT"))]
        for lines in seen("seen.make")
    ]
    assert make[0] == make[1]


def test_our_makes_variables_do_not_reach_the_build(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", " -- GITVERSION=nonsense TREE=patched")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert toy.run("build") == 0
    names = {line.partition("=")[0] for line in toy.lines("seen.environment")}
    assert not names & {"MAKEFLAGS", "MAKELEVEL", "PYTHONDONTWRITEBYTECODE"}


def test_failing_build_shows_log_and_last_lines(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    (toy.source() / "b-fails").touch()
    assert toy.run("build") == 1
    err = capsys.readouterr().err
    assert "b.c:1: error: toy says no" in err
    log = toy.project.logs(toy.pin) / "build-patched-release.log"
    assert str(log) in err
    assert "cc -c" in log.read_text()
    assert toy.built() is None


def test_failing_configure_shows_log_and_is_run_again(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    (toy.source() / "configure-fails").touch()
    assert toy.run("build") == 1
    assert "configure: error: toy says no" in capsys.readouterr().err
    (toy.source() / "configure-fails").unlink()
    assert toy.run("build") == 0


def test_failure_after_success_leaves_nothing_that_looks_finished(toy: Toy) -> None:
    assert toy.run("build") == 0
    toy.edit("b.c", "b2\n")
    (toy.source() / "b-fails").touch()
    assert toy.run("build") == 1
    assert toy.built() is None
    (toy.source() / "b-fails").unlink()
    assert toy.run("build") == 0
    assert toy.lines("log.compiled") == ["a", "b", "b"]


def test_interrupted_build_continues(toy: Toy) -> None:
    (toy.source() / "b-hangs").touch()
    # A process of its own: what interrupts a build is a signal to the driver.
    script = (
        "import sys; sys.path[:0] = sys.argv[1:3]; import pathlib, pytest, buildtoy\n"
        "from cpatch import cli\n"
        "from cpatch.building import host\n"
        "from cpatch.series import apply\n"
        "from cpatch.base.project import Project; from cpatch.base.pinfile import load_pins\n"
        "project = Project.find()\n"
        "toy = buildtoy.Toy(project.root, project, load_pins(project).get(None))\n"
        "apply.ensure_tree = toy.ensure_tree\n"
        "host.ensure_host = lambda project, environ: None\n"
        "cli.main(['build', '-j1'])\n"
    )
    here = Path(__file__).parents[1]
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(here), str(here.parent)],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 20
    while not (toy.obj() / "b-hung").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait(timeout=20) != 0
    assert toy.lines("log.compiled") == ["a"]
    assert toy.built() is None

    (toy.source() / "b-hangs").unlink()
    assert toy.run("build") == 0
    assert toy.lines("log.configure") == ["configured"]
    assert toy.lines("log.compiled") == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("9.8.7", "9.8.6"), "wrong version"),
        (("$(cat Modules/getbuildinfo.o)", "0123456789ab"), "wrong patched tree id"),
        (('"debug": $debug', '"debug": true'), "wrong debug build"),
        (('"missing": {}', '"missing": {"ssl": "No module named _ssl"}'), "lacks modules: ssl"),
        (("echo '{", "exit 3; echo '{"), "does not run"),
    ],
)
def test_wrong_interpreter_is_refused(
    toy: Toy, capsys: pytest.CaptureFixture[str], change: tuple[str, str], message: str
) -> None:
    answers = toy.source() / "answers"
    assert change[0] in answers.read_text()
    answers.write_text(answers.read_text().replace(*change))
    assert toy.run("build") == 1
    assert message in capsys.readouterr().err
    assert toy.built() is None


@pytest.mark.parametrize(
    ("symbols", "is_cold"),
    [
        (("00e9f0 00000000000001df T", "00edff 00000000000120e4 t .cold"), True),
        (("00e9f0 000000000000ca3c T", "00edff 0000000000002e12 t .cold"), False),
        (("00e9f0 000000000000b2e5 T",), False),
        ((), False),  # stripped
    ],
)
def test_loop_in_the_cold_section_is_told(
    toy: Toy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    symbols: tuple[str, ...],
    is_cold: bool,
) -> None:
    rows = []
    for symbol in symbols:
        address, size, kind, *part = symbol.split()
        rows.append(f"{address} {size} {kind} _PyEval_EvalFrameDefault{''.join(part)}")
    rows.append("00aaaa 0000000000ffffff t _PyEval_EvalFrameDefault.localalias.cold")
    nm = fake_program(toy.root / "bin", "nm", "cat <<END\n" + "\n".join(rows) + "\nEND")
    monkeypatch.setenv("PATH", str(nm.parent), prepend=os.pathsep)
    assert toy.run("build", "--flavor", "pgo") == 0
    assert ("cold section" in capsys.readouterr().err) is is_cold


def test_unwritable_build_directory(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A file in the way stops root too, whom no permission bits stop.
    blocked = toy.root / "file"
    blocked.touch()
    monkeypatch.setenv("CPATCH_BUILD", str(blocked / "build"))
    assert toy.run("build") == 1
    err = capsys.readouterr().err
    assert "cannot write to" in err
    assert "CPATCH_BUILD" in err


def test_unknown_flavor(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert toy.run("build", "--flavor", "fast") == 2
    assert "release, debug, pgo" in capsys.readouterr().err


def test_profile_is_taken_again_for_another_tree(toy: Toy) -> None:
    assert toy.run("build", "--flavor", "pgo") == 0
    stamp = toy.obj(flavor="pgo") / "profile-run-stamp"
    stamp.touch()
    toy.edit("a.c", "a2\n")
    assert toy.run("build", "--flavor", "pgo") == 0
    assert not stamp.exists()


def test_changed_header_makes_extension_modules_again(toy: Toy) -> None:
    header = toy.source() / "Include" / "internal" / "x.h"
    header.parent.mkdir(parents=True)
    header.touch()
    assert toy.run("build") == 0
    module = toy.obj() / "build" / "lib.toy" / "m.so"
    module.parent.mkdir(parents=True)
    module.touch()
    toy.edit("a.c", "a2\n")
    assert toy.run("build") == 0
    assert module.exists()
    toy.edit("Include/internal/x.h", "other\n")
    assert toy.run("build") == 0
    assert not module.exists()


def test_source_that_changes_under_make_is_made_again(toy: Toy) -> None:
    # While b is compiled, a is edited; its object is finished and looks newer than the edit would
    # have been, had the clock been a little different: so it is given that look.
    makefile = toy.source() / "Makefile.in"
    makefile.write_text(
        makefile.read_text().replace(
            "\t@cp $< $@; echo $* >> log.compiled",
            "\t@test $* = b -a ! -e edited && { touch edited; sleep 0.1; echo a2 > $(SRC)/a.c; "
            "touch a.o; } || :\n\t@cp $< $@; echo $* >> log.compiled",
        )
    )
    assert toy.run("build") == 0
    assert toy.lines("a.o") == ["a2"]
    assert toy.lines("log.compiled") == ["a", "b", "a"]


def test_tree_that_moves_under_a_failing_make_is_made_again(toy: Toy) -> None:
    (toy.source() / "b-fails").touch()
    real = toy.ensure_tree
    calls = 0

    def moving(project: Project, pin: Pin, tree: str) -> apply.Tree:
        nonlocal calls
        calls += 1
        if calls == 2:  # after the first make
            (toy.source() / "b-fails").unlink()
            toy.edit("b.c", "b2\n")
        return real(project, pin, tree)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply, "ensure_tree", moving)
        assert toy.run("build") == 0
    built = toy.built()
    assert built is not None
    assert built.tree_id == toy.tree_ids["patched"]
    assert toy.lines("b.o") == ["b2"]


def test_two_builds_in_one_directory_wait_for_each_other(toy: Toy) -> None:
    toy.obj().mkdir(parents=True)
    with locks.alone_in(toy.obj()):
        assert locked(toy.obj())
    assert not locked(toy.obj())


class TestCompilerCommand:
    @pytest.fixture
    def programs(self, tmp_path: Path) -> Path:
        for name in ("gcc", "clang"):
            fake_program(tmp_path / "bin", name)
        return tmp_path / "bin"

    @pytest.mark.parametrize(
        ("env", "ccache", "command"),
        [
            ({}, False, "gcc"),
            ({}, True, "ccache gcc"),
            ({"CC": "clang"}, True, "ccache clang"),
            ({"LAUNCHER": "none"}, True, "gcc"),
            ({"LAUNCHER": "distcc"}, True, "distcc gcc"),
            ({"LAUNCHER": "sccache", "CC": "clang -m32"}, False, "sccache clang -m32"),
            ({"CC": "distcc gcc"}, True, "distcc gcc"),
            ({"CC": "/opt/ccache clang"}, False, "/opt/ccache clang"),
        ],
    )
    def test_launchers(
        self, programs: Path, env: dict[str, str], ccache: bool, command: str
    ) -> None:
        if ccache:
            fake_program(programs, "ccache")
        words = flavors.compiler_command({"PATH": str(programs), **env})
        assert " ".join(words) == command

    def test_stands_on_path_and_not_in_cc(
        self, toy: Toy, programs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # configure asks "$CC" for -fwrapv: of two words it finds no such program.
        fake_program(programs, "distcc", 'echo "distcc runs $*"')
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("LAUNCHER", "distcc")
        assert toy.run("build") == 0
        built = toy.built()
        assert built is not None
        assert built.settings["CC"] == "gcc"
        for record in ("seen.environment", "seen.make"):
            seen = dict(line.split("=", 1) for line in toy.lines(record) if "=" in line)
            assert seen["CC"] == "gcc"
            # Whatever else comes first on PATH, it does not run itself again.
            seen["PATH"] = f"{toy.root}{os.pathsep}{seen['PATH']}"
            done = subprocess.run(
                ["gcc", "-c", "a b.c"], env=seen, capture_output=True, text=True, check=True
            )
            assert done.stdout == f"distcc runs {programs}/gcc -c a b.c\n"

    def test_no_launcher_launches_another(
        self, toy: Toy, programs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_program(programs, "ccache", "echo $*")
        links = toy.root / "links"
        links.mkdir()
        (links / "gcc").symlink_to(programs / "ccache")
        monkeypatch.setenv("PATH", os.pathsep.join(map(str, (links, programs, os.environ["PATH"]))))
        assert toy.run("build") == 0
        seen = dict(line.split("=", 1) for line in toy.lines("seen.make") if "=" in line)
        done = subprocess.run(["gcc"], env=seen, capture_output=True, text=True, check=True)
        assert done.stdout == f"{programs}/gcc\n"

    def test_a_compiler_given_as_a_path_runs_without(
        self, toy: Toy, programs: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        monkeypatch.setenv("CC", f"{programs}/gcc")
        monkeypatch.setenv("LAUNCHER", "distcc")
        fake_program(programs, "distcc")
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        assert toy.run("build") == 0
        assert f"CC={programs}/gcc" in toy.lines("seen.environment")
        assert "compiling without distcc" in capsys.readouterr().err
