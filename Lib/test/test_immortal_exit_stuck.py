"""A finalizer that is stuck in C at exit, in a wait that nobody can end."""

import os
import tempfile
import time
import unittest
from test.immortal_exit_support import run
from test.support import import_helper, os_helper

import_helper.import_module('sqlite3')

# The mutex of a database is held by a thread that was stopped in a function
# which the query had called.
STUCK = """
    import gc, os, sqlite3, sys, threading, time
    db = sqlite3.connect(":memory:", check_same_thread=False)
    ready = threading.Event()
    def sleep():
        ready.set()
        time.sleep(1000)
    db.create_function("f", 0, sleep)
    def say(text):
        os.write(1, text.encode() + b" ")
    class Stuck:
        def __del__(self):
            say("begins")
            db.execute("select 1")
            say("ends")
    class Other:
        def __del__(self):
            import colorsys
            say("other" if colorsys.hls_to_rgb and Stuck else "not whole")
    threading.Thread(target=lambda: db.execute("select f()"),
                     daemon=True).start()
    ready.wait()
    first, stuck, last = Other(), Stuck(), Other()
    # here
    print("end", flush=True)
"""


@unittest.skipUnless(os.path.exists(f'/proc/self/task/{os.getpid()}/syscall'),
                     'what a thread waits for is not to be known')
class StuckTests(unittest.TestCase):

    def check(self, program, status=0):
        for mode in ('default', 'off', 'call'):
            with self.subTest(mode=mode):
                start = time.monotonic()
                ended = run(program, mode)
                self.assertEqual(ended[0], status, ended)
                self.assertEqual(sorted(ended[1].split()),
                                 ['begins', 'end', 'other', 'other'])
                self.assertRegex(ended[2], r'\APython: a finalizer waits .*'
                                           r'left alone, the others go on\Z')
                self.assertGreater(time.monotonic() - start, 3)

    def test_others_run(self):
        self.check(STUCK)

    def test_status(self):
        self.check(STUCK + '    sys.exit(3)\n', 3)

    def test_files_are_written(self):
        path = os.path.join(tempfile.gettempdir(),
                            f'{os_helper.TESTFN_ASCII}-stuck')
        self.addCleanup(os_helper.unlink, path)
        self.check(STUCK + f'    file = open({path!r}, "w")\n'
                           '    file.write("x" * 1000)\n')
        self.assertEqual(os.stat(path).st_size, 1000)

    def test_nobody_to_wait_for(self):
        # A wait that ends is not given up, however long it takes.
        program = """
            import os, sqlite3, threading
            thread = threading.Thread(target=int)
            thread.start(); thread.join()
            class Slow:
                def __del__(self):
                    os.system("sleep 7")
                    os.write(1, b"slow ")
            slow = Slow()
            # here
            print("end", flush=True)
        """
        status, out, err = run(program)
        self.assertEqual((status, out.split(), err), (0, ['end', 'slow'], ''))


if __name__ == '__main__':
    unittest.main()
