"""The legs of the wheel: what unittest says, counted; the suite, judged by its own list."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from buildtoy import Toy, fake_program, make_toy
from cpatch.base.errors import CpatchError
from cpatch.building import build, records
from cpatch.suite import wheel_leg
from cpatch.wheels import pack


def test_failure_before_any_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pack(*_: object) -> None:
        (tmp_path / "wheel.log").write_text("no compiler\n")
        raise CpatchError("build the wheel failed", fix="see the log")

    monkeypatch.setattr(wheel_leg.pack, "pack", pack)
    project = SimpleNamespace(logs=lambda pin: tmp_path, show=str)
    context = SimpleNamespace(project=project, pin=None, jobs=1)
    result = wheel_leg.built_and_tested(context)  # type: ignore[arg-type]
    assert (result.passed, result.failed) == (0, 1)
    assert result.matters[0] == "FAILED: error: build the wheel failed"
    assert "  no compiler" in result.matters


def test_failed_test_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pack(*_: object) -> None:
        text = "Ran 4 tests in 1s\n\nFAILED (failures=1)\n"
        (tmp_path / "wheel.log").write_text(text)
        raise CpatchError("tests failed")

    monkeypatch.setattr(wheel_leg.pack, "pack", pack)
    project = SimpleNamespace(logs=lambda pin: tmp_path, show=str)
    context = SimpleNamespace(project=project, pin=None, jobs=1)
    result = wheel_leg.built_and_tested(context)  # type: ignore[arg-type]
    assert (result.passed, result.failed) == (3, 1)


#: Stands for an interpreter: says how it was called, and fails as a file tells it.
PLAYER = """\
echo "$@" >> "$(dirname "$0")/calls"
case "$*" in
*tools/wheel/run.py*) test -e "$(dirname "$0")/fails" || exec echo '0:00:01 [1/1] test_x passed' ;;
*) exec echo '0:00:01 [1/1] test_x passed' ;;
esac
echo '0:00:01 [1/1] test_x failed (1 failure)'
echo 'FAIL: test_it (test.test_x.C.test_it)'
exit 2
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    toy = make_toy(tmp_path / "p", monkeypatch)
    python = fake_program(toy.root / "stock", "python", PLAYER)
    wheel = toy.root / "some.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("immortal_heap/__init__.py", "")

    def ensure_built(project: object, pin: object, tree: str, *_: object, jobs: int) -> object:
        assert tree == "stock"
        return records.Built(str(python), "a" * 40, "b" * 40, "9.8.7", "cc", "", {})

    packed = pack.Packed(wheel, wheel, ("9.8.7",))
    monkeypatch.setattr(build, "ensure_built", ensure_built)
    monkeypatch.setattr(wheel_leg.pack, "pack", lambda *_: packed)
    return toy


def listed(toy: Toy, text: str) -> None:
    path = toy.root / "tools" / "expected" / "9.8-wheel.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def suite(toy: Toy, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = toy.run("test", "--only", "wheel-suite", "test_x")
    return code, capsys.readouterr().out


def test_suite_runs_on_stock_with_the_wheel(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert suite(toy, capsys)[0] == 0
    (call,) = (toy.root / "stock" / "calls").read_text().splitlines()
    place = toy.root / "build" / "9.8" / "wheel" / "suite"
    assert f"-bb -E {toy.root}/tools/wheel/run.py {place} --tempdir" in call
    assert call.endswith(" test_x")
    assert (place / "immortal_heap" / "__init__.py").exists()


def test_difference_that_is_not_explained(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    (toy.root / "stock" / "fails").touch()
    code, said = suite(toy, capsys)
    assert code == 4
    assert "FAILED: test.test_x.C.test_it (stock does not fail it)" in said


def test_difference_that_is_explained(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    (toy.root / "stock" / "fails").touch()
    listed(toy, "# It asks for a count.\ntest.test_x.C.test_it\n")
    code, said = suite(toy, capsys)
    assert code == 0
    assert "fails with the heap immortal, as explained: test.test_x.C.test_it" in said


def test_explanation_of_nothing(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    listed(toy, "# It asked for a count.\ntest.test_x.C.test_it\n")
    code, said = suite(toy, capsys)
    assert code == 0
    assert "listed, but passes: test.test_x.C.test_it" in said
