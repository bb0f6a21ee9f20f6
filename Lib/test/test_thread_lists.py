"""sys._current_frames() and a collection that comes while it runs.

It holds the lock of the list of threads: a finalizer that asks for the same
would wait for ever.
"""

import subprocess
import sys
import unittest
from test import support

PROGRAM = '''if 1:
    import gc, sys, threading
    class D:
        def __del__(self):
            sys.{name}()
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(40)]
    for t in threads:
        t.start()
    gc.set_threshold(1, 1, 1)
    for _ in range(300):
        d = D()
        d.d = d
        del d
        sys.{name}()
    assert gc.isenabled()
    gc.disable()
    sys.{name}()
    assert not gc.isenabled()
    stop.set()
    '''


class ThreadListTests(unittest.TestCase):
    @support.cpython_only
    def test_collection_in_between(self):
        for name in '_current_frames', '_current_exceptions':
            with self.subTest(name):
                subprocess.run([sys.executable, '-c',
                                PROGRAM.format(name=name)],
                               check=True, timeout=support.SHORT_TIMEOUT)


if __name__ == '__main__':
    unittest.main()
