"""Run test modules that are programs, each in a process of its own, and write what they say.

    python compat_modules.py SECONDS PACKAGE PATTERN...

runs the modules of PACKAGE that a shell pattern matches. Which tests ran, unittest is asked.
COMPAT_LOG and so on are as in compat_record.py, which writes the lines.
"""

import contextlib
import fnmatch
import importlib
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import unittest

import compat_record


def main(seconds, package, *patterns):
    """Run the modules, one after the other; a status that is not 0 is a line of its own."""
    home = importlib.util.find_spec(package).submodule_search_locations
    only = wanted()
    for found in pkgutil.iter_modules(home):
        if not any(fnmatch.fnmatchcase(found.name, each) for each in patterns):
            continue
        module = f"{package}.{found.name}"
        if only is not None and not any(each.partition("::")[0] == module for each in only):
            continue
        compat_record.write(start=module)
        status, text = run(module, float(seconds))
        compat_record.write(id=module, outcome=status or "passed", text=text)


def run(module, seconds):
    """Run one in a process; return what is wrong with its end, if anything, and its last words.

    What it forked and left behind is killed: it may hold the output, ports and locks.
    """
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(
            [sys.executable, __file__, module],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = child.wait(seconds)
            status = f"crashed: {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
        except subprocess.TimeoutExpired:
            code, status = None, "exit time limit"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if code == 0:
            return "", ""
        out.seek(0)
        return status, out.read().decode("utf-8", "replace")[-compat_record.TEXT :]


def wanted():
    """Return the ids asked for, None for all."""
    chosen = os.environ.get("COMPAT_ONLY")
    if not chosen:
        return None
    with open(chosen, encoding="utf-8") as stream:
        return set(json.load(stream))


def one(module):
    """Run one module as a program, and listen to unittest."""
    compat_record.load()
    listen(module, unittest.TestResult)
    compat_record.call()
    sys.argv = [module, "-v"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def listen(module, result):
    """Have each outcome that unittest is told written down."""

    def after(method, outcome):
        before = getattr(result, method)

        def told(self, test, *rest):
            text = "" if method in ("addSuccess", "addSkip") else str(rest)[-300:]
            compat_record.write(id=f"{module}::{test.id()}", outcome=outcome, text=text)
            return before(self, test, *rest)

        setattr(result, method, told)

    for method, outcome in (
        ("addSuccess", "passed"),
        ("addSkip", "skipped"),
        ("addFailure", "failed"),
        ("addError", "error"),
        ("addExpectedFailure", "xfailed"),
        ("addUnexpectedSuccess", "xpassed"),
    ):
        after(method, outcome)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        one(sys.argv[1])
    else:
        main(*sys.argv[1:])
