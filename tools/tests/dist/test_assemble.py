"""make dist, whole, on the toy: what is packed, and that it is the same again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from buildtoy import Toy, locked, make_toy
from cpatch.base.errors import CpatchError
from cpatch.building import userland
from cpatch.dist import archive, record, trial
from cpatch.kept import entries, keeping

NAME = "immortal-python-9.8.7-x86_64-release.tar.gz"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    made = make_toy(tmp_path / "p", monkeypatch)
    tools = made.root / "tools" / "dist"
    tools.mkdir(parents=True)
    shutil.copy(Path(__file__).parents[2] / "dist" / "verify.py", tools)
    return made


def packed(toy: Toy) -> dict[str, bytes]:
    with tarfile.open(toy.project.build / "dist" / NAME) as tar:
        contents = {each.name: tar.extractfile(each) for each in tar if each.isreg()}
        return {
            name.removeprefix("immortal-python-9.8.7/"): stream.read()
            for name, stream in contents.items()
            if stream
        }


def test_a_tarball_holds_what_it_says(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert toy.run("dist", "--flavor", "release") == 0
    files = packed(toy)
    papers = "share/immortal-python9.8"
    about = json.loads(files[f"{papers}/manifest.json"])
    assert about["tree"]["id"] == "b" * 40
    assert about["pin"]["version"] == "9.8.7"
    assert about["build"]["files_with_build_path"] == []
    # What errors say of a source is without the path; what the manifest says of that, too.
    flag = "-fmacro-prefix-map=/build/9.8/src-patched/="
    assert flag in about["build"]["settings"]["configure"]
    assert set(about["files"]) - {"bin/python", "bin/python3"} == set(files) - {
        f"{papers}/manifest.json"
    }
    # Where it was made is in no file, and the times are the pin's.
    assert not [name for name, data in files.items() if str(toy.root).encode() in data]
    assert files["lib/python9.8/date.py"] == b"1\n"
    assert b"_home" in files["lib/python9.8/_sysconfigdata_.py"]
    assert not [name for name in files if "/test/" in name]
    said = capsys.readouterr().out
    assert NAME in said
    hashed = (toy.project.build / "dist" / f"{NAME}.sha256").read_text().split()[0]
    assert hashed in said
    assert hashed in (toy.project.build / "dist" / "immortal-9.8.7-release").read_text()


def test_an_object_directory_of_its_own_that_names_no_source(toy: Toy) -> None:
    assert toy.run("dist", "--flavor", "release") == 0
    assert toy.built() is None
    assert toy.lines("log.configure", flavor="release-dist") == ["configured"]
    assert "--enable-shared" not in (toy.obj(flavor="release-dist") / "seen.arguments").read_text()
    assert toy.run("dist", "--flavor", "release", "--enable-shared") == 0
    seen = toy.obj(flavor="release-dist-shared") / "seen.arguments"
    assert "--enable-shared" in seen.read_text()


def test_the_same_again_and_what_differs(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert toy.run("dist", "--flavor", "release") == 0
    kept = tmp_path / "kept.tar.gz"
    shutil.copy(toy.project.build / "dist" / NAME, kept)
    shutil.rmtree(toy.project.build / "dist")
    assert toy.run("dist", "--flavor", "release", "--compare", str(kept)) == 0
    assert "equal" in capsys.readouterr().out
    makefile = toy.source() / "Makefile.in"
    makefile.write_text(makefile.read_text().replace("$$SOURCE", "X$$SOURCE"))
    shutil.rmtree(toy.obj(flavor="release-dist"))
    assert toy.run("dist", "--flavor", "release", "--compare", str(kept)) == 1
    assert "date.py: 2 and 3 bytes" in capsys.readouterr().err
    # What was seen is noted beside the tarball; of these bytes alone.
    seen = json.loads((toy.project.build / "dist" / NAME.replace("tar.gz", "json")).read_text())
    assert [len(found) for found in seen["compared"].values()] == [2]
    folder = keeping.keep(toy.project, toy.project.build / "dist")
    assert folder.name.endswith("-release-bbbbbbbbbbbb-dist")
    assert "0 of 1 equal" in (folder / "report.md").read_text()
    (row,) = entries.every(toy.project)
    assert (row.tree, row.mean) == ("b" * 12, "0 of 1 compared are equal")


def test_the_build_before_is_compared_as_it_was(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    before = toy.project.build / "dist" / NAME
    assert toy.run("dist", "--flavor", "release") == 0
    hashed = archive.digest(before)
    makefile = toy.source() / "Makefile.in"
    makefile.write_text(makefile.read_text().replace("$$SOURCE", "X$$SOURCE"))
    shutil.rmtree(toy.obj(flavor="release-dist"))
    assert toy.run("dist", "--flavor", "release", "--compare", str(before)) == 1
    assert "date.py: 2 and 3 bytes" in capsys.readouterr().err
    (seen,) = record.read(before.parent)
    assert list(seen["compared"]) == [hashed]
    assert seen["sha256"] == archive.digest(before) != hashed


def test_a_trial_that_fails_is_no_trial_that_went_well(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = False

    def run(*_: object) -> list[str]:
        # Nobody packs another one in its place meanwhile.
        assert locked(home / "stage" / NAME.removesuffix(".tar.gz"))
        if fails:
            raise CpatchError("try.sh failed")
        return ["== unpack"]

    monkeypatch.setattr(userland, "check", lambda *_: None)
    monkeypatch.setattr(trial, "run", run)
    home = toy.project.build / "dist"
    assert toy.run("dist", "--flavor", "release", "--try", "jammy,noble") == 0
    (seen,) = record.read(home)
    assert list(seen["tried"]) == ["jammy", "noble"]
    fails = True
    assert toy.run("dist", "--flavor", "release", "--try", "noble") == 1
    (seen,) = record.read(home)
    assert list(seen["tried"]) == ["jammy"]
    # Of other bytes, nothing is known before they are tried.
    makefile = toy.source() / "Makefile.in"
    makefile.write_text(makefile.read_text().replace("$$SOURCE", "X$$SOURCE"))
    shutil.rmtree(toy.obj(flavor="release-dist"))
    assert toy.run("dist", "--flavor", "release", "--try", "noble") == 1
    (seen,) = record.read(home)
    assert (seen["sha256"], seen["tried"]) == (archive.digest(home / NAME), {})


def test_a_record_of_other_bytes_is_refused(toy: Toy) -> None:
    assert toy.run("dist", "--flavor", "release") == 0
    with (toy.project.build / "dist" / NAME).open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(CpatchError, match="of other bytes"):
        record.read(toy.project.build / "dist")


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        (("--compare", "nothing.tar.gz"), "cannot read nothing.tar.gz"),
        (("--compare", __file__), "an immortal-python-….tar.gz of make dist"),
        (("--try", "nosuch"), "is not one of bookworm"),
        (("--flavor", "pgo", "--profile", __file__), "a profile-….tar.gz of make dist"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_build(
    toy: Toy, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], wanted: str
) -> None:
    assert toy.run("dist", "--flavor", "release", *more) in (1, 2)
    assert wanted in capsys.readouterr().err
    assert not toy.obj(flavor="release-dist").exists()
    assert not toy.obj(flavor="pgo-dist").exists()


def python_build() -> str | None:
    """pyenv's installer, from PATH or from where pyenv is usually kept."""
    usual = Path("~/.pyenv/plugins/python-build/bin/python-build").expanduser()
    return shutil.which("python-build") or (str(usual) if usual.exists() else None)


@pytest.mark.skipif(python_build() is None, reason="no pyenv here")
@pytest.mark.parametrize("beside", [True, False])
def test_pyenv_installs_it(toy: Toy, tmp_path: Path, *, beside: bool) -> None:
    assert toy.run("dist", "--flavor", "release") == 0
    definition = toy.project.build / "dist" / "immortal-9.8.7-release"
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    # Nothing to download with.
    (tmp_path / "bin").mkdir()
    for name in ("aria2c", "curl", "wget"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "bin" / name).chmod(0o755)
    env["PATH"] = f"{tmp_path / 'bin'}:{env['PATH']}"
    if not beside:
        definition = Path(shutil.copy(definition, tmp_path))
    argv = [python_build() or "", str(definition), str(tmp_path / "to here")]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == beside, done.stdout + done.stderr
    assert (tmp_path / "to here" / "bin" / "python3").exists() == beside


def test_pyenv_installs_no_other_bytes(toy: Toy, tmp_path: Path) -> None:
    if python_build() is None:
        pytest.skip("no pyenv here")
    assert toy.run("dist", "--flavor", "release") == 0
    definition = toy.project.build / "dist" / "immortal-9.8.7-release"
    with (toy.project.build / "dist" / NAME).open("ab") as stream:
        stream.write(b"more")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    argv = [python_build() or "", str(definition), str(tmp_path / "here")]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode
    assert not (tmp_path / "here" / "bin").exists()


PROFILED = NAME.replace("-release", "")


def test_with_its_profile_a_build_is_the_same_again(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dist = toy.project.build / "dist"
    assert toy.run("dist") == 0
    for name in (PROFILED, f"profile-{PROFILED}"):
        shutil.copy(dist / name, tmp_path / name)
    shutil.rmtree(dist)
    shutil.rmtree(toy.obj(flavor="pgo-dist"))
    # One that measures for itself, and one that is given what was measured.
    assert toy.run("dist", "--compare", str(tmp_path / PROFILED)) == 1
    assert "measured.py" in capsys.readouterr().err
    given = ("dist", "--profile", str(tmp_path / f"profile-{PROFILED}"))
    assert toy.run(*given, "--compare", str(tmp_path / PROFILED)) == 0
    assert "equal" in capsys.readouterr().out
    # Of another source it says nothing.
    toy.edit("a.c", "a2\n")
    assert toy.run(*given) == 1
    assert "of another source" in capsys.readouterr().err


def test_a_profile_that_is_none(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert toy.run("dist", "--flavor", "release") == 0
    some = str(toy.project.build / "dist" / NAME)
    assert toy.run("dist", "--profile", some) == 1
    assert "is no profile" in capsys.readouterr().err
    assert toy.run("dist", "--flavor", "release", "--profile", some) == 2
    assert "without a profile" in capsys.readouterr().err
    with tarfile.open(tmp_path / "odd.tar.gz", "w") as tar:
        tar.addfile(tarfile.TarInfo("profile-x/../../a.gcda"))
    assert toy.run("dist", "--profile", str(tmp_path / "odd.tar.gz")) == 1
    assert "a.gcda in it" in capsys.readouterr().err


def test_each_kind_has_a_definition_of_its_own(toy: Toy) -> None:
    assert toy.run("dist", "--flavor", "release") == 0
    assert toy.run("dist", "--flavor", "release", "--enable-shared") == 0
    assert toy.run("dist") == 0
    for name, tail in (("", ""), ("-release", "-release"), ("-shared-release", "-shared-release")):
        text = (toy.project.build / "dist" / f"immortal-9.8.7{name}").read_text()
        assert f"x86_64{tail}.tar.gz" in text


def verified(path: Path, *argv: str | Path) -> tuple[int, list[str]]:
    """Return the exit code of verify.py in a tree, and the lines that it printed."""
    (script,) = path.glob("share/immortal-python9.8/verify.py")
    done = subprocess.run(
        [sys.executable, script, *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def test_an_unpacked_tree_is_compared_with_its_manifest(toy: Toy, tmp_path: Path) -> None:
    assert toy.run("dist", "--flavor", "release") == 0
    (tmp_path / "at").mkdir()
    tarball = toy.project.build / "dist" / NAME
    subprocess.run(["tar", "-xzf", tarball, "-C", tmp_path / "at"], check=True)
    (home,) = (tmp_path / "at").iterdir()
    assert verified(home, home) == (0, ["all files are as in the manifest"])
    (home / "lib" / "python9.8" / "date.py").write_text("2")
    (home / "bin" / "python").unlink()
    (home / "more").touch()
    code, lines = verified(home, home)
    assert code == 1
    assert sorted(lines) == [
        "bin/python: missing",
        "lib/python9.8/date.py: changed",
        "more: not in the manifest",
    ]
    # A tree without a manifest is not one that is as its manifest says.
    manifest = home / "share" / "immortal-python9.8" / "manifest.json"
    manifest.write_text(manifest.read_text()[:-9])
    assert verified(home, home) == (1, ["share/immortal-python9.8/manifest.json: no manifest"])
    manifest.unlink()
    assert verified(home, home) == (1, ["share/immortal-python*/manifest.json: missing"])
    code, lines = verified(home)
    assert (code, lines[0]) == (2, "usage: verify.py [-h] TREE")
    code, lines = verified(home, tmp_path / "none")
    assert (code, lines[-1]) == (2, f"verify.py: error: no such directory: {tmp_path / 'none'}")
