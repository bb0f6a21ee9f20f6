"""Write down what became of each test, a line of JSON each, as it happens. A plugin of pytest.

Runs in the interpreter that is tested, beside the package. What it is told stands in the
environment: COMPAT_LOG, the file; COMPAT_IMPORT, modules to import first; COMPAT_CALL, the module
whose immortalize_heap() is called before the first test, with the tests and the package loaded;
COMPAT_ONLY, a file with the ids of the tests to run, a JSON list. Standard library only.
"""

import gc
import importlib
import json
import os
import re
import sys

#: From good to bad: a test that is reported several times is the worst of it.
ORDER = ("passed", "xfailed", "skipped", "xpassed", "failed", "error")
#: Characters of a failure that are kept: its end.
TEXT = 1500
#: Characters of a parameter, from which on it is what an object prints: paths, sets, the hashes of
#: a Rust program. Such a test has its number among those of its function instead.
LONG = 200
#: What parametrized tests have in their ids and what differs from run to run.
VARYING = (
    (r"\b0x[0-9a-fA-F]{4,}\b", "0xADDRESS"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"/[^\s'\"\]]*/(compat-\w+|bench/inst/\w+|compat/venv/\w+)\b", "PLACE"),
)

_found = {}
_numbers = {}
_counts = {}


def write(**row):
    """Append a line; children of a test that forked write none."""
    if os.getpid() == _PID:
        os.write(_LOG, (json.dumps(row) + "\n").encode())


def name(nodeid, file):
    """Return a test's id without what differs between two runs or two environments.

    The id of a test outside of pytest's root lacks what the command line names, so the file is
    taken from the test's location.
    """
    nodeid = _numbers.get(nodeid, nodeid)
    if "::" in nodeid:
        nodeid = f"{file}::{nodeid.partition('::')[2]}"
    nodeid = re.sub(r"^.*?/(site-packages|programs)/", "", nodeid)
    for pattern, word in VARYING:
        nodeid = re.sub(pattern, word, nodeid)
    return nodeid


def load():
    """Import what the package's tests are about, and say which interpreter this is."""
    for each in filter(None, os.environ.get("COMPAT_IMPORT", "").split(",")):
        importlib.import_module(each)


def call():
    """Make the heap immortal, if that is asked for."""
    module = os.environ.get("COMPAT_CALL")
    if module:
        importlib.import_module(module).immortalize_heap()
        write(called=True)


def watched():
    """Yield immortal objects that any code meets, and those of the package, with their names."""
    immortal = getattr(gc, "is_immortal", None) or getattr(sys, "_is_immortal", lambda obj: False)
    plain = (None, True, False, (), "", b"", 0, 1, object, type, int, str, bytes, tuple, list, dict)
    rows = [(repr(each), each) for each in plain]
    for module in filter(None, os.environ.get("COMPAT_IMPORT", "").split(",")):
        rows += [(f"{module}.{key}", each) for key, each in vars(sys.modules[module]).items()]
    return [row for row in rows if immortal(row[1])]


def pytest_configure(config):
    """Import the package before its tests do."""
    load()


def number(items):
    """Name the tests with long parameters by their numbers."""
    seen = {}
    for item in items:
        function, _, parameter = item.nodeid.partition("[")
        if len(parameter) > LONG:
            seen[function] = seen.get(function, 0) + 1
            _numbers[item.nodeid] = f"{function}[long {seen[function]}]"


def pytest_collection_modifyitems(session, config, items):
    """Take the tests that are asked for."""
    number(items)
    chosen = os.environ.get("COMPAT_ONLY")
    if chosen:
        with open(chosen, encoding="utf-8") as stream:
            wanted = set(json.load(stream))
        items[:] = [item for item in items if name(item.nodeid, item.location[0]) in wanted]


def pytest_collection_finish(session):
    """Everything is loaded now."""
    call()
    _counts.update((name, sys.getrefcount(obj)) for name, obj in watched())


def pytest_sessionfinish(session):
    """Say which counts of immortal objects moved: some code counts what it need not."""
    found = {key: sys.getrefcount(obj) - _counts.get(key, 0) for key, obj in watched()}
    write(drift={key: found[key] for key in _counts if found.get(key)})


def pytest_collectreport(report):
    """Say which files could not be read."""
    if report.failed:
        write(id=name(report.nodeid, "") or "(all)", outcome="not collected", text=_text(report))


def pytest_runtest_logstart(nodeid, location):
    """Say what runs now: what a crash or the time limit is to be blamed on."""
    _found.clear()
    write(start=name(nodeid, location[0]))


def pytest_runtest_logreport(report):
    """Remember the worst that is said of the test."""
    outcome = report.outcome
    if hasattr(report, "wasxfail"):
        outcome = "xfailed" if report.skipped else "xpassed"
    elif report.failed and report.when != "call":
        outcome = "error"
    if "outcome" not in _found or ORDER.index(outcome) > ORDER.index(_found["outcome"]):
        _found["outcome"] = outcome
        _found["text"] = _text(report) if report.failed else ""


def pytest_runtest_logfinish(nodeid, location):
    """Write the test's line."""
    write(id=name(nodeid, location[0]), **{"outcome": "nothing", **_found})


def _text(report):
    return str(report.longrepr or "")[-TEXT:]


_PID = os.getpid()
_LOG = os.open(os.environ["COMPAT_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
