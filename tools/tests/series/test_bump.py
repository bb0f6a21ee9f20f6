"""bump: where another version is to be had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import VERSION, World, make_tarball
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Archive, Pins
from cpatch.series import bump
from cpatch.sources import fetch

URLS = ("https://localhost/ftp/9.8.7/Toy-9.8.7.tgz",)
POOL = "pool/main/p/python9.8/python9.8_9.8.7.orig.tar.gz"


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Archive]:
    """What is asked for; the last kind of packing is the one that there is."""
    found: list[Archive] = []

    def download(project: object, draft: Archive) -> Path:
        found.append(draft)
        if draft.name.endswith(".tgz"):
            raise CpatchError(f"cannot download {draft.name}")
        return world.tarball

    monkeypatch.setattr(fetch, "download_unpinned", download)
    return found


def new_pin(world: World, version: str, **others: object):
    old = replace(world.pin, tarball=f"Toy-{VERSION}.tgz", urls=URLS, debian_pool=POOL)
    pins = Pins("9.8", {"9.8": old, **others}, "pins")  # type: ignore[arg-type]
    return bump.new_pin(world.project, pins, old, version, None, None)


def test_the_same_branch_may_be_packed_otherwise(world, asked) -> None:
    pin, _ = new_pin(world, "9.8.10")
    assert [each.urls[0].rpartition("/")[2] for each in asked] == [
        "Toy-9.8.10.tgz",
        "Toy-9.8.10.tar.xz",
    ]
    assert pin.tarball == "Toy-9.8.10.tar.xz"
    assert pin.debian_pool == "pool/main/p/python9.8/python9.8_9.8.10.orig.tar.xz"
    assert pin.size == world.tarball.stat().st_size


def test_another_branch_lies_in_another_folder(world, asked) -> None:
    pin, _ = new_pin(world, "9.10.0~rc2")
    assert pin.urls == ("https://localhost/ftp/9.10.0/Toy-9.10.0rc2.tar.xz",)
    assert pin.debian_pool == "pool/main/p/python9.10/python9.10_9.10.0~rc2.orig.tar.xz"
    assert pin.branch == "9.8"


def test_a_version_that_a_pin_has_is_taken_from_there(world, asked, tmp_path) -> None:
    tarball = make_tarball(tmp_path / "theirs.tar", {"README": "theirs\n"})
    bytes_of = fetch.identify(tarball)
    theirs = replace(
        world.pin, branch="9.9", version="9.9.1", tarball="Theirs.tgz", sha256=bytes_of.sha256
    )
    theirs = replace(theirs, size=bytes_of.size, date=1)
    (world.project.cache / "Theirs.tgz").write_bytes(tarball.read_bytes())
    pin, path = new_pin(world, "9.9.1", **{"9.9": theirs})
    assert not asked
    assert path.name == "Theirs.tgz"
    assert (pin.branch, pin.version, pin.tarball) == ("9.8", "9.9.1", "Theirs.tgz")
    assert (pin.sha256, pin.series, pin.date) == (theirs.sha256, world.pin.series, world.pin.date)


def test_none_of_them_is_to_be_had(world, monkeypatch) -> None:
    def download(project: object, draft: Archive) -> Path:
        raise CpatchError(f"cannot download {draft.name}", fix="get it elsewhere")

    monkeypatch.setattr(fetch, "download_unpinned", download)
    with pytest.raises(CpatchError, match=r"tgz\ncannot download Toy-9\.8\.10\.tar\.xz"):
        new_pin(world, "9.8.10")
