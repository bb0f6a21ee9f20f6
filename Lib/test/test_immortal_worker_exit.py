"""The normal exit of a forked worker leaves a heap shared that is immortal."""

import sys
import unittest
from test import support, test_embed
from test.support.script_helper import assert_python_ok

# Counts a worker's page faults: those of one that exits normally, less those
# of one that leaves at once.  The heap has about 90 bytes for each string and
# as much for its list and integer: 20,000 pages and more.
PROGRAM = """if 1:
    import gc, os, sys
    import argparse, decimal, email, http.client, json, logging, unittest
    heap = [[f'record {i}', i + 10 ** 6] for i in range(400_000)]
    for i in range(0, 400_000, 10):
        sys.intern(heap[i][0])
    for i in range(0, 400_000, 2):
        heap[i].append(object())
    gc.immortalize_heap()
    def faults(leave):
        pid = os.fork()
        if not pid:
            leave(0)
        return os.wait4(pid, 0)[2].ru_minflt
    if os.fork() == 0:
        left = faults(os._exit)
        pid = os.fork()
        if not pid:
            sys.exit()
        print(os.wait4(pid, 0)[2].ru_minflt - left, flush=True)
        os._exit(0)
    os.wait()
    """


@support.requires_fork()
@unittest.skipUnless(sys.platform.startswith('linux'), 'counts page faults')
class WorkerExitTests(unittest.TestCase):

    @support.skip_if_sanitizer('its own memory is written to', address=True)
    def test_heap_stays_shared(self):
        rc, out, err = assert_python_ok('-c', PROGRAM)
        # Measured: 215 (14,720 on an unpatched interpreter with gc.freeze()),
        # most of it for what the C library does when libraries are unloaded.
        self.assertLess(int(out), 500)


class NextInterpreterTests(test_embed.EmbeddingTestsMixin, unittest.TestCase):

    def test_after_an_immortal_heap(self):
        # What the end of a process leaves alone is taken down if another
        # interpreter follows.
        code = """if 1:
            import gc, json, os, sys, time
            try:
                import ssl
            except ImportError:
                pass
            class A(list): pass
            gc.immortalize_heap()
            class B(dict, object): pass
            assert A([1]) == [1] and B(a=1) == {'a': 1}
            assert type(sys.flags).__name__ == 'flags' and sys.flags.utf8_mode == 0
            assert time.gmtime(0).tm_year == 1970
            try:
                [].no_such_attribute
            except AttributeError as exc:
                assert 'no_such_attribute' in str(exc)
            print('fine')
            """
        out, err = self.run_embedded_interpreter('test_repeated_init_exec',
                                                 code)
        self.assertEqual(out.count('fine'), test_embed.INIT_LOOPS)


if __name__ == '__main__':
    unittest.main()
