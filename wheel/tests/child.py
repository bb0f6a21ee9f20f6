"""Programs that run in an interpreter of their own: what they do cannot be undone."""

import os
import subprocess
import sys
import textwrap
import unittest

#: Seconds. One that takes longer hangs.
TIMEOUT = 120

PRELUDE = """\
import gc, os, sys
import immortal_heap
from immortal_heap import immortalize_heap, is_immortal
"""


def run(program, *options, timeout=TIMEOUT, prelude=PRELUDE, **environ):
    """Run a program and return what subprocess.run() does; a hang raises TimeoutExpired."""
    env = {key: value for key, value in os.environ.items()
           if not key.startswith("PYTHON") or key == "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", *options, "-c",
         prelude + textwrap.dedent(program)],
        env=env | environ, capture_output=True, text=True, timeout=timeout, check=False,
    )


class ChildTestCase(unittest.TestCase):
    """Tests that run programs and look at how they end."""

    maxDiff = None

    def check(self, program, *lines, status=0, stderr="", options=(), **keywords):
        """The program prints these lines, nothing else on stderr than asked for, and ends so."""
        done = run(program, *options, **keywords)
        said = f"status {done.returncode}\n{done.stdout}{done.stderr}"
        self.assertEqual(done.returncode, status, said)
        self.assertEqual(done.stdout.splitlines(), list(lines), said)
        if stderr:
            self.assertIn(stderr, done.stderr)
        else:
            self.assertEqual(done.stderr, "", said)
        return done
