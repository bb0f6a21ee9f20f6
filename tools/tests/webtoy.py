"""A server of one file on this machine, as bad as a test asks for."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator

import pytest
from conftest import VERSION, World
from cpatch.sources import fetch

NAME = f"toy-{VERSION}.tgz"


class Server(http.server.ThreadingHTTPServer):
    """Serves one file, as badly as a test asks for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = b""
        self.ranges = True
        self.length = True
        self.breaks_after: list[int] = []  # per request: bytes after which the line goes dead
        self.status = 200
        self.seen: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{NAME}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.seen.append(asked)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(asked.split("=")[1].rstrip("-")) if asked and self.server.ranges else 0
        body = self.server.data[start:]
        self.send_response(206 if start else 200)
        if start:
            total = len(self.server.data)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if self.server.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.breaks_after:
            body = body[: self.server.breaks_after.pop(0)]
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def serving(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve the tarball of a world whose cache is empty."""
    for key in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    # Small pieces, so that a broken line leaves some bytes behind.
    monkeypatch.setattr(fetch, "_CHUNK", 64)
    with Server() as made:
        made.data = world.tarball.read_bytes()
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        world.pin_text(urls=[made.url])
        (world.project.cache / NAME).unlink()
        yield made
        made.shutdown()
