from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from buildtoy import Toy, make_toy
from cpatch.base.errors import CpatchError
from cpatch.building import freshness
from cpatch.building.install import check_prefix, install_gdb_helper
from cpatch.series import apply
from cpatch.verbs import clean


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    return make_toy(tmp_path / "p", monkeypatch)


def test_installs_and_runs_what_it_installed(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = tmp_path / "opt" / "py"
    assert toy.run("install", "--prefix", str(prefix)) == 0
    assert str(prefix / "bin" / "python9.8") in capsys.readouterr().out
    # Again over its own is fine, and the prefix is not forgotten by a plain build.
    assert toy.run("install", "--prefix", str(prefix)) == 0
    assert toy.run("build") == 0
    assert len(toy.lines("log.configure")) == 1


@pytest.mark.parametrize("gdb_is_there", [False, True])
def test_gdb_finds_its_helper(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str], gdb_is_there: bool
) -> None:
    prefix = tmp_path / "opt" / "py"
    auto_load = prefix / "share" / "gdb" / "auto-load"
    beside = prefix / "bin" / "python9.8-gdb.py"
    argv = ["install", "--prefix", str(prefix)]
    if gdb_is_there:
        auto_load.mkdir(parents=True)
        argv.append("--force")
    assert toy.run(*argv) == 0
    wanted = auto_load / str(beside)[1:] if gdb_is_there else beside
    assert wanted.read_text() == "# py-bt\n"
    assert beside.exists() is not gdb_is_there
    said = capsys.readouterr().out
    assert str(wanted) in said
    assert (f"add-auto-load-safe-path {beside.parent}" in said) is not gdb_is_there


@pytest.mark.skipif(shutil.which("gdb") is None, reason="no gdb here")
@pytest.mark.parametrize("gdb_is_there", [False, True])
def test_gdb_loads_its_helper(tmp_path: Path, gdb_is_there: bool) -> None:
    """gdb itself, on a program of that name; what it trusts is the user's or its own."""
    auto_load = tmp_path / "share" / "gdb" / "auto-load"
    python = tmp_path / "bin" / "python9.8"
    python.parent.mkdir()
    shutil.copy2("/bin/sleep", python)
    (tmp_path / "bin" / "python3").symlink_to("python9.8")
    (tmp_path / "Tools" / "gdb").mkdir(parents=True)
    (tmp_path / "Tools" / "gdb" / "libpython.py").write_text("print('py-bt', 'is here')\n")
    if gdb_is_there:
        auto_load.mkdir(parents=True)
    helper = install_gdb_helper(python, tmp_path)
    argv = ["gdb", "-nx", "-batch", "-iex", f"add-auto-load-safe-path {helper.parent}"]
    if gdb_is_there:
        argv += ["-iex", f"set auto-load scripts-directory {auto_load}"]
    done = subprocess.run(
        [*argv, str(tmp_path / "bin" / "python3")], capture_output=True, text=True, timeout=60
    )
    assert "py-bt is here" in done.stdout, done.stderr


def test_broken_installation_is_an_error(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    makefile = toy.source() / "Makefile.in"
    makefile.write_text(makefile.read_text().replace("; cp python", "; echo no >"))
    assert toy.run("install", "--prefix", str(tmp_path / "opt")) == 1
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize("prefix", [None, "", "opt/py", "/opt/my python"])
def test_prefix_must_be_absolute_without_blanks(prefix: str | None) -> None:
    with pytest.raises(CpatchError) as caught:
        check_prefix(prefix, Path("/"), force=False)
    assert caught.value.code == 2
    assert "PREFIX=/" in (caught.value.fix or "")


def test_foreign_directory_is_refused_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(CpatchError, match="not empty") as caught:
        check_prefix(str(tmp_path), Path("/"), force=False)
    assert "precious" in (caught.value.got or "")
    assert check_prefix(str(tmp_path), Path("/"), force=True) == tmp_path


def test_file_as_prefix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for prefix in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CpatchError):
            check_prefix(str(prefix), Path("/"), force=True)


class TestWhich:
    @pytest.fixture(autouse=True)
    def _fresh(self, monkeypatch: pytest.MonkeyPatch, toy: Toy) -> None:
        monkeypatch.setattr(freshness, "standing", toy.ensure_tree)

    def test_prints_the_path_and_nothing_else(
        self, toy: Toy, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert toy.run("build") == 0
        capsys.readouterr()
        assert toy.run("which") == 0
        assert capsys.readouterr() == (f"{toy.obj() / 'python'}\n", "")

    def test_not_built(self, toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
        assert toy.run("which", "--tree", "stock") == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "stock release of 9.8 is not built" in captured.err
        assert "make build TREE=stock FLAVOR=release" in captured.err

    def test_stale(self, toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
        assert toy.run("build") == 0
        toy.edit("a.c", "a2\n")
        capsys.readouterr()
        assert toy.run("which") == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "out of date" in captured.err

    def test_uncommitted_edits(
        self, toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        edited = apply.Tree("c" * 40, "b" * 40, toy.source(), dirty=("a.c",))
        for module, name in ((apply, "ensure_tree"), (freshness, "standing")):
            monkeypatch.setattr(module, name, lambda project, pin, tree: edited)
        assert toy.run("build") == 0
        assert "with uncommitted edits" in capsys.readouterr().out
        assert toy.run("which") == 0
        (toy.source() / "a.c").write_text("edited again\n")
        assert toy.run("which") == 1
        assert toy.run("build") == 0
        assert toy.lines("log.compiled") == ["a", "b", "a"]
        assert toy.run("which") == 0

    def test_changed_inputs(
        self, toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert toy.run("build") == 0
        monkeypatch.setattr(freshness, "standing", lambda project, pin, tree: None)
        assert toy.run("which") == 1
        assert "the overlay, the series or the pin changed" in capsys.readouterr().err


class TestClean:
    def test_removes_what_is_named(self, toy: Toy) -> None:
        assert toy.run("build") == 0
        toy.project.cache.mkdir()
        assert toy.run("clean", "obj", "logs") == 0
        assert not toy.obj().exists()
        assert not toy.project.logs(toy.pin).exists()
        assert toy.project.cache.exists()
        assert toy.source().exists()

    @pytest.fixture
    def measured(self, toy: Toy) -> Path:
        """What bench leaves behind; returns its results."""
        (toy.project.bench(toy.pin) / "inst").mkdir(parents=True)
        for name, pin in (("mine", toy.pin.branch), ("other", "1.2")):
            (toy.project.results / name).mkdir(parents=True)
            (toy.project.results / name / "run.json").write_text(json.dumps({"pin": pin}))
        return toy.project.results

    def test_bench_is_a_part_and_results_are_another(self, toy: Toy, measured: Path) -> None:
        assert toy.run("clean", "bench") == 0
        assert not toy.project.bench(toy.pin).exists()
        assert (measured / "mine").exists()
        assert toy.run("clean", "results") == 0
        assert not measured.exists()
        assert toy.source().exists()

    def test_results_of_one_pin(self, toy: Toy, measured: Path) -> None:
        assert toy.run("clean", "--pin", toy.pin.branch, "results") == 0
        assert [path.name for path in measured.iterdir()] == ["other"]

    def test_only_results_removes_results(self, toy: Toy, measured: Path) -> None:
        (toy.project.build / ".lock").touch()
        parts = [part for part in clean.PARTS if part != "results"]
        assert toy.run("clean", "--force", *parts) == 0
        assert list(toy.project.build.iterdir()) == [measured]
        assert len(list(measured.glob("*/run.json"))) == 2

    def test_all_and_results_is_everything(self, toy: Toy, measured: Path) -> None:
        assert toy.run("clean", "--force", "all", "results") == 0
        assert not toy.project.build.exists()

    @pytest.mark.parametrize("parts", [(), ("everything",)])
    def test_wants_a_known_name(
        self, toy: Toy, parts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert toy.run("clean", *parts) == 2
        assert "obj: objects" in capsys.readouterr().err

    @pytest.mark.parametrize("part", ["trees", "all"])
    def test_refuses_to_remove_work(
        self, toy: Toy, part: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # The toy's tree was not made by apply: nobody knows what is in it.
        assert toy.run("clean", part) == 1
        assert "no patch yet" in capsys.readouterr().err
        assert toy.source().exists()
        assert toy.run("clean", part, "--force") == 0
        assert not toy.source().exists()
