"""Shutdown: a finalizer that a daemon thread is running is not run again, and
what such a thread's collection holds is not lost."""

import unittest
from test.immortal_exit_support import Case, ExitTestCase

# A thread begins what {begin} says, and is stopped in the middle.
PROGRAM = """
    import gc, io, os, threading, time, weakref
    started = threading.Event()
    def slow(what):
        os.write(1, what)
        started.set()
        time.sleep(1000)
    {make}
    def work():
        {begin}
    threading.Thread(target=work, daemon=True).start()
    started.wait()
    time.sleep(.05)
    # here
    os.write(1, b'end ')
    """


def once(name, make, begin, out='del end', **kwargs):
    """A Case: the thread does begin with what make has made."""
    make, begin = (text.replace('\n', '\n' + ' ' * n)
                   for text, n in ((make, 4), (begin, 8)))
    return Case(name, PROGRAM.format(make=make, begin=begin), out, **kwargs)


DEL = 'class A:\n    def __del__(self): slow(b"del ")'
GENERATOR = ('def generator():\n'
             '    try: yield\n'
             '    finally: slow(b"del ")\n')


class RunningTests(ExitTestCase):
    """Finalizers that are running in a daemon thread."""

    cases = (
        once('del_', DEL, 'A()'),
        once('del_by_del', DEL + '\na = A()', 'global a; del a'),
        once('del_of_attribute', DEL + '\nclass B: pass\nb = B(); b.a = A()',
             'del b.a'),
        once('del_from_dict', DEL + '\nd = {1: A()}', 'd.clear()'),
        once('del_from_list', DEL + '\nl = [A()]', 'l.pop()'),
        once('del_of_replaced', DEL + '\na = A()', 'global a; a = None'),
        once('del_while_self_is_held',
             'held = []\n'
             'class A:\n'
             '    def __del__(self):\n'
             '        held.append(self)\n'
             '        slow(b"del ")', 'A()'),
        once('del_of_slots',
             'class A:\n'
             '    __slots__ = ()\n'
             '    def __del__(self): slow(b"del ")', 'A()'),
        once('del_of_int', 'class A(int):\n'
             '    def __del__(self): slow(b"del ")', 'A()'),
        once('del_of_untracked_int',
             'class A(int):\n'
             '    __slots__ = ()\n'
             '    def __del__(self): slow(b"del ")', 'A()'),
        once('del_of_list', 'class A(list):\n'
             '    def __del__(self): slow(b"del ")', 'A([1])'),
        once('cycle', DEL + '\na = A(); a.me = a; del a', 'gc.collect()'),
        once('generator', GENERATOR + 'g = generator(); next(g)',
             'global g; del g'),
        once('tp_finalize',
             'class Raw(io.RawIOBase):\n'
             '    def writable(self): return True\n'
             '    def write(self, data): slow(b"del "); return len(data)\n'
             '    def close(self):\n'
             '        super().close(); slow(b"del ")', 'Raw()'),
        once('weakref_finalize',
             'class A: pass\na = A()\nweakref.finalize(a, slow, b"del ")',
             'global a; del a'),
        once('two_threads', DEL + '\nthreading.Thread(target=A, daemon=True)'
             '.start()\nstarted.wait(); started.clear()', 'A()',
             'del del end'),
    )


# Of the classes, two have another's C code below them. A thread is in C code
# while it has an object in its hands; the others are idle.
IN_C = """
import _testcapi
class A(_testcapi.HeapGcCType):
    def __del__(self): os.write(1, b'%c' % self.name)
class B(threading.local):
    def __del__(self): os.write(1, b'%c' % self.name)
class C:
    def __del__(self): os.write(1, b'%c' % self.name)
def named(kind, name):
    new = kind()
    new.name = ord(name)
    return new
idle = [named(A, '1'), named(B, '2'), named(C, '3')]
def sleep():
    started.set()
    time.sleep(1000)
"""


def in_c(name, has, out, begin='(has, time.sleep(1000))'):
    """A Case: the evaluation stack has something when the C code is called."""
    return once(name, IN_C + f'has = {has}', 'started.set()\n' + begin,
                f'end {out}', needs=('_testcapi',), any_order=True)


class InCTests(ExitTestCase):
    """What C code of other people's is at work with stays as it is."""

    cases = (
        in_c('other', 'named(A, "4")', '123'),
        in_c('list', '[(named(A, "4"), 1)]', '123'),
        in_c('dictionary', '{1: named(A, "4")}', '123'),
        # C code of the standard library can take it.
        in_c('stdlib', 'named(B, "4")', '1234'),
        in_c('python', 'named(C, "4")', '1234'),
        # Wherever in the code that is.
        in_c('in_a_loop', 'named(A, "4")', '123',
             'for i in range(3):\n'
             '    while has:\n'
             '        with threading.Lock(): (i, has, time.sleep(1000))'),
        in_c('in_a_handler', 'named(A, "4")', '123',
             'for i in 1, 2:\n'
             '    try: has.name.none\n'
             '    except AttributeError as e: [e, {i: has}, time.sleep(1000)]'),
        in_c('in_a_generator', 'named(A, "4")', '123',
             'def generator(has):\n'
             '    yield from generator(has) if not has else [1]\n'
             '    yield (has, time.sleep(1000))\n'
             'list(generator(has))'),
        # Not while it is code of the user's that was called.
        once('called', IN_C + 'has = named(A, "4")', '(has, sleep())',
             'end 1234', needs=('_testcapi',), any_order=True),
    )


# In a collection: of A, B and C the first that is finalized or called back is
# slow; the others have their turn at exit.
COLLECTED = """
    names = iter(b'123456789')
    def step(*args):
        if not started.is_set():
            slow(b'%c' % next(names))
        else:
            os.write(1, b'%c' % next(names))
    class Plain: pass
    class Node:
        def __del__(self): step()
    class Later:
        def __del__(self): os.write(1, b'later')
    gc.disable()
    refs = []
    """.replace('\n    ', '\n').strip()


def collected(name, make, out):
    """A Case: make makes garbage that a thread collects."""
    return once(name, COLLECTED + '\n' + make, 'gc.collect()', out)


class CollectionTests(ExitTestCase):
    """A thread is stopped in the middle of a collection."""

    cases = (
        collected('finalizers',
                  'for _ in range(3):\n    n = Node(); n.me = n\ndel n',
                  '1end 23'),
        collected('finalizers_in_one_cycle',
                  'ns = [Node() for _ in range(4)]\n'
                  'for n in ns: n.all = ns\ndel n, ns', '1end 234'),
        collected('what_is_held_otherwise',
                  'later = Later()\n'
                  'n = Node(); n.me = n; m = Node(); m.me = m; del n, m',
                  '1end later2'),
        collected('callbacks',
                  'for _ in range(3):\n'
                  '    n = Plain(); n.me = n\n'
                  '    refs.append(weakref.ref(n, step))\n'
                  'del n', '1end 23'),
        collected('callbacks_of_one',
                  'n = Plain(); n.me = n\n'
                  'for _ in range(3): refs.append(weakref.ref(n, step))\n'
                  'del n', '1end 23'),
        collected('callbacks_and_finalizers',
                  'for _ in range(2):\n'
                  '    n = Node(); n.me = n\n'
                  '    refs.append(weakref.ref(n, step))\n'
                  'del n', '1end 234'),
        collected('generators',
                  'def generator():\n'
                  '    try: yield\n'
                  '    finally: step()\n'
                  'for _ in range(3):\n'
                  '    g = generator(); next(g); l = [g]; l.append(l)\n'
                  'del g, l', '1end 23'),
        collected('a_later_collection_runs',
                  'n = Node(); n.me = n; del n\n'
                  'class Last:\n'
                  '    def __del__(self):\n'
                  '        n = Plain(); n.me = n\n'
                  '        r = weakref.ref(n, step); del n\n'
                  '        gc.collect()\n'
                  'last = Last()', '1end 2'),
        collected('automatic',
                  'for _ in range(2):\n    n = Node(); n.me = n\ndel n\n'
                  'old = gc.collect\n'
                  'def collect():\n'
                  '    gc.enable(); gc.set_threshold(1, 1, 1)\n'
                  '    [[] for _ in range(1000)]\n'
                  'gc.collect = collect', '1end 2'),
    )


if __name__ == '__main__':
    unittest.main()
