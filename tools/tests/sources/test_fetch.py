"""fetch: nothing but the pinned bytes reaches the cache, and every failure says what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from conftest import BRANCH, make_world
from cpatch.sources import fetch
from webtoy import NAME, Server, serving


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Return a world whose upstream has not been unpacked yet."""
    return make_world(tmp_path / "repo", tmp_path / "toy.tgz", monkeypatch)


@pytest.fixture
def server(world, monkeypatch) -> Iterator[Server]:
    with serving(world, monkeypatch) as made:
        yield made


def cached(world) -> bytes | None:
    path = world.project.cache / NAME
    return path.read_bytes() if path.exists() else None


def part(world):
    return world.project.cache / f"{NAME}.{world.pin.sha256[:12]}.part"


def test_download(world, server, said):
    assert world.run("fetch") == 0
    assert cached(world) == server.data
    assert "ok\n" in said()
    assert world.run("fetch") == 0
    assert "ok (cached)" in said()
    assert len(server.seen) == 1


@pytest.mark.parametrize("fetcher", ["fetch", "apply"])
def test_wrong_hash(world, server, said, fetcher):
    server.data = server.data[:-1] + b"?"
    assert world.run(fetcher) == 1
    text = said()
    assert f"sha256 of {NAME} differs" in text
    assert f"wanted {world.pin.sha256}" in text
    assert f"{BRANCH}.sha256" in text
    assert "got    " in text
    assert "fix:   make fetch" in text
    assert cached(world) is None
    assert not part(world).exists()
    assert not world.src.exists()


@pytest.mark.parametrize("length", [True, False])
def test_wrong_size(world, server, said, length):
    server.length = length
    server.data += b"more and more" * 1000
    assert world.run("fetch") == 1
    text = said()
    assert f"size of {NAME} differs" in text
    assert f"wanted {world.pin.size} bytes" in text
    assert cached(world) is None


@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
def test_truncated_for_good(world, server, said, length):
    server.data = server.data[:500]
    server.length = length
    assert world.run("fetch") == 1
    assert f"stopped after 500 of {world.pin.size} bytes" in said()
    assert cached(world) is None


@pytest.mark.parametrize("ranges", [True, False], ids=["range", "no range"])
@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
def test_broken_line_is_continued_or_restarted(world, server, ranges, length):
    server.ranges, server.length, server.breaks_after = ranges, length, [640]
    assert world.run("fetch") == 0
    assert cached(world) == server.data
    assert server.seen == [None, "bytes=640-"]


@pytest.mark.parametrize("ranges", [True, False], ids=["range", "no range"])
def test_killed_half_way_the_next_run_goes_on(world, server, monkeypatch, ranges):
    server.ranges = ranges
    real = fetch._bar
    seen = []

    def killing(*args):
        bar = real(*args)

        class Killing:
            def __enter__(self):
                advance = bar.__enter__()

                def die(size):
                    advance(size)
                    seen.append(size)
                    if size > 500:
                        raise KeyboardInterrupt

                return die

            def __exit__(self, *exc):
                return bar.__exit__(*exc)

        return Killing()

    with monkeypatch.context() as patched:
        patched.setattr(fetch, "_bar", killing)
        assert world.run("fetch") == 130
    assert cached(world) is None
    kept = part(world).stat().st_size
    assert 0 < kept < world.pin.size
    assert world.run("fetch") == 0
    assert server.seen == [None, f"bytes={kept}-"]
    assert cached(world) == server.data


@pytest.mark.parametrize("ranges", [True, False])
def test_garbage_kept_from_an_earlier_run_is_thrown_away(world, server, ranges):
    server.ranges = ranges
    part(world).write_bytes(b"x" * 300)
    assert world.run("fetch") == 0
    assert cached(world) == server.data


def test_kept_part_as_long_as_the_file(world, server):
    part(world).write_bytes(b"x" * world.pin.size)
    assert world.run("fetch") == 0
    assert server.seen == [None]


def test_line_that_breaks_at_the_same_place_for_ever(world, server, said):
    server.ranges = False
    server.breaks_after = [640] * 10
    assert world.run("fetch") == 1
    assert "cannot download" in said()
    assert len(server.seen) <= 4


def test_next_source_after_an_error(world, server):
    world.pin_text(urls=[server.url.replace(str(server.server_address[1]), "1"), server.url])
    assert world.run("fetch") == 0
    assert cached(world) == server.data


def test_next_source_after_wrong_bytes(world, server, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"x" * world.pin.size)
    world.pin_text(urls=[f"file://{wrong}", server.url])
    assert world.run("fetch") == 0
    assert cached(world) == server.data


def test_http_error_is_named(world, server, said):
    server.status = 404
    assert world.run("fetch") == 1
    text = said()
    assert f"{server.url}: HTTP 404" in text
    assert "--source FILE" in text


# --- without a network


@pytest.fixture
def offline(world, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    world.pin_text(urls=["http://example.invalid/{tarball}"])
    return world


def test_offline_with_cache(offline):
    assert offline.run("fetch") == 0
    assert offline.apply() == 0


def test_offline_with_imported_tree_needs_not_even_the_cache(offline):
    offline.apply()
    (offline.project.cache / NAME).unlink()
    (offline.root / "Objects/immortal.c").write_text("int immortal = 2;\n")
    assert offline.apply() == 0


def test_offline_without_cache(offline, said):
    (offline.project.cache / NAME).unlink()
    assert offline.apply() == 1
    text = said()
    assert f"cannot download {NAME}; tried:" in text
    assert f"http://example.invalid/{NAME}" in text
    assert "fix:" in text


def test_offline_with_bad_cache(offline, said):
    path = offline.project.cache / NAME
    path.write_bytes(path.read_bytes()[:-4])
    assert offline.run("fetch") == 1
    text = said()
    assert "is not what patches/upstream.toml pins" in text
    assert "cannot download" in text
    assert not path.exists()
    assert path.with_name(f"{NAME}.bad").exists()


def test_bad_cache_is_replaced(world, server, said):
    path = world.project.cache / NAME
    path.write_bytes(b"bad")
    assert world.run("fetch") == 0
    assert cached(world) == server.data
    assert path.with_name(f"{NAME}.bad").read_bytes() == b"bad"


# --- --source


def test_source_file(offline):
    (offline.project.cache / NAME).unlink()
    assert offline.run("fetch", "--source", str(offline.tarball)) == 0
    assert cached(offline) == offline.tarball.read_bytes()


def test_source_file_with_wrong_bytes(offline, said, tmp_path):
    (offline.project.cache / NAME).unlink()
    wrong = tmp_path / "wrong.tgz"
    wrong.write_bytes(b"x" * offline.pin.size)
    assert offline.run("fetch", "--source", str(wrong)) == 1
    text = said()
    assert f"differs, from {wrong}" in text
    assert offline.pin.sha256 in text
    assert cached(offline) is None


def test_source_file_missing(offline, said):
    (offline.project.cache / NAME).unlink()
    assert offline.run("fetch", "--source", "/nowhere/x.tgz") == 1
    assert "no such file" in said()


# --- apt


def test_apt_is_asked_last_and_its_roots_are_tried_in_turn(world, server, monkeypatch):
    world.pin_text(urls=["http://127.0.0.1:1/x"], debian_pool=f"pool/{NAME}")
    here = server.url.rsplit("/", 1)[0]
    asked = []

    def roots() -> list[str]:
        asked.append(1)
        return ["http://127.0.0.1:1/security", f"{here}/debian"]

    monkeypatch.setattr(fetch, "apt_roots", roots)
    assert world.run("fetch") == 0
    assert cached(world) == server.data
    assert asked == [1]


def test_roots_in_apts_answer():
    listing = (
        "'http://a.example/debian/dists/x/InRelease' a_InRelease 0 \n"
        "'http://a.example/debian/dists/x-updates/InRelease' a_InRelease 0 \n"
        "'https://b.example/security/dists/x/InRelease' b 0 SHA256:0\n"
        "'cdrom://[disk]/dists/x/InRelease' c 0\n"
        "'http://flat.example/./InRelease' d 0\n"
        "W: something\n"
    )
    assert fetch.parse_apt_uris(listing) == [
        "http://a.example/debian",
        "https://b.example/security",
    ]


def test_no_apt_no_roots(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert fetch.apt_roots() == []


def test_apt_is_run_without_root_and_without_lists(tmp_path, monkeypatch):
    fake = tmp_path / "apt-get"
    fake.write_text(
        '#!/bin/sh\necho "$@" >> ' + str(tmp_path / "calls") + "\n"
        'case "$*" in *Dir::State=*) '
        "echo \"'http://m.example/debian/dists/x/InRelease' f 0\";; esac\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert fetch.apt_roots() == ["http://m.example/debian"]
    assert "--print-uris update" in (tmp_path / "calls").read_text()


def test_damaged_archive_with_the_right_hash(world, said, tmp_path):
    world.tarball.write_bytes(b"not an archive at all")
    world.pin_text()
    (world.project.cache / NAME).write_bytes(world.tarball.read_bytes())
    assert world.apply() == 1
    assert "cannot be unpacked" in said()
