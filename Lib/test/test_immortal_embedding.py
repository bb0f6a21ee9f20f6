"""An application that starts and ends an interpreter again and again.

Its memory must not grow, but by what it asked to be immortal.
"""

import os
import sys
import unittest
from test import embedding_rounds
from test.support import os_helper, requires_subprocess

ROUNDS = 24

#: KiB per round.  An arena comes in one round of some, 24 of 1,024 KiB at most;
#: an interpreter has 3,000 and more, in each.
FLAT = 100


@requires_subprocess()
class EmbeddingTests(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        home = cls.enterClassContext(os_helper.temp_dir())
        cls.program = os.path.join(home, 'rounds')
        try:
            embedding_rounds.build(sys.executable, cls.program)
        except embedding_rounds.CannotBuild as error:
            raise unittest.SkipTest(str(error)[:200])

    def rounds(self, way, option=None):
        """Run it; a finalizer lost in any round fails here."""
        return embedding_rounds.run(self.program, way, ROUNDS, option=option)

    def check_flat(self, memory):
        self.assertLess(memory.per_round, FLAT, memory.after)

    def test_nothing_immortal(self):
        self.check_flat(self.rounds('never'))

    def test_subinterpreters(self):
        self.check_flat(self.rounds('subinterpreters'))

    def test_heap_immortal_once(self):
        self.check_flat(self.rounds('first'))

    def test_heap_immortal_each_round(self):
        # What was immortal stays, and no more: an interpreter's memory is
        # more than that, since code, stacks and free memory are in it.
        memory = self.rounds('each')
        self.assertGreater(memory.per_round, FLAT)
        self.assertLess(memory.per_round, memory.alive, memory.after)

    def test_py_runmain(self):
        # The start-up call is made once in a process.
        self.check_flat(self.rounds('main'))

    def test_py_runmain_heap_off(self):
        self.check_flat(self.rounds('main', 'immortal_heap=off'))

    def test_threads(self):
        # A daemon thread keeps its stack, as on stock.
        memory = self.rounds('threads')
        self.assertLess(memory.per_round, 1024, memory.after)


if __name__ == '__main__':
    unittest.main()
