"""A finalizer that is stuck in C at exit, in a wait that nobody can end."""

import os
import tempfile
import time
import unittest
from test import support
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

# The child has not got the thread.
CHILD = STUCK.replace('first, stuck', """import warnings
    warnings.simplefilter("ignore")     # of a fork while there are threads
    if pid := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    first, stuck""")

# A connection's finalizer would wait with the GIL, and all others for it.
WORKS = """
    import os, sqlite3, sys, threading, time, warnings
    db = sqlite3.connect(":memory:", check_same_thread=False)
    ready = threading.Event()
    def sleep():
        ready.set()
        time.sleep(1000)
    db.create_function("f", 0, sleep)
    class Other:
        def __del__(self):
            import colorsys
            os.write(1, b"other " if colorsys.hls_to_rgb else b"not whole ")
    first = Other()
    def work(select="select f()"):
        {work}
    threading.Thread(target=work, daemon=True).start()
    ready.wait()
    {fork}
    last = Other()
    # here
    print("end", flush=True)
"""
FORK = """warnings.simplefilter("ignore")
    if pid := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
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

    @support.requires_fork()
    def test_child(self):
        self.check(CHILD)

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


class WorksTests(unittest.TestCase):
    """What C code of another thread works with is left alone."""

    def check(self, work, fork=''):
        for mode in ('default', 'off', 'call'):
            with self.subTest(work=work, mode=mode):
                ended = run(WORKS.format(work=work, fork=fork), mode)
                self.assertEqual((ended.status, sorted(ended.out.split())),
                                 (0, ['end', 'other', 'other']), ended)
                self.assertEqual(ended.err, '')

    WAYS = ('db.execute(select)',
            'cursor = db.cursor(); cursor.execute(select)',
            'method = db.execute; method(select)',
            'for row in db.execute(select): pass')

    def test_stopped(self):
        for work in self.WAYS:
            self.check(work)

    @support.requires_fork()
    def test_gone(self):
        for work in self.WAYS:
            self.check(work, FORK)


if __name__ == '__main__':
    unittest.main()
