"""wheels.stage: the package's source is the folder, and copies of what it shares."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.wheels import stage

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A repository with a package that shares two files with an overlay."""
    files = {
        "LICENSE": "all of it\n",
        "Python/a.c": "int a;\n",
        "patches/9.8/Python/b.c": "int b;\n",
        "patches/9.8/Include/internal/p.h": "port\n",
        "wheel/pyproject.toml": "[project]\n",
        "wheel/src/glue.c": "int glue;\n",
        "wheel/tests/__pycache__/x.pyc": "",
        "wheel/shared-files": "# comment\nPython/a.c Python\n\npatches/{pin}/Python/*.c Python\n"
        "patches/{pin}/Include/internal/*.h  Include  # port\n",
    }
    for name, text in files.items():
        path = tmp_path / "r" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Project(tmp_path / "r", tmp_path / "r" / "build")


@pytest.fixture
def pin() -> Pin:
    return Pin("9.8", "9.8.7", "toy.tgz", 1, "0" * 64, (), "", "series.9.8", 1, "")


def able(project: Project) -> list[Pin]:
    """The pins that there is an extension for."""
    found = []
    for each in load_pins(project).table.values():
        with contextlib.suppress(CpatchError):
            list(stage.shared_files(project, each))
            found.append(each)
    return found


def test_stages_the_folder_and_what_it_shares(project: Project, pin: Pin) -> None:
    target = stage.stage(project, pin, project.build / "source")
    found = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert found == {
        "LICENSE",
        "pyproject.toml",
        "src/glue.c",
        "shared/Python/a.c",
        "shared/Python/b.c",
        "shared/Include/p.h",
    }
    assert (target / "shared/Python/b.c").read_text() == "int b;\n"


def test_stages_anew(project: Project, pin: Pin) -> None:
    target = stage.stage(project, pin, project.build / "source")
    (target / "old.c").touch()
    (project.root / "Python/a.c").write_text("int a2;\n")
    stage.stage(project, pin, target)
    assert not (target / "old.c").exists()
    assert (target / "shared/Python/a.c").read_text() == "int a2;\n"


def test_a_line_that_names_nothing_is_an_error(project: Project, pin: Pin) -> None:
    path = project.root / "wheel/shared-files"
    path.write_text(path.read_text() + "Python/gone.c Python\n")
    with pytest.raises(CpatchError, match=r"shared-files:6: there is no Python/gone\.c"):
        stage.stage(project, pin, project.build / "source")


def test_a_pin_without_its_files_is_an_error(project: Project, pin: Pin) -> None:
    other = dataclasses.replace(pin, branch="9.7")
    with pytest.raises(CpatchError, match=r"there is no patches/9\.7") as caught:
        stage.stage(project, other, project.build / "source")
    assert caught.value.fix == "mend wheel/shared-files"


@pytest.mark.parametrize("line", ["Python/a.c", "Python/a.c Python more"])
def test_a_line_of_another_form_is_an_error(project: Project, pin: Pin, line: str) -> None:
    (project.root / "wheel/shared-files").write_text(line + "\n")
    with pytest.raises(CpatchError, match="shared-files:1"):
        stage.stage(project, pin, project.build / "source")


def test_two_files_at_one_place_are_an_error(project: Project, pin: Pin) -> None:
    (project.root / "patches/9.8/Python/a.c").write_text("")
    with pytest.raises(CpatchError, match="two files"):
        stage.stage(project, pin, project.build / "source")


class TestRepository:
    """The list and the glue as they are."""

    def test_every_shared_file_is_there(self) -> None:
        project = Project.find()
        pins = able(project)
        assert pins
        for pin in pins:
            assert len({copy.place for copy in stage.shared_files(project, pin)}) > 40

    def test_shared_files_do_not_ask_who_compiles_them(self) -> None:
        project = Project.find()
        for pin in able(project):
            for copy in stage.shared_files(project, pin):
                text = copy.source.read_text(encoding="utf-8")
                assert "IMMORTAL_HEAP_MODULE" not in text, copy.source

    def test_glue_is_small(self) -> None:
        for path in (ROOT / "wheel").rglob("*"):
            if path.suffix in (".c", ".h", ".py"):
                assert len(path.read_text(encoding="utf-8").splitlines()) < 400, path

    def test_the_extension_s_port_has_the_names_of_the_pin_s(self) -> None:
        """A header that stands in for the pin's, and does not build on it, has all its names."""
        for path in (ROOT / "wheel/include/internal").glob("*_port.h"):
            if "#include_next" in path.read_text(encoding="utf-8"):
                continue
            for pin in able(Project.find()):
                other = ROOT / "patches" / pin.branch / "Include/internal" / path.name
                one, two = (
                    set(re.findall(r"\b_PyPort_\w+", each.read_text(encoding="utf-8")))
                    for each in (path, other)
                )
                assert one == two
