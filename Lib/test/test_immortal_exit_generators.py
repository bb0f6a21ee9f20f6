"""Shutdown: what is suspended in a generator that is immortal runs to its end."""

import unittest
from test.support import requires_subprocess
from test.support.script_helper import assert_python_ok


@requires_subprocess()
class ExitTests(unittest.TestCase):

    SCRIPT = """if 1:
        import gc, sys
        def generator(name):
            try:
                yield 1
            finally:
                print('finally', name)
        suspended = generator('suspended')
        next(suspended)
        frame = sys._getframe()
        gc.immortalize_heap()
        later = generator('later')
        next(later)
        print('end')
        """

    def test_finally_of_suspended_generators(self):
        rc, out, err = assert_python_ok('-c', self.SCRIPT)
        lines = out.decode().split('\n')
        self.assertEqual(lines[0].strip(), 'end')
        self.assertEqual(sorted(line.strip() for line in lines[1:] if line),
                         ['finally later', 'finally suspended'])
        self.assertEqual(err, b'')


if __name__ == '__main__':
    unittest.main()
