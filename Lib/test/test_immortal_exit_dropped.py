"""Shutdown: a finalizer drops an object whose own turn has not come.

The object is gone then, as ever: its socket is closed, its file written, its
lock released. A program that counts on that waits for ever if it is not.
"""

import unittest
from test.immortal_exit_support import Case, ExitTestCase


def case(name, setup, use, out, **kwargs):
    """A Case: a finalizer uses s, which setup has filled."""
    return Case(name, f"""
        import gc, os, queue, socket, sys, tempfile, threading, weakref
        class Closer:
            def __init__(self, function): self.function = function
            def __del__(self): self.function()
        class Holder:
            def __del__(s, write=os.write):
                {use}
        s = Holder()
        {setup}
        """, out, modes=('default', 'off'), **kwargs)


PAIR = 's.a, s.b = socket.socketpair()'
FILE = ('s.name = tempfile.mkstemp()[1]; s.f = open(s.name, "w")\n'
        '        s.f.write("data")')


class DroppedTests(ExitTestCase):

    cases = (
        case('socket', PAIR, 's.a = None; print(s.b.recv(10))', "b''"),
        case('socket_and_poll', PAIR + '; import select',
             's.a = None; print(len(select.select([s.b], [], [])[0]))', '1'),
        case('connection', 'import multiprocessing as m; s.a, s.b = m.Pipe()',
             's.a = None\n'
             '                try: s.b.recv()\n'
             '                except EOFError: print("eof")', 'eof',
             needs=('_multiprocessing',)),
        case('pipe', 's.r, w = os.pipe(); s.w = open(w, "wb")',
             's.w = None; print(os.read(s.r, 10))', "b''"),
        case('file', FILE, 's.f = None; print(os.path.getsize(s.name)); '
             'os.unlink(s.name)', '4'),
        case('file_is_another', FILE,
             's.f = open(os.devnull); print(os.path.getsize(s.name)); '
             'os.unlink(s.name)', '4'),
        case('lock', 's.lock = threading.Lock(); s.lock.acquire()\n'
             '        s.c = Closer(s.lock.release)',
             's.c = None; print(s.lock.acquire(timeout=1))', 'True'),
        case('queue', 's.q = queue.Queue(); s.c = Closer(\n'
             '            lambda q=s.q: q.put("end"))',
             's.c = None; print(s.q.get())', 'end'),
        case('event', 's.e = threading.Event(); s.c = Closer(s.e.set)',
             's.c = None; print(s.e.wait(1))', 'True'),
        case('generator', PAIR + '\n'
             '        def g(a):\n'
             '            try: yield\n'
             '            finally: a.close()\n'
             '        s.g = g(s.a); del s.a; next(s.g)',
             's.g = None; print(s.b.recv(10))', "b''"),
        case('its_own', 'class S:\n'
             '            def __del__(s): print("gone")\n'
             '        s.c = S()', 's.c = None; print("end")', 'gone\nend'),
        case('reference', 's.c = Closer(lambda: None); s.r = weakref.ref(s.c)',
             's.c = None; print(s.r())', 'None'),
        case('cycle', 's.c = Closer(lambda: print("gone")); s.c.self = s.c',
             's.c = None; gc.collect(); print("end")', 'gone\nend'),
        case('list', 's.c = [Closer(lambda i=i: print(i)) for i in range(3)]',
             's.c.pop(1); s.c.clear(); print("end")', '1\n2\n0\nend'),
        # What is dropped comes back.
        case('resurrected', 'kept = []\n'
             '        class R:\n'
             '            def __del__(s): kept.append(s)\n'
             '        s.c = R()', 's.c = None; print(len(kept))', '1'),
        # In the middle of a finalizer, the allocator is another one.
        case('tracemalloc', 'import tracemalloc; tracemalloc.start()\n'
             '        s.c = [Closer(lambda i=i: print(i)) for i in range(3)]',
             'tracemalloc.stop(); s.c = None; print("end")', '2\n1\n0\nend',
             needs=('_tracemalloc',)),
        case('tracemalloc_starts', 'import tracemalloc\n'
             '        s.c = [Closer(lambda i=i: print(i)) for i in range(3)]',
             'tracemalloc.start(); s.c = None; print("end"); '
             'tracemalloc.stop()', '2\n1\n0\nend', needs=('_tracemalloc',)),
        # Each is finalized once, and so is what takes its place in memory.
        Case('many', """
            import itertools, os
            numbers = itertools.count()
            done = set()
            busy = []
            class C:
                def __init__(self): self.i = next(numbers)
                def __del__(self):
                    if self.i in done: os.write(1, b'again ')
                    done.add(self.i)
                    if not busy:
                        busy.append(1)
                        del all[-3:]
                        if self.i < 6000: all[:0] = C(), C()
                        busy.clear()
                    if len(done) == 5000: os.write(1, b'all')
            all = [C() for _ in range(3000)]
            """, 'all', modes=('default', 'off')),
    )


if __name__ == '__main__':
    unittest.main()
