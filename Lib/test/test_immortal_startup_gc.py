"""Automatic collections wait for the start-up call, but not for ever."""

import sys
import unittest
from test.support import os_helper, requires_subprocess
from test.support.script_helper import assert_python_ok, make_script
from test.test_embed import EmbeddingTestsMixin

# How many collections were there so far?
COLLECTIONS = 'sum(stats["collections"] for stats in gc.get_stats())'

# So often a start-up collects that is not held back, at least; and how many
# containers the youngest generation has then.
OLD = sys.version_info < (3, 12)
FEWEST = 5 if OLD else 2
YOUNGEST = 700 if OLD else 2000
MANY = 3000 if OLD else 9000        # some times as many
FEW = 1000 if OLD else 2500         # not twice as many

CYCLE = """\
class Cycle:
    alive = most = total = 0
    def __init__(self):
        self.me = self
        Cycle.total += 1
        Cycle.alive += 1
        Cycle.most = max(Cycle.most, Cycle.alive)
    def __del__(self):
        Cycle.alive -= 1
"""


@requires_subprocess()
class StartUpTests(unittest.TestCase):

    def setUp(self):
        self.site = self.enterContext(os_helper.temp_dir())
        env = self.enterContext(os_helper.EnvironmentVarGuard())
        env.unset('PYTHONIMMORTALHEAP')

    def run_code(self, code, *args, site='', **env):
        make_script(self.site, 'sitecustomize', site)
        rc, out, err = assert_python_ok(*args, '-c', code,
                                        PYTHONPATH=self.site, **env)
        return out.decode().split()

    def test_none_before_the_first_line(self):
        code = f'import gc; print({COLLECTIONS}, *gc.get_count()[1:])'
        self.assertEqual(self.run_code(code), ['0', '0', '0'])
        self.assertEqual(self.run_code(code, '-S'), ['0', '0', '0'])

    def test_as_ever_if_the_heap_stays_mortal(self):
        code = f'import gc; print({COLLECTIONS}, gc.get_count()[0])'
        for args, env in ((('-X', 'immortal_heap=off'), {}),
                          ((), {'PYTHONIMMORTALHEAP': '0'})):
            collections, count = self.run_code(code, *args, **env)
            self.assertGreaterEqual(int(collections), FEWEST)
            self.assertIn(int(count), range(YOUNGEST + 1))

    def test_as_ever_afterwards(self):
        code = (CYCLE + 'import gc\n'
                f'print(gc.get_threshold() == ({YOUNGEST}, 10, 10),'
                f'      gc.isenabled(), gc.get_count()[0] in range({YOUNGEST}))\n'
                'for i in range(10_000): Cycle()\n'
                f'print(Cycle.most < {FEW})')
        self.assertEqual(self.run_code(code), ['True'] * 4)

    def test_start_up_code_that_goes_on_and_on(self):
        # Garbage is collected before it gets out of hand.
        site = (CYCLE + 'for i in range(60_000): Cycle()\n'
                'import sys; sys.most = Cycle.most')
        [most] = self.run_code('import sys; print(sys.most)', site=site)
        self.assertLess(int(most), 20_000)

    def test_start_up_code_that_knows_the_collector(self):
        # It sees what it would see at any other time.
        site = (CYCLE + 'import gc, sys\n'
                f'sys.seen = [gc.get_count()[0] in range({YOUNGEST}),'
                '            gc.isenabled(), gc.get_threshold()]\n'
                'phases = []\n'
                'gc.callbacks.append(lambda phase, info:'
                '                    phases.append(phase))\n'
                f'for i in range({MANY}): Cycle()\n'
                f'sys.seen += [Cycle.most < {FEW}, "start" in phases]\n'
                'gc.callbacks.clear()\n')
        self.assertEqual(
            self.run_code('import sys; print(sys.seen)', site=site),
            str([True, True, (YOUNGEST, 10, 10), True, True]).split())

    def test_an_explicit_collection_counts(self):
        site = (CYCLE + 'Cycle()\nimport gc, sys\n'
                'sys.before = Cycle.alive\n'
                'gc.collect()\n'
                'sys.after = Cycle.alive\n')
        self.assertEqual(
            self.run_code('import sys; print(sys.before, sys.after)',
                          site=site), ['1', '0'])

    def test_disabled_is_disabled(self):
        site = (CYCLE + 'import gc, sys\ngc.disable()\n'
                'for i in range(3000): Cycle()\n'
                'sys.alive = Cycle.alive\n')
        self.assertEqual(
            self.run_code('import gc, sys; print(sys.alive, gc.isenabled())',
                          site=site), ['3000', 'False'])


class EmbeddingTests(EmbeddingTestsMixin, unittest.TestCase):

    def test_py_initialize_collects(self):
        # Nobody promised that the start-up call would come.
        code = f'import gc; print("seen", {COLLECTIONS} >= {FEWEST})'
        out, err = self.run_embedded_interpreter('test_repeated_init_exec',
                                                 code)
        seen = {line for line in out.splitlines() if 'seen' in line}
        self.assertEqual(seen, {'seen True'})

    def test_py_run_main_again_and_again(self):
        out, err = self.run_embedded_interpreter('test_run_main_loop')
        self.assertEqual(len(out.splitlines()), 5)
        self.assertEqual(err, '')


if __name__ == '__main__':
    unittest.main()
