"""Shutdown: threads that were started, and have not begun to run, when it stops all others."""

import os
import textwrap
import unittest
from test.support import threading_helper
from test.support.script_helper import run_python_until_end

threading_helper.requires_working_threading(module=True)

# On one processor, most threads begin when the main thread first waits: here, in a finalizer.
SCRIPT = textwrap.dedent('''
    import _thread, os, time
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    class Late:
        def __del__(self, sleep=time.sleep):
            sleep(.2)
            print('end')

    late = Late()
    HOLD
    for _ in range(30):
        _thread.start_new_thread(int, ())
''')


@unittest.skipUnless(hasattr(os, 'sched_setaffinity'), 'needs os.sched_setaffinity()')
class LateThreadTests(unittest.TestCase):
    """The process ends, with the output of what is finalized meanwhile."""

    def check(self, hold, *options):
        # Memory is filled when it is freed: with what, is not left to chance.
        script = SCRIPT.replace('HOLD', hold)
        for _ in range(5):
            result, _ = run_python_until_end(*options, '-c', script, PYTHONMALLOC='debug')
            self.assertEqual(
                (result.rc, result.out.split()), (0, [b'end']), result.err.decode())

    def test_in_namespace(self):
        self.check('')

    def test_in_cycle(self):
        self.check('late.me = late')

    def test_heap_off(self):
        self.check('late.me = late', '-X', 'immortal_heap=off')

    def test_call(self):
        self.check('import gc; gc.immortalize_heap()')


if __name__ == '__main__':
    unittest.main()
