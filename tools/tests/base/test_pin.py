"""The pin file: every mistake is named by file, table and key."""

from __future__ import annotations

import pytest
from conftest import BRANCH, VERSION
from cpatch.base.errors import CpatchError
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project


def test_values_are_filled_in(world):
    world.pin_text(
        urls=["http://e.example/{version}/{tarball}"], debian_pool="pool/p{branch}_{version}.tgz"
    )
    pin = world.pin
    assert (pin.branch, pin.version, pin.tarball) == (BRANCH, VERSION, f"toy-{VERSION}.tgz")
    assert pin.urls == (f"http://e.example/{VERSION}/toy-{VERSION}.tgz",)
    assert pin.debian_pool == f"pool/p{BRANCH}_{VERSION}.tgz"
    assert pin.series == f"series.{BRANCH}"


def test_pin_by_branch_version_or_default(world):
    pins = load_pins(world.project)
    assert pins.get(BRANCH) is pins.get(VERSION) is pins.get()


def test_unknown_pin(world, said):
    assert world.apply("--pin", "9.7") == 2
    text = said()
    assert "unknown pin '9.7'" in text
    assert f"wanted one of {BRANCH}" in text
    assert f"did you mean {BRANCH}?" in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sha256": None, "sha265": "0" * 64}, f"{BRANCH}.sha265: unknown key"),
        ({"size": None}, f"{BRANCH}.size: missing key"),
        ({"size": "12"}, f"{BRANCH}.size has the wrong type"),
        ({"size": True}, f"{BRANCH}.size has the wrong type"),
        ({"size": -1}, f"{BRANCH}.size: must be"),
        ({"urls": "http://e.example"}, f"{BRANCH}.urls has the wrong type"),
        ({"urls": [1]}, f"{BRANCH}.urls has the wrong type"),
        ({"urls": ["http://e.example/{vesion}"]}, f"{BRANCH}.urls: cannot fill in"),
        ({"sha256": "ABC"}, f"{BRANCH}.sha256: must be 64"),
        ({"tree": "12"}, f"{BRANCH}.tree: must be 40"),
        ({"tarball": "../x.tgz"}, f"{BRANCH}.tarball: must be a file name"),
        ({"series": "a/b"}, f"{BRANCH}.series: must be a file name"),
    ],
)
def test_mistakes_are_named(world, said, change, expected):
    world.pin_text(**change)
    assert world.run("status") == 2
    text = said()
    assert f"patches/upstream.toml: {expected}" in text
    assert "fix:" in text
    assert "make status" in text


def test_misspelt_key_suggests_the_right_one(world, said):
    world.pin_text(urls=None, ulrs=["http://e.example"])
    assert world.run("fetch") == 2
    assert "did you mean urls?" in said()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('default = "9.8"\n', "default: names '9.8'"),
        ("", "default: must be"),
        ('defualt = "9.8"\n["9.8"]\n', "defualt: unknown key"),
        ('default = "9.8\n', "is not valid TOML"),
    ],
)
def test_broken_files(world, said, text, expected):
    (world.root / "patches/upstream.toml").write_text(text)
    assert world.run("status") == 2
    assert expected in said()


def test_no_file(world, said):
    (world.root / "patches/upstream.toml").unlink()
    assert world.run("status") == 2
    assert "patches/upstream.toml is missing" in said()


def test_second_pin_is_one_more_table(world):
    path = world.root / "patches/upstream.toml"
    text = path.read_text()
    path.write_text(text + text.split("\n", 1)[1].replace(f'["{BRANCH}"]', '["9.9"]'))
    world.patch("series.9.9").write_text("")
    assert world.apply("--pin", "9.9") == 0
    assert world.apply() == 0
    other = world.project.src(load_pins(world.project).get("9.9"), "patched")
    assert "patched" not in (other / "Objects/object.c").read_text()
    assert "patched" in (world.src / "Objects/object.c").read_text()


def test_unknown_tree_is_refused(world):
    with pytest.raises(CpatchError, match="unknown tree"):
        world.project.src(world.pin, "../stock")


def test_the_repositorys_own_pin_file_is_valid(monkeypatch):
    monkeypatch.delenv("CPATCH_ROOT", raising=False)
    pins = load_pins(Project.find())
    assert pins.get().tree
    assert all(pin.urls for pin in pins.table.values())
