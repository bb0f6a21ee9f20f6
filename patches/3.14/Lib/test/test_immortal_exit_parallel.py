"""Shutdown: interpreters with a GIL of their own end at the same time.

What one finalization knows is of no concern to another.
"""

import importlib.util
import sys
import unittest
from test.immortal_exit_support import Case, ExitTestCase

# An interpreter that is alive at the end is warned of.
WARNING = '(.*RuntimeWarning: remaining subinterpreters.*)?'

# Each thread has an interpreter, which runs CODE, and is closed when all are.
CLOSED_AT_ONCE = """
    import threading
    from concurrent import interpreters
    CODES = {codes}
    together = threading.Barrier(len(CODES))
    def work(code):
        interpreter = interpreters.create()
        interpreter.exec(code)
        together.wait()
        interpreter.close()
    for repeated in range({times}):
        threads = [threading.Thread(target=work, args=(code,))
                   for code in CODES]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    # here
    """

# Whatever has a finalizer, and garbage for a collection in the middle.
MANY_KINDS = """if True:
    import collections, json, os, weakref
    class Node:
        def __init__(self, *held): self.held = held
        def __del__(self):
            assert json.loads('[42]') == [42] and os and Node
            os.write(1, b'd')
    class Plain: pass
    def suspended():
        try: yield
        finally: os.write(1, b'f')
    first = Node()
    second = Node(first); second.cycle = second
    members = {Node() for i in range(6)}
    generator = suspended(); next(generator)
    garbage = Plain(); garbage.cycle = garbage
    reference = weakref.ref(garbage, lambda r: os.write(1, b'c')); del garbage
    lost = Node(); lost.cycle = lost; del lost
    junk = [[[], {}, set()] for i in range(2000)]
    written = open(os.dup(1), 'w'); written.write('w')
    """

# Its sys.modules grows while others look for modules that they share with it.
IMPORTS = """if True:
    import os, sys, types
    class Grows:
        def __del__(self):
            for i in range(3000):
                sys.modules[f'grown{i}'] = types.ModuleType(f'grown{i}')
            os.write(1, b'g')
    grows = Grows()
    """


def at_once(name, codes, out, times=1, **kwargs):
    """A Case: each of codes runs in an interpreter of its own."""
    return Case(name, CLOSED_AT_ONCE.format(codes=repr(codes), times=times),
                ''.join(sorted(out)), any_order=True, **kwargs)


# The first is in the middle of what only sys holds, whose exceptions are not
# reported; what the other reports is.
QUIET = """
    import os, threading
    from concurrent import interpreters
    r1, w1 = os.pipe(); r2, w2 = os.pipe()
    first, other = interpreters.create(), interpreters.create()
    first.exec(f'''if True:
        import os, sys
        class Held:
            def __del__(self):
                os.write({w1}, b'x')
                os.read({r2}, 1)
                os.write(1, b'first ')
                1 / 0
        sys.held = Held()
        ''')
    other.exec(f'''if True:
        import os
        class Last:
            def __del__(self): os.write({w2}, b'x')
        class Held:
            def __del__(self):
                os.read({r1}, 1)
                os.write(1, b'other ')
                [][1]
        _1 = Held()
        _2 = Last()
        ''')
    threads = [threading.Thread(target=i.close) for i in (first, other)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    # here
    print('end')
    """

# A daemon thread of a subinterpreter is stopped, with a lock.
STOPPED = """
    import _interpreters, os
    one = _interpreters.create('legacy')
    _interpreters.run_string(one, '''if True:
        import os, threading, time
        lock = threading.Lock()
        def work():
            with lock:
                ready.set()
                time.sleep(1000)
        ready = threading.Event()
        threading.Thread(target=work, daemon=True).start()
        ready.wait()
        class Waits:
            def __del__(self):
                os.write(1, b'del ')
                {wait}
        waits = Waits()
        ''')
    # here
    {end}
    os.write(1, b'end')
    """


def stopped(name, wait, out='del end', end='_interpreters.destroy(one)'):
    """A Case: a finalizer of a subinterpreter waits for its stopped thread."""
    return Case(name, STOPPED.format(wait=wait, end=end), out,
                err=WARNING)


class ParallelTests(ExitTestCase):
    """Interpreters that end in several threads."""

    workers = 2
    cases = (
        at_once('many_kinds', [MANY_KINDS] * 6, 'dddddddddfcw' * 18, 3),
        at_once('modules', [MANY_KINDS, IMPORTS] * 3,
                ('dddddddddfcw' + 'g') * 9, 3),
        Case('quiet', QUIET, 'other first end', err='.*IndexError.*'),
    )


# A thread that C code has started comes when all others were stopped.
LATE = """
    import ctypes, os, time
    c = ctypes.CDLL(None)
    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
    def run(arg):
        os.write(1, b'thread ')
    class Starts:
        def __del__(self):
            t = ctypes.c_ulong()
            c.pthread_create(ctypes.byref(t), None, run, None)
            time.sleep(.2)
            os.write(1, b'del')
    starts = Starts()
    # here
    os.write(1, b'end ')
    """


@unittest.skipUnless(sys.platform == 'linux' and
                     importlib.util.find_spec('_ctypes'),
                     'pthread_create() is needed')
class LateTests(ExitTestCase):
    """Threads that have no state yet when the others are stopped."""

    cases = (Case('of_c', LATE, 'end del'),)


class StoppedTests(ExitTestCase):
    """Threads that Py_EndInterpreter() stops."""

    cases = (
        stopped('lock', 'lock.acquire()'),
        stopped('lock_of_one_alive', 'lock.acquire()', 'enddel', 'pass'),
        stopped('join', '[t.join() for t in threading.enumerate() if t.daemon]'),
        stopped('event', 'threading.Event().wait()'),
        stopped('tries_again', 'while not lock.acquire(timeout=1): pass'),
        # Main goes on as ever.
        stopped('main_waits', 'lock.acquire()', end='import threading\n'
                '    _interpreters.destroy(one)\n'
                '    e = threading.Event()\n'
                '    t = threading.Thread(target=e.set); t.start()\n'
                '    e.wait(); t.join()'),
    )


if __name__ == '__main__':
    unittest.main()
