"""Shutdown: code of the user's that runs while objects are released.

Audit hooks run after modules were cleared, destructors of capsules at any
time: even when threads and the interpreter let go of what is theirs. Hashes
and comparisons of keys do not run at all.
"""

import unittest
from test.immortal_exit_support import Case, ExitTestCase

KEYS = """
    import os, sys, _testimmortal as t
    class Key:
        def __hash__(self, write=os.write):
            if ended: write(1, b'hash ')
            return 1
        def __eq__(self, other, write=os.write):
            if ended: write(1, b'eq ')
            return self is other
    class W(Key, t.Writer): pass
    ended = []
    x = sys.x = {make}
    # here
    for byte in b'w', b'w', b'w':
        {add}
    ended.append(1)
    """


def keys(name, make, add):
    """A Case: add puts a W, or a Key with one, into what make makes."""
    return Case(name, KEYS.format(make=make, add=add), 'www',
                modes=('default', 'call'))


class KeysTests(ExitTestCase):
    """No code of the user's is called to let go of something."""

    cases = (
        keys('keys', '{}', 'x[W(1, byte)] = 1'),
        keys('values', '{}', 'x[Key()] = t.Writer(1, byte)'),
        keys('strings', '{}', 'x[str(len(x))] = t.Writer(1, byte)'),
        keys('set', 'set()', 'x.add(W(1, byte))'),
        keys('frozenset', '[]', 'x.append(frozenset([W(1, byte)]))'),
        keys('attributes', 'type("C", (), {})()',
             'vars(x)[Key()] = t.Writer(1, byte)'),
    )


# What a destructor does that is written in Python.
DESTRUCTOR = """
    import ctypes, gc, os, sys, tracemalloc, types
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
    {before}
    def user(_, write=os.write, bytes=bytes, range=range,
             start=tracemalloc.start, stop=tracemalloc.stop):
        {does}
        write(1, b'ok')
    # It does not hold this module, which holds the capsules.
    user = types.FunctionType(user.__code__, {{}}, 'user', user.__defaults__)
    call = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(user)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(call))
    capsules = [new(1, None, ctypes.cast(call, ctypes.c_void_p))
                for _ in range(2)]
    # here
    """


def destructor(name, does, before='pass'):
    """A Case: two destructors do something."""
    return Case(name, DESTRUCTOR.format(does=does, before=before), 'okok',
                modes=('call',), needs=('ctypes',))


class DestructorTests(ExitTestCase):
    """The memory of an object stays, and no other."""

    cases = (
        destructor('memory', 'for _ in range(1000): bytes(1_000_000)',
                   'import resource\n'
                   '    limit = 900_000_000\n'
                   '    resource.setrlimit(resource.RLIMIT_AS, (limit,) * 2)'),
        destructor('tracemalloc_starts', 'start()'),
        destructor('tracemalloc_stops', 'stop()', 'tracemalloc.start()'),
        destructor('tracemalloc_starts_again', 'stop(); start(); stop()',
                   'tracemalloc.start()'),
    )


HOOK = """
    import gc, os, sys, _testimmortal as t
    {make}
    # here
    {add}
    def hook(event, args, x=x, write=os.write):
        if event == 'cpython.PyInterpreterState_Clear':
            {use}
    sys.addaudithook(hook)
    del x
    """


def hook(name, make, use, out, add='pass', **kwargs):
    """A Case: a hook uses x."""
    return Case(name, HOOK.format(make=make, add=add, use=use), out, **kwargs)


class HookTests(ExitTestCase):
    """What an audit hook can reach is deallocated once there is none."""

    cases = (
        hook('immortal', 'x = t.PlainWriter(1, b"w", [])', 'write(1, b"h ")',
             'h w[]'),
        hook('mortal', 'sys.y = []',
             'write(1, b"h" if x[0].held == 5 else b"-")', 'hw',
             'x = sys.y; x.append(t.Writer(1, b"w", 5))'),
        hook('mmap', 'import mmap; x = mmap.mmap(-1, 4096)',
             'x[0] = 1; write(1, b"h")', 'h', needs=('mmap',)),
        hook('global', 'x = 1; y = t.Writer(1, b"w", 5)',
             'write(1, b"h" if y.held == 5 else b"-")', 'hw'),
        # The others do not wait.
        hook('other', 'x = []; os.y = []', 'write(1, b"h")', 'wh',
             'os.y.append(t.Writer(1, b"w"))', modes=('default', 'call')),
        hook('tee', 'import array, itertools; sys.y = []',
             'x.__next__(); write(1, b"h")', 'h',
             'y, x = itertools.tee([array.array("i", [1])] * 9); next(y)\n'
             '    sys.y.append(x)', needs=('array',)),
    )


LAST = """
    import array, contextvars, ctypes, gc, itertools, os, sys, types
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
    var = contextvars.ContextVar('var')
    others = []
    def function(code, *args):
        return types.FunctionType(code.__code__, {{}}, '', args)
    # here
    y, x = itertools.tee([array.array('i', [1])] * 9)
    next(y)
    others.append(x)
    def user(_, x, write):
        write(1, b'ok' if x.__next__()[0] == 1 else b'-')
    user = function(user, x, os.write)
    call = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(user)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(call))
    held = [x, new(1, None, ctypes.cast(call, ctypes.c_void_p))]
    hook = function(lambda frame, event, arg, held: None, held)
    {hold}
    del held, hook, x, y, user
    """


def last(name, hold):
    """A Case: a destructor uses x, once hold has let go of both."""
    return Case(name, LAST.format(hold=hold), 'ok', modes=('default', 'call'),
                needs=('array', 'ctypes'))


class LastTests(ExitTestCase):
    """What a thread, or the interpreter, holds to the end is whole then."""

    cases = (
        last('context', 'var.set(held)'),
        last('async_generators', 'sys.set_asyncgen_hooks(hook)'),
        last('fork', 'os.register_at_fork(before=hook)'),
        last('profile', 'sys.setprofile(hook)'),
        last('trace', 'sys.settrace(hook)'),
        last('codecs', 'import codecs; codecs.register(hook)'),
        last('monitoring', 'm = getattr(sys, "monitoring", None)\n'
             '    if m: m.use_tool_id(3, "t"); m.register_callback(\n'
             '        3, m.events.LINE, hook)'),
    )


class TracerTests(ExitTestCase):
    """What was immortal, and a tracer holds, is deallocated with that."""

    cases = (
        Case('profile', """
            import sys, _testimmortal as t
            x = t.Writer(1, b'w')
            # here
            sys.setprofile(lambda *args, x=x: None)
            """, 'w'),
    )


WHOLE = """
    import array, collections, ctypes, gc, os, sys, types, _testimmortal as t
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
    class W(t.Writer):
        def __hash__(self): return 8
    others = []
    {make}
    # here
    {add}
    def user(_, x, write, a, b, c):
        write(1, b'%r ' % (({use}),))
    user = types.FunctionType(user.__code__, {{}}, '', (x, os.write, 1, 2, 3))
    call = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(user)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(call))
    others.append(new(1, None, ctypes.cast(call, ctypes.c_void_p)))
    del user, x
    """


def whole(name, make, add, use, out):
    """A Case: a destructor uses x, from which a W was cut off."""
    return Case(name, WHOLE.format(make=make, add=add, use=use), out,
                modes=('call',), needs=('ctypes', '_testcapi'))


class WholeTests(ExitTestCase):
    """What something was cut off from is whole, but for that."""

    cases = (
        # An entry whose key went is used again, and nothing leads to it twice.
        whole('dict', 'x = {1001: 1, 1002: 2}', 'x[W(1, b"w")] = 1',
              '[x.get(8), x.popitem(), x.update({1003: 1, 1004: 2}),'
              ' x.pop(1004), x.get(0), x]',
              'w[None, (1002, 2), None, 2, None, {1001: 1, 1003: 1}]'),
        whole('many', 'x = {n: n for n in range(500)}',
              'x[W(1, b"w")] = 1; x[501] = 501',
              'len(x), sum(n == x.get(n) for n in range(502)), x.pop(8)',
              'w(501, 501, 8)'),
        whole('set', 'x = {1, 2, 3}', 'x.add(W(1, b"w"))',
              'x, 8 in x, len(x)', 'w({1, 2, 3}, False, 3)'),
        whole('frozenset', 'x = []',
              'x.append(frozenset([1, W(1, b"w"), 2, 3]))',
              'sorted(x[0]), x[0] == {1, 2, 3}', 'w([1, 2, 3], True)'),
        # It keeps its keys in a list of its own as well.
        whole('ordered', 'x = collections.OrderedDict(a=1)',
              'x["b"] = 3; x[W(1, b"w")] = 2',
              'len(x), len(list(x.items()))', '(3, 3) w'),
        whole('default', 'x = collections.defaultdict(int, a=1)',
              'x["b"] = 3; x["c"] = W(1, b"w")',
              'len(x), x["c"], x["d"]', 'w(3, None, 0)'),
        # Classes are not cut off, whatever deallocates them.
        whole('class', 'x = [0]',
              'class S(ctypes.Structure): pass\n'
              '    x[0] = S; x.append(S.__mro__); x.append(S.__bases__)\n'
              '    others.append(W(1, b"w"))',
              'x[0].__name__, [c.__name__ for c in x[1]], len(x[2])',
              "w('S', ['S', 'Structure', '_CData', 'object'], 1)"),
        # Who remembers what a dictionary holds is told.
        whole('noticed', 'import _testcapi as c; x = [{}]',
              'd = x[0]; d["a"] = W(1, b"w"); d["b"] = 1\n'
              '    if hasattr(c, "dict_get_version"):\n'
              '        changed = c.dict_get_version\n'
              '    else:\n'
              '        c.watch_dict(c.add_dict_watcher(0), d)\n'
              '        changed = (lambda d, e=c.get_dict_watcher_events:\n'
              '                   e().__len__())\n'
              '    x += changed, changed(d); del d',
              'x[0], x[1](x[0]) != x[2]', "w({'a': None, 'b': 1}, True)"),
    )


if __name__ == '__main__':
    unittest.main()
