"""The trial in a bare system: what is given to it, and what README.md has it type."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from buildtoy import Toy, make_toy
from cpatch.dist import trial
from cpatch.verbs import dist

ROOT = Path(__file__).parents[3]


def test_readme_prints_four_commands() -> None:
    """What ``newcomer.sh`` takes out of README.md, by the same words."""
    script = (ROOT / "tools" / "dist" / "newcomer.sh").read_text(encoding="utf-8")
    (line,) = (line for line in script.splitlines() if line.endswith(" >commands"))
    command = line.removesuffix(" >commands").replace("../README.md", "README.md")
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True)
    typed = done.stdout.splitlines()
    assert [each.split()[0] for each in typed][::3] == ["tar", "venv/bin/gunicorn"]
    assert len(typed) == 4
    assert "gc.immortalize_heap()" in typed[2]


def test_what_the_trial_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toy: Toy = make_toy(tmp_path / "p", monkeypatch)
    tools = toy.project.root / "tools" / "dist"
    tools.mkdir(parents=True)
    for name in ("try.sh", "newcomer.sh", "verify.py", "workers.py"):
        (tools / name).touch()
    (toy.project.root / "README.md").touch()
    tarball = tmp_path / "immortal.tar.gz"
    tarball.write_bytes(b"packed")
    given: list[str] = []

    def run(project: Any, suite: str, files: tuple[Path, ...], argv: Any, **more: Any) -> None:
        given.extend(each.name for each in files)
        more["log"].parent.mkdir(parents=True, exist_ok=True)
        more["log"].write_text('== unpack\nfetching\n{"call": true}\n')
        assert files[0].read_bytes() == b"packed"

    monkeypatch.setattr(trial.userland, "run", run)
    made: Any = SimpleNamespace(path=tarball, stage=SimpleNamespace(place=tmp_path))
    said = trial.run(toy.project, toy.pin, made, "bookworm")
    assert said == ["== unpack", '{"call": true}']
    names = {"python.tar.gz", "README.md", "try.sh", "newcomer.sh", "verify.py", "workers.py"}
    assert set(given) == names


def test_another_system_is_refused_before_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toy = make_toy(tmp_path / "p", monkeypatch)
    # All of these could be made.
    monkeypatch.setattr(trial.userland, "check", lambda *_: None)
    monkeypatch.setattr(dist.assemble, "assemble", lambda *_, **__: pytest.fail("it was built"))
    for given in ("buster", "bookworm,buster"):
        assert toy.run("dist", "-j1", "--try", given) == 2
        said = capsys.readouterr().err
        assert "'buster' is not one of bookworm, trixie, jammy, noble" in said
