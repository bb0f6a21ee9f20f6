"""An application to audit: 150 modules of the standard library and 85 MB of objects.

    make audit ARGS="--example"

What a server does: load much, fork, then let each worker collect, read everything, run code that
is warm, allocate and free, and collect again.
"""

from __future__ import annotations

import gc
import importlib
from typing import Any

_MODULES = """
    abc aifc argparse array ast asyncio asyncio.subprocess base64 bdb binascii bisect bz2
    calendar cgi chunk cmd code codecs codeop collections collections.abc colorsys compileall
    concurrent.futures concurrent.futures.process concurrent.futures.thread configparser
    contextlib contextvars copy copyreg csv ctypes ctypes.util dataclasses datetime decimal
    difflib dis doctest email email.generator email.message email.mime.multipart email.mime.text
    email.parser email.policy email.utils enum errno filecmp fileinput fnmatch fractions ftplib
    functools getopt getpass gettext glob graphlib gzip hashlib heapq hmac html html.entities
    html.parser http http.client http.cookiejar http.cookies http.server imaplib imghdr
    importlib.metadata importlib.resources importlib.util inspect io ipaddress itertools json
    json.decoder json.encoder keyword linecache locale logging logging.config logging.handlers
    lzma mailbox mimetypes modulefinder multiprocessing multiprocessing.connection
    multiprocessing.pool multiprocessing.queues netrc numbers opcode operator optparse os pathlib
    pdb pickle pickletools pkgutil platform plistlib poplib posixpath pprint profile pstats
    py_compile pyclbr queue quopri random re reprlib runpy sched secrets select selectors shelve
    shlex shutil signal smtplib sndhdr socket socketserver sqlite3 ssl stat statistics string
    struct subprocess symtable sysconfig tabnanny tarfile telnetlib tempfile textwrap threading
    timeit token tokenize trace traceback tracemalloc types typing unittest unittest.mock
    urllib.error urllib.parse urllib.request urllib.response urllib.robotparser uuid venv
    warnings wave weakref webbrowser wsgiref.handlers wsgiref.simple_server xml.dom.minidom
    xml.etree.ElementTree xml.sax xmlrpc.client xmlrpc.server zipapp zipfile zlib
"""


class Node:
    """An object with a dictionary of its own."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"node {number}"
        self.weight = number * 0.5
        self.links: list[Node] = []
        self.about: dict[str, Any] = {
            "id": number + 10**6,
            "title": f"title {number % 977}",
            "tags": [f"tag {number % 31}", f"tag {number % 37}"],
            "place": (number % 360 + 0.25, number % 180 - 90.5),
            "text": f"{number:08d} " * 5,
        }


class Point:
    """An object with slots."""

    __slots__ = ("label", "near", "x", "y")

    def __init__(self, number: int) -> None:
        self.x = number * 1.5
        self.y = -number * 2.5
        self.label = f"point {number}"
        self.near: Point | None = None


def _load() -> int:
    loaded = 0
    for name in _MODULES.split():
        try:
            importlib.import_module(name)
        except ImportError:  # not built here, or gone in a newer version
            continue
        loaded += 1
    return loaded


LOADED = _load()
NODES = [Node(number) for number in range(40_000)]
POINTS = [Point(number) for number in range(40_000)]
TABLE: dict[str, dict[str, Any]] = {
    f"key {number}": {"value": number, "text": str(number)} for number in range(40_000)
}
for _at, _node in enumerate(NODES):
    _node.links += [NODES[_at * 7 % 40_000], NODES[_at * 11 % 40_000]]
    POINTS[_at].near = POINTS[_at * 13 % 40_000]


def read_everything() -> int:
    """Touch every object, as requests do over time."""
    total = 0
    for node in NODES:
        total += node.number + len(node.name) + len(node.links)
        for tag in node.about["tags"]:
            total += len(tag)
        for link in node.links:
            total += link.number & 1
        total += len(node.about["text"]) + int(node.about["place"][0] + node.weight)
    for point in POINTS:
        near = point.near
        total += int(point.x + point.y) + len(point.label) + (0 if near is None else int(near.x))
    for key, row in TABLE.items():
        total += len(key) + row["value"] + len(row["text"])
    return total


def warm_code() -> int:
    """Run library code that was run before the fork."""
    import json
    import re
    import string
    import textwrap

    text = json.dumps({"rows": [{"id": n, "name": f"row {n}"} for n in range(200)]})
    rows = json.loads(text)["rows"]
    found = re.findall(r"row (\d+)", text)
    template = string.Template("$id is $name")
    lines = [template.substitute(row) for row in rows]
    return len(found) + len(textwrap.fill(" ".join(lines), 60))


def allocate_and_free() -> int:
    """Make 20,000 dicts, some 10 MB, that are there all at once, and drop them."""
    made: list[Any] = [{"n": n, "text": f"made {n}", "list": [n, n + 1]} for n in range(20_000)]
    size = len(made)
    made.clear()
    return size


def before_fork() -> None:
    """Warm up: what runs often is specialised before it is shared."""
    for _ in range(3):
        read_everything()
        warm_code()
        allocate_and_free()


def exercise() -> None:
    """What each worker does."""
    gc.collect()
    read_everything()
    for _ in range(10):
        warm_code()
    allocate_and_free()
    gc.collect()
