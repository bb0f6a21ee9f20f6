"""The load: so many clients, each with a session of its own, that ask for a fixed mix of pages.

Run as a program, in a process of its own:

    python -m cpatch.servers.load PORT REQUESTS CLIENTS ENTRIES SEED TIMEOUT OUTPUT

writes what it measured to OUTPUT as JSON. Which client asks for what in which order depends on the
seed alone. Connections are kept as long as the server keeps them.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Page -> how many of a hundred requests. An order is followed by an empty cart.
MIX = {"detail": 40, "listing": 22, "search": 14, "home": 8, "add": 8, "cart": 6, "order": 2}

#: Requests of one visitor; then the client is another one.
VISIT = 25

_CATEGORIES = 40
_WORDS = (
    *("red", "blue", "green", "old", "new", "small", "large", "quiet", "bright", "plain"),
    *("round", "flat", "warm", "cold", "chair", "lamp", "table", "shelf", "clock", "basket"),
    *("kettle", "blanket", "mirror", "drawer", "bench", "stool"),
)
_SORTS = ("name", "price", "added")

# How many failures are written down; one is enough to fail.
_KEPT = 20


@dataclass(frozen=True)
class Ask:
    """One request."""

    page: str
    method: str
    path: str


def ask(dice: random.Random, entries: int) -> Ask:
    """Return the next request of a client."""
    page = dice.choices(list(MIX), list(MIX.values()))[0]
    product = dice.randrange(1, entries + 1)
    if page == "detail":
        return Ask(page, "GET", f"/p/{product}/")
    if page == "listing":
        shelf, sort = dice.randrange(_CATEGORIES), dice.choice(_SORTS)
        return Ask(page, "GET", f"/c/room-{shelf}/?sort={sort}&page={dice.randrange(1, 9)}")
    if page == "search":
        text = "+".join(dice.sample(_WORDS, dice.randrange(1, 3)))
        return Ask(page, "GET", f"/search/?q={text}")
    if page == "add":
        return Ask(page, "POST", f"/cart/add/{product}/")
    if page == "order":
        return Ask(page, "POST", "/order/")
    return Ask(page, "GET", "/" if page == "home" else "/cart/")


@dataclass
class Client:
    """One client: a connection, the cookies of the visitor it is, and what it measured."""

    port: int
    dice: random.Random
    entries: int
    timeout: float
    cookies: dict[str, str] = field(default_factory=dict)
    #: Page, latency in ms, process that answered.
    answers: list[tuple[str, float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    connections: int = 0
    _connection: http.client.HTTPConnection | None = None

    def visit(self, count: int, deadline: float) -> None:
        """Make so many requests; ends early at the deadline, which is a failure."""
        for number in range(count):
            if time.monotonic() > deadline:
                self.failures.append(f"{count - number} requests were left when time was up")
                break
            if number % VISIT == 0:
                self.cookies.clear()
                # A page with a form, which gives a visitor the token that forms must bring.
                what = Ask("detail", "GET", f"/p/{self.dice.randrange(1, self.entries + 1)}/")
            else:
                what = ask(self.dice, self.entries)
            begun = time.perf_counter()
            try:
                status, body, worker = self.request(what)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                self.failures.append(f"{what.method} {what.path}: {type(error).__name__}: {error}")
                continue
            spent = (time.perf_counter() - begun) * 1000
            if status != (302 if what.method == "POST" else 200):
                self.failures.append(f"{what.method} {what.path}: status {status}")
            elif what.method == "GET" and b"</html>" not in body:
                self.failures.append(f"{what.method} {what.path}: the page is cut short")
            else:
                self.answers.append((what.page, round(spent, 3), worker))
        self.close()

    def request(self, what: Ask) -> tuple[int, bytes, str]:
        """Make one request; returns the status, the body and who answered."""
        headers = {"Cookie": "; ".join(f"{key}={text}" for key, text in self.cookies.items())}
        if what.method == "POST":
            headers |= {"X-CSRFToken": self.cookies.get("csrftoken", ""), "Content-Length": "0"}
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=self.timeout
            )
            self.connections += 1
        self._connection.request(what.method, what.path, headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        for text in response.headers.get_all("Set-Cookie", []):
            key, _, rest = text.partition("=")
            self.cookies[key] = rest.partition(";")[0]
        if response.will_close:
            self.close()
        return response.status, body, response.headers.get("X-Worker", "")

    def close(self) -> None:
        """Give the connection up."""
        if self._connection:
            self._connection.close()
            self._connection = None


def run(
    port: int, requests: int, clients: int, entries: int, seed: int, timeout: float
) -> dict[str, Any]:
    """Make all requests and return what was measured."""
    crowd = [
        Client(port, random.Random(f"{seed}/{number}"), entries, min(timeout, 60.0))  # noqa: S311
        for number in range(clients)
    ]
    shares = [requests // clients + (number < requests % clients) for number in range(clients)]
    begun = time.perf_counter()
    deadline = time.monotonic() + timeout
    threads = [
        threading.Thread(target=client.visit, args=(share, deadline), daemon=True)
        for client, share in zip(crowd, shares, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    failures = [text for client in crowd for text in client.failures]
    return {
        "seconds": round(seconds, 4),
        "connections": sum(client.connections for client in crowd),
        "failed": len(failures),
        "failures": failures[:_KEPT],
        "answers": [answer for client in crowd for answer in client.answers],
    }


def main(argv: list[str]) -> None:
    """Run as a program."""
    port, requests, clients, entries, seed = map(int, argv[:5])
    found = run(port, requests, clients, entries, seed, float(argv[5]))
    Path(argv[6]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
