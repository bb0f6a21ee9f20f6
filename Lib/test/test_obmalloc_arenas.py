"""A loop that frees what it allocates does not map an arena each turn.

pymalloc keeps one arena of which nothing is in use, so that a program that
needs it again and again does not ask the system for it each time.
"""

import re
import sys
import textwrap
import unittest

from test import support
from test.support.script_helper import assert_python_ok


@support.cpython_only
@unittest.skipUnless(support.with_pymalloc(), "needs pymalloc")
@unittest.skipUnless(sys.maxsize > 2**32, "counts on arenas of 1 MiB")
class ArenaTests(unittest.TestCase):
    # Each turn takes a little more than an arena, and frees it from the
    # beginning.  Below it lies more and more that stays: somewhere on the way
    # one of two arenas becomes empty while one pool of the other is in use.
    CODE = textwrap.dedent("""
        import sys

        def turn():
            things = [bytes(450) for _ in range(2240)]
            for i in range(len(things)):
                things[i] = None

        kept = []
        for _ in range(600):
            kept.append([bytes(450) for _ in range(5)])
            turn()
            sys._debugmallocstats()
            for _ in range(4):
                turn()
            sys._debugmallocstats()
    """)

    def find(self, pattern):
        numbers = re.findall(pattern, self.said)
        return [int(number.replace(",", "")) for number in numbers]

    def test_one_empty_arena_is_kept(self):
        # What else lies where depends on the seed.
        for seed in "123":
            with self.subTest(seed=seed):
                self.check(seed)

    def check(self, seed):
        done = assert_python_ok("-c", self.CODE, PYTHONMALLOC="pymalloc",
                                PYTHONHASHSEED=seed)
        self.said = done.err.decode()
        mapped = self.find(r"# arenas allocated total +=\s+([\d,]+)")
        unused = self.find(r"(\d+) unused pools \*")
        [arena] = set(self.find(r"(\d+) bytes/arena"))
        [pool] = set(self.find(r"unused pools \* (\d+) bytes"))
        self.assertEqual(len(mapped), 1200)
        self.assertEqual(len(unused), 1200)
        # An arena that begins within a pool's size has one pool less.
        whole = arena // pool - 1
        rows = list(zip(mapped[::2], mapped[1::2], unused[1::2]))
        for step, (before, after, free) in enumerate(rows):
            if free < whole:
                # None is empty, or could have been kept.
                self.assertEqual(after, before, (step, rows))
        # The test has come by what it tests.
        self.assertGreater(max(unused), whole)


if __name__ == "__main__":
    unittest.main()
