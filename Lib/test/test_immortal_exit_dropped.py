"""Shutdown: a finalizer drops an object whose own turn has not come.

The object is gone then, as ever: its socket is closed, its file written, its
lock released. A program that counts on that waits for ever if it is not.

What was there when gc.immortalize_heap() was called goes when the finalizer
has waited for some seconds.
"""

import sys
import unittest
from test.immortal_exit_support import Case, ExitTestCase


def case(name, setup, use, out, needs=(), modes=('default', 'off'), **kwargs):
    """A Case: a finalizer uses s, which setup has filled."""
    return Case(name, f"""
        import gc, os, queue, socket, sys, tempfile, threading, time, weakref
        class Closer:
            def __init__(self, function): self.function = function
            def __del__(self): self.function()
        class Holder:
            def __del__(s, write=os.write):
                {use}
        s = Holder()
        {setup}
        # here
        """, out, modes=modes, needs=needs, **kwargs)


PAIR = 's.a, s.b = socket.socketpair()'
FILE = ('s.name = tempfile.mkstemp()[1]; s.f = open(s.name, "w")\n'
        '        s.f.write("data")')
# What waits without a timeout.
ENDLESS = (
    ('socket', PAIR, 's.a = None; print(s.b.recv(10))', "b''"),
    ('socket_and_poll', PAIR + '; import select',
     's.a = None; print(len(select.select([s.b], [], [])[0]))', '1'),
    ('connection', 'import multiprocessing as m; s.a, s.b = m.Pipe()',
     's.a = None\n'
     '                try: s.b.recv()\n'
     '                except EOFError: print("eof")', 'eof',
     ('_multiprocessing',)),
    ('pipe', 's.r, w = os.pipe(); s.w = open(w, "wb")',
     's.w = None; print(os.read(s.r, 10))', "b''"),
    ('generator', PAIR + '\n'
     '        def g(a):\n'
     '            try: yield\n'
     '            finally: a.close()\n'
     '        s.g = g(s.a); del s.a; next(s.g)',
     's.g = None; print(s.b.recv(10))', "b''"),
)


class DroppedTests(ExitTestCase):

    cases = (
        *(case(*each) for each in ENDLESS),
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
        case('its_own', 'class S:\n'
             '            def __del__(s): print("gone")\n'
             '        s.c = S()', 's.c = None; print("end")', 'gone\nend'),
        case('reference', 's.c = Closer(lambda: None); s.r = weakref.ref(s.c)',
             's.c = None; print(s.r())', 'None'),
        # Who drops a weak reference is not called back by it.
        case('reference_and_its_object', 's.c = Closer(lambda: None)\n'
             '        s.r = weakref.ref(s.c, lambda r: print("called"))',
             's.r = None; s.c = None; print("end")', 'end'),
        case('reference_alone', 'c = b = Closer(lambda: None)\n'
             '        s.r = weakref.ref(c, lambda r: print("called"))',
             's.r = None; print("end")', 'end'),
        case('reference_of_another', 'c = b = Closer(lambda: None)\n'
             '        s.r = [weakref.ref(c, lambda r: s.r.clear())\n'
             '               for _ in range(9)]', 'print("end")', 'end'),
        case('cycle', 's.c = Closer(lambda: print("gone")); s.c.self = s.c',
             's.c = None; gc.collect(); print("end")', 'gone\nend'),
        case('list', 's.c = [Closer(lambda i=i: print(i)) for i in range(3)]',
             's.c.pop(1); s.c.clear(); print("end")', '1\n2\n0\nend'),
        case('module', 'import types; m = types.ModuleType("m")\n'
             '        s.b, m.a = socket.socketpair(); sys.modules["m"] = m\n'
             '        del m',
             'del sys.modules["m"]; print(s.b.recv(10))', "b''"),
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
        # So is it each time, and nobody knows what is still there.
        case('tracemalloc_each', 'import tracemalloc; tracemalloc.start()\n'
             '        def f(): tracemalloc.stop(); tracemalloc.start()\n'
             '        def g(): f(); os.write(1, b".")\n'
             '        all = [Closer(g) for i in range(30)]',
             'write(1, b"end")', 'end' + 30 * '.', any_order=True,
             needs=('_tracemalloc',)),
        # Its type keeps the memory, to use it again (since 3.14).
        case('asynchronous', 'import warnings\n'
             '        warnings.simplefilter("ignore")\n'
             '        async def g(): yield\n'
             '        g = g(); s.c = [g.asend(None) for _ in range(3)]',
             's.c = None; print("end")', 'end'),
        # Code of the user's runs before the first finalizer: a file is asked
        # whether it is a pipe; and weak references to garbage call back.
        case('asked_for_descriptor',
             'import io\n'
             '        class F(io.RawIOBase):\n'
             '            def fileno(self): s.c.clear(); return 999\n'
             '        s.c = []; a = F(), F()\n'
             '        s.c += [F() for _ in range(999)]; b = F(), F()',
             'print("end")', 'end'),
        Case('called_back', """
            import os, weakref
            class C:
                def __del__(self): self.x = 1
            kept = []
            c = C(); c.me = c
            ref = weakref.ref(c, lambda r, kept=kept: kept.clear())
            # here
            kept += [C() for _ in range(999)]
            kept += [open(os.devnull) for _ in range(99)]
            del c
            print('end')
            """),
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


# What holds each Closer to the end: none is dropped.
HELD = """
    import contextvars, functools, os, select, socket, sys, threading, time
    class Closer:
        def __init__(self, name): self.name = name
        def __del__(self, write=os.write): write(1, self.name.encode())
    class Holder:
        def __del__(self):
            local = self.__dict__.pop('local')
            self.a = None
            data = self.b.recv(1)
            os.write(1, b'waited ')
    def run(it, closer, started):
        started.set()
        time.sleep(1000)
    def suspended(closer):
        yield closer
    started = threading.Event()
    threading.Thread(target=run, args=(0, Closer('t'), started),
                     daemon=True).start()
    started.wait()
    contextvars.ContextVar('c').set(Closer('c'))
    sys.setprofile(functools.partial(lambda *args: None, Closer('p')))
    generator = suspended(Closer('g'))
    next(generator)
    cell = (lambda closer: lambda: closer)(Closer('f'))
    zipped = zip([Closer('z')], [1])
    os.closer = Closer('o')
    class_ = type('Class', (), {'closer': Closer('k')})
    _holder = Holder()
    _holder.a, _holder.b = socket.socketpair()
    _holder.local = Closer('l')
    # here
    """


@unittest.skipUnless(sys.platform == 'linux', 'nobody watches a finalizer')
class WaitsTests(ExitTestCase):
    """What was dropped is immortal, and the finalizer waits for it."""

    cases = (
        *(case(*each, modes=('call',)) for each in ENDLESS),
        case('sleeps', PAIR + '; import select',
             's.a = None\n'
             '                while not select.select([s.b], [], [], 0)[0]:\n'
             '                    time.sleep(.1)\n'
             '                print(s.b.recv(10))', "b''", modes=('call',)),
        case('dictionary', PAIR + '; d = {1: s.a}; del s.a',
             'd.clear(); print(s.b.recv(10))', "b''", modes=('call',)),
        case('all_of_it', 'class T: pass\n'
             '        t = T(); t.a, s.b = socket.socketpair(); t.t = t',
             'global t; t = None; print(s.b.recv(10))', "b''",
             modes=('call',)),
        Case('held', HELD, 'waited lgfzkopct', modes=('call',)),
    )
    workers = 8


if __name__ == '__main__':
    unittest.main()
