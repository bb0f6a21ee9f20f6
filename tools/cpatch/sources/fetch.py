"""Get the pinned archives, from wherever their bytes are right."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cpatch.base import console, disk, files, proc
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Archive
from cpatch.base.project import Project

if TYPE_CHECKING:
    import httpx

#: A mirror that does not answer must not hold up the next one.
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
#: A connection may break this often without giving a byte before the next source is tried.
_STALLS = 2
_CHUNK = 1 << 18
_LARGEST = 1 << 30


@dataclass(frozen=True)
class Found:
    """What a file turned out to be."""

    size: int
    sha256: str

    def matches(self, what: Archive) -> bool:
        """Whether these are the pinned bytes."""
        return (self.size, self.sha256) == (what.size, what.sha256)


class _WrongBytesError(Exception):
    """A source gave a complete file, but not the pinned one."""

    def __init__(self, found: Found) -> None:
        super().__init__(f"{found.size} bytes, sha256 {found.sha256}")
        self.found = found


class _NoAnswerError(Exception):
    """A source gave nothing, or stopped half-way."""


def ensure(project: Project, what: Archive, source: Path | None = None) -> Path:
    """Return the path of a verified archive in the cache.

    Order: the cache, ``source`` if given, the pin's URLs, the archive apt is configured with.
    Raises CpatchError saying what was tried, or wanted and got when only wrong bytes were found.
    """
    target = project.cache / what.name
    if target.exists():
        found = identify(target)
        if found.matches(what):
            return target
        aside = target.with_name(f"{target.name}.bad")
        target.replace(aside)
        console.warn(
            f"cached {target.name} is not what {project.show(project.pins_file)} pins; "
            f"moved to {project.show(aside)}"
        )
    project.make_dir(project.cache)
    if source is not None:
        return _from_file(project, what, source, target)
    return _download(project, what, target)


def identify(path: Path) -> Found:
    """Return size and SHA-256 of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
    return Found(size, digest.hexdigest())


def _from_file(project: Project, what: Archive, source: Path, target: Path) -> Path:
    if not source.is_file():
        raise CpatchError(f"{what.option} {source}: no such file")
    found = identify(source)
    if not found.matches(what):
        raise _mismatch(project, what, str(source), found, f"give another {what.option}, or none")
    # Always the same name: what a killed run left does not stay. We hold the driver's lock.
    partial = target.with_name(f"{target.name}.copy")
    shutil.copyfile(source, partial)
    files.sync(partial)
    partial.replace(target)
    return target


def _mismatch(project: Project, what: Archive, where: str, found: Found, fix: str) -> CpatchError:
    pins = f"{project.show(project.pins_file)}: {what.where}"
    if found.size != what.size:
        return CpatchError(
            f"size of {what.name} differs, from {where}",
            wanted=f"{what.size} bytes ({pins}.size)",
            got=f"{found.size} bytes",
            fix=fix,
        )
    return CpatchError(
        f"sha256 of {what.name} differs, from {where}",
        wanted=f"{what.sha256} ({pins}.sha256)",
        got=found.sha256,
        fix=fix,
    )


def _download(project: Project, what: Archive, target: Path) -> Path:
    # Named by hash: a half download of one version is never continued with another's bytes.
    part = project.cache / f"{what.name}.{what.sha256[:12]}.part"
    tried: list[str] = []
    wrong: tuple[str, Found] | None = None
    for url in _sources(what):
        host = urlsplit(url).netloc or url
        try:
            _get(url, part, what)
        except _WrongBytesError as exc:
            part.unlink(missing_ok=True)
            wrong = wrong or (url, exc.found)
            tried.append(f"{url}: wrong bytes, {exc}")
            console.note(f"fetch    {host}: not the pinned bytes, trying elsewhere")
            continue
        except _NoAnswerError as exc:
            tried.append(f"{url}: {exc}")
            console.note(f"fetch    {host}: {exc}, trying elsewhere")
            continue
        part.replace(target)
        return target
    if wrong:
        url, found = wrong
        fix = (
            f'make fetch again, or make fetch ARGS="{what.option} FILE"; if it was really replaced '
            f"there, edit {project.show(project.pins_file)}"
        )
        raise _mismatch(project, what, url, found, fix)
    raise CpatchError(
        f"cannot download {what.name}; tried:\n" + "\n".join(tried or ["(no source at all)"]),
        wanted=f"{what.size} bytes, sha256 {what.sha256}",
        fix="connect to a network, or get the file elsewhere and: "
        f'make fetch ARGS="{what.option} FILE" '
        f"(or put it at {project.show(target)})",
    )


def download_unpinned(project: Project, draft: Archive) -> Path:
    """Download a tarball whose size (and maybe hash) is not known yet; returns its path.

    For ``bump`` only, which shows what it got before anything is pinned. Raises CpatchError when
    no source has it.
    """
    import httpx

    project.make_dir(project.cache)
    part = project.cache / f"{draft.name}.unpinned.part"
    tried = []
    for url in _sources(draft):
        part.unlink(missing_ok=True)
        try:
            _transfer(url, part, replace(draft, size=_LARGEST), 0)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as exc:
            tried.append(f"{url}: {_why(exc)}")
            continue
        # Under its own name: the pinned tarball may be in the cache, and stays there.
        target = project.cache / f"{draft.name}.unpinned"
        part.replace(target)
        return target
    raise CpatchError(
        f"cannot download {draft.name}; tried:\n" + "\n".join(tried or ["(no source at all)"]),
        fix='get it elsewhere and: make bump ARGS="… --source FILE"',
    )


def _sources(what: Archive) -> Iterator[str]:
    yield from what.urls
    if what.debian_pool:
        # Lazily: apt is asked only when the pin's own URLs have failed.
        for root in apt_roots():
            yield f"{root}/{what.debian_pool}"


def apt_roots() -> list[str]:
    """Return the archive roots apt is configured with; empty where there is no apt.

    The state directory is moved aside so that neither root nor existing lists are needed.
    """
    if shutil.which("apt-get") is None:
        return []
    with tempfile.TemporaryDirectory(prefix="cpatch-apt-") as state:
        Path(state, "lists", "partial").mkdir(parents=True)
        for extra in (["-o", f"Dir::State={state}", "-o", "Debug::NoLocking=1"], []):
            try:
                asked = proc.run(
                    ["apt-get", *extra, "--print-uris", "update"],
                    cwd=Path("/"),
                    env={"LC_ALL": "C"},
                    check=False,
                )
            except CpatchError:
                return []
            roots = parse_apt_uris(asked.stdout)
            if roots:
                return roots
    return []


def parse_apt_uris(listing: str) -> list[str]:
    """Return the archive roots in ``apt-get --print-uris update``'s output, in its order."""
    roots: list[str] = []
    for line in listing.splitlines():
        uri = line.split("'")[1] if line.startswith("'") and line.count("'") > 1 else ""
        root, found, _ = uri.partition("/dists/")
        if found and root.split(":", 1)[0] in ("http", "https", "file") and root not in roots:
            roots.append(root)
    return roots


def _get(url: str, part: Path, what: Archive) -> None:
    """Download one URL into ``part``, continuing what is there; returns when it is verified."""
    import httpx

    stalls, best = 0, 0
    resumed = part.exists() and part.stat().st_size > 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        if before >= what.size:
            part.unlink()
            before = 0
        best = max(best, before)
        try:
            found = _transfer(url, part, what, before)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as exc:
            if isinstance(exc, OSError) and exc.errno in disk.FULL:
                raise  # another source would not help
            got = part.stat().st_size if part.exists() else 0
            # "Farther than ever", not "farther than before": a server without Range starts anew.
            stalls += got <= best
            if stalls >= _STALLS or got == 0 or _hopeless(exc):
                raise _NoAnswerError(_why(exc)) from exc
            continue
        if found.matches(what):
            return
        if found.size < what.size:
            # Ended early without an error (no Content-Length): continue while it makes headway.
            if found.size > best:
                continue
            raise _NoAnswerError(f"stopped after {found.size} of {what.size} bytes") from None
        if resumed:
            # The bytes kept from an earlier run may be the wrong ones: once more from the start.
            resumed = False
            part.unlink(missing_ok=True)
            continue
        raise _WrongBytesError(found)


def _transfer(url: str, part: Path, what: Archive, start: int) -> Found:
    """Append one response's body to ``part``; returns what the file then is.

    Reading stops as soon as the file is longer than the pinned size.
    """
    import httpx

    digest = hashlib.sha256()
    if urlsplit(url).scheme == "file":
        shutil.copyfile(urlsplit(url).path, part)
        return identify(part)
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    # The bytes as they are: a transparently decompressed .tgz would have another hash.
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with (
        httpx.Client(follow_redirects=True, timeout=timeout) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.status_code == 416:
            part.unlink(missing_ok=True)
        response.raise_for_status()
        if not _continues(response, start):
            start = 0
        with part.open("r+b" if start else "wb") as stream:
            size = 0
            while size < start:
                chunk = stream.read(min(_CHUNK, start - size))
                digest.update(chunk)
                size += len(chunk)
            with _bar(what, url, size) as advance:
                for chunk in response.iter_raw(_CHUNK):
                    stream.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                    advance(size)
                    if size > what.size:
                        break
            stream.truncate()
            stream.flush()
            os.fsync(stream.fileno())
    return Found(size, digest.hexdigest())


def _continues(response: httpx.Response, start: int) -> bool:
    """Say whether a response really continues at ``start``; servers may send the whole file."""
    where = response.headers.get("Content-Range", "")
    return bool(start) and response.status_code == 206 and where.startswith(f"bytes {start}-")


@contextlib.contextmanager
def _bar(what: Archive, url: str, start: int) -> Iterator[Callable[[int], None]]:
    note = f" (continuing at {start})" if start else ""
    title = f"fetching {what.name} from {urlsplit(url).netloc}{note}"
    with console.progress(title, unit="bytes") as advance:
        yield lambda size: advance(size, what.size)


def _hopeless(exc: Exception) -> bool:
    import httpx

    return isinstance(exc, httpx.HTTPStatusError | httpx.ConnectError | httpx.ConnectTimeout)


def _why(exc: Exception) -> str:
    import httpx

    if isinstance(exc, httpx.HTTPStatusError):
        return f"HTTP {exc.response.status_code}"
    if isinstance(exc, httpx.TimeoutException):
        return "no answer in time"
    return (str(exc) or type(exc).__name__).split("\n")[0]
