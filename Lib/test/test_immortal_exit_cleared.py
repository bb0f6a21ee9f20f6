"""Shutdown: nothing is cleared that need not be.

A namespace that something unseen holds, be it a thread that was stopped or C
code with a suspended frame, stays as it is; so does what says that it is not
to be collected. All of this is so on an unpatched interpreter. And what the
program took out of builtins is back before the first finalizer.
"""

import importlib.util
import unittest
from test.immortal_exit_support import Case, ExitTestCase

# A Busy is like a suspended greenlet: the collector does not see what it
# holds. It writes a byte if it is deallocated. A PlainWriter is written to
# tell what a namespace has in it when it is let go of.
PROGRAM = """
    import os, sys, threading, time, types, _testimmortal as t
    value = 'whole'
    def look():
        os.write(1, f'{{value}} '.encode())
    # here
    {make}
    os.write(1, b'end ')
    """


def kept(name, make, out='end', **kwargs):
    """A Case of what make has made."""
    make = make.replace('\n', '\n    ')
    return Case(name, PROGRAM.format(make=make), out, **kwargs)


class BusyTests(ExitTestCase):
    """What is not to be collected is not deallocated."""

    cases = (
        kept('namespace', 'b = t.Busy(1, b"b", globals())'),
        kept('function', 'b = t.Busy(1, b"b", look)'),
        kept('frame', 'b = t.Busy(1, b"b", sys._getframe())'),
        kept('in_list', 'b = [t.Busy(1, b"b", globals())]'),
        kept('in_instance', 'class A: pass\n'
             'a = A(); a.b = t.Busy(1, b"b", globals())'),
        kept('in_class', 'class A: b = t.Busy(1, b"b", globals())'),
        kept('in_closure', 'def f(b):\n'
             '    def g(): return b\n'
             '    return g\n'
             'f = f(t.Busy(1, b"b", globals()))'),
        kept('in_module', 'm = types.ModuleType("m")\n'
             'm.b = t.Busy(1, b"b", m.__dict__); sys.modules["m"] = m'),
        kept('in_another_busy',
             'b = t.Busy(1, b"b", t.Busy(1, b"c", globals()))'),
        kept('in_dict', 'd = {"b": t.Busy(1, b"b", globals())}'),
        kept('in_method', 'class A:\n'
             '    def f(self): pass\n'
             'a = A(); a.b = t.Busy(1, b"b", globals()); f = a.f'),
        kept('of_a_class', 'class A:\n'
             '    def f(self): pass\n'
             'b = t.Busy(1, b"b", A)'),
        kept('two_of_one', 'a = t.Busy(1, b"a", globals())\n'
             'b = t.Busy(1, b"b", globals())'),
        # Nothing unseen holds these.
        kept('garbage_is_not_kept', 'b = t.Busy(1, b"b"); l = [b]\n'
             'l.append(l); del b, l', 'end b'),
        kept('others_are_not_kept', 'b = t.Busy(1, b"b")', 'end b',
             modes=('default', 'off')),
    )


class NamespaceTests(ExitTestCase):
    """Namespaces that are held are not wiped."""

    cases = (
        # An immortal namespace: what a deallocator does has to be done.
        kept('of_a_stopped_thread',
             'w = t.PlainWriter(1, b"w")\n'
             'def work():\n'
             '    time.sleep(1000); look()\n'
             'threading.Thread(target=work, daemon=True).start()\n'
             'time.sleep(.1)', modes=('default', 'off')),
        kept('seen_by_repr',
             'class Look:\n'
             '    def __repr__(self): return str(globals().get("value"))\n'
             'w = t.PlainWriter(1, b" ", Look())\n'
             'b = t.Busy(1, b"b", globals())\n'
             'os.w = w; del w, Look', 'end  whole'),
        kept('module_seen_by_repr',
             'm = types.ModuleType("m"); sys.modules["m"] = m\n'
             'exec("""class Look:\n'
             '    def __repr__(self): return str(globals().get("value"))\n'
             'value = 5""", m.__dict__)\n'
             'm.b = t.Busy(1, b"b", m.__dict__)\n'
             'os.w = t.PlainWriter(1, b" ", m.Look()); del m', 'end  5'),
    )


GREENLET = """
    import greenlet, gc, os, sys
    value = 'whole'
    # here
    main = greenlet.getcurrent()
    def work():
        {work}
    {make}
    os.write(1, b'end ')
    """


def suspended(name, work, make='g = greenlet.greenlet(work); g.switch()',
              out='end', **kwargs):
    """A Case of a greenlet that is suspended in work."""
    return Case(name, GREENLET.format(
        work=work.replace('\n', '\n' + ' ' * 8),
        make=make.replace('\n', '\n    ')), out, **kwargs)


@unittest.skipUnless(importlib.util.find_spec('greenlet'),
                     'greenlet is not installed')
class GreenletTests(ExitTestCase):
    """Greenlets that are suspended at exit."""

    cases = (
        suspended('except_', 'try: 1 / 0\n'
                  'except ZeroDivisionError: main.switch()'),
        suspended('finally_', 'try: 1 / 0\n'
                  'except ZeroDivisionError:\n'
                  '    try: main.switch()\n'
                  '    finally: assert value == "whole"'),
        suspended('nested', 'try:\n'
                  '    try: 1 / 0\n'
                  '    except ZeroDivisionError: int("x")\n'
                  'except ValueError: main.switch()'),
        suspended('many', 'try: 1 / 0\n'
                  'except ZeroDivisionError: main.switch()',
                  'gs = [greenlet.greenlet(work) for _ in range(9)]\n'
                  'for g in gs: g.switch()'),
        suspended('in_a_class', 'try: 1 / 0\n'
                  'except ZeroDivisionError: main.switch()',
                  'class A: g = greenlet.greenlet(work)\n'
                  'A.g.switch()'),
        suspended('two_levels', 'def inner():\n'
                  '    try: 1 / 0\n'
                  '    except ZeroDivisionError: main.switch()\n'
                  'inner()'),
    )


def changed(name, change, look, out, **kwargs):
    """A Case of what look is for a finalizer, after a change to builtins."""
    change = change.replace('\n', '\n    ')
    return Case(name, f"""
    import builtins, os
    class D:
        def __del__(self):
            os.write(1, f'{{{look}}} '.encode())
    d = D()
    # here
    {change}
    """, out, **kwargs)


class BuiltinsTests(ExitTestCase):
    """Names of builtins are the interpreter's for finalizers."""

    cases = (
        changed('deleted', 'del builtins.len', 'len("abc")', '3'),
        changed('replaced', 'builtins.len = lambda s: -1', 'len("abc")', '3'),
        changed('none', 'builtins.len = None', 'len("abc")', '3'),
        changed('all', 'vars(builtins).clear()', 'len("abc")', '3'),
        changed('import', 'builtins.__import__ = None',
                '__import__("os").sep', '/'),
        # An unpatched interpreter has dropped what was added.
        changed('added', 'builtins.mine = 4', 'mine', '4'),
        changed('as_it_was', 'pass', 'builtins.__spec__.name, builtins.open',
                "('builtins', <built-in function open>)"),
        changed('with_a_finalizer', 'class Length:\n'
                '    def __call__(self, s): return -1\n'
                '    def __del__(self): os.write(1, b"gone ")\n'
                'builtins.len = Length()', 'len("abc")', '3 gone',
                any_order=True),
    )


# What {hold} makes an immortal object hold is cut off from it, and code that
# runs once modules are cleared still has that object.
LATE = """
    import collections, functools, os, sys, types, weakref, _testimmortal as t
    {setup}
    # here
    w = t.PlainWriter(1, b'w')
    {hold}
    del w
    def hook(event, args, use=lambda: {use}):
        if event == 'cpython.PyInterpreterState_Clear':
            use()
    sys.addaudithook(hook)
    """


def late(name, setup, hold, use):
    """A Case: a hook evaluates use; all else is as in LATE."""
    return Case(name, LATE.format(
        setup=setup.replace('\n', '\n    '), hold=hold, use=use), 'w',
        modes=('default', 'call'))


class LateTests(ExitTestCase):
    """What was cleared, and can be reached, does no harm."""

    cases = (
        late('lru_cache', '@functools.lru_cache\n'
             'def f(): return globals()["w"]', 'f()', 'f()'),
        late('lru_cache_by_a_weak_reference', '@functools.lru_cache\n'
             'def f(): return globals()["w"]\n'
             'r = weakref.ref(f)', 'f()', 'r()()'),
        late('deque', 'd = collections.deque()', 'd.append(w)', 'd.append(1)'),
        late('deque_of_a_class', 'class D(collections.deque): pass\n'
             'd = D(); r = weakref.ref(d)', 'd.append(w)', '(r(), d.pop())'),
        late('function', 'def f(): return len', 'f.__doc__ = w', 'f()'),
        late('cell', 'def outer():\n'
             '    x = None\n'
             '    def put(*args):\n'
             '        nonlocal x\n'
             '        if args: x, = args\n'
             '        return x\n'
             '    return put\n'
             'put = outer()', 'put(w)', 'put()'),
        late('default_factory', 'd = collections.defaultdict()',
             'd.default_factory = w', 'd[5]'),
        late('mortal_method', 'l = []',
             'l.append(types.MethodType(print, w))', 'l[0]()'),
        late('mortal_property', 'l = []', 'l.append(property(len, None, w))',
             'l[0].getter(len)'),
    )


# A destructor in C may call Python.
USES = """
    import array, contextvars, ctypes, itertools, os, sys
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
    def late(function):
        call = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(function)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(call))
        return new(1, None, ctypes.cast(call, ctypes.c_void_p))
    w = array.array('i', [1])
    # here
    """


def uses(name, make, use):
    """A Case: make binds x, and os has what w is to be let go of from."""
    make = make.replace('\n', '\n    ')
    return Case(name, USES + f"""
    {make}
    def user(_, x=x, write=os.write):
        {use}
        write(1, b'ok')
    del w
    sys.late = late(user)
    """, 'ok', needs=('ctypes',))


class StillUsedTests(ExitTestCase):
    """Code of modules finds whole what is to be cleared for what it holds."""

    cases = (
        uses('tee', 'x, os.x = itertools.tee([w] * 3); next(x)', 'next(x)'),
        uses('context', 'x = contextvars.ContextVar("x")\n'
             'contextvars.ContextVar("y").set(w)\n'
             'os.x = contextvars.copy_context()', 'x.get(None)'),
        uses('property', 'def get(self): return len("x")\n'
             'class C: p = property(get)\n'
             'x = os.x = C()\n'
             'for _ in range(50): x.p\n'
             'get.__doc__ = w', 'x.p'),
        # Their iterators are in a tuple of their own.
        uses('map', 'x = os.x = map(id, itertools.repeat(w))',
             'next(x, None)'),
        uses('zip', 'x = os.x = zip(itertools.repeat(w), [1])',
             'next(x, None)'),
        uses('zip_longest', 'x = os.x = itertools.zip_longest(\n'
             '    [1, 2], itertools.repeat(w))', 'next(x, None)'),
        uses('product', 'x = os.x = itertools.product([w], [1, 2])',
             'next(x, None)'),
    )


def in_place(name, modules, out='D', err='', more='pass'):
    """A Case of what sys.modules is bound to at exit."""
    more = more.replace('\n', '\n    ')
    modules = modules.replace('\n', '\n    ')
    return Case(name, f"""
    import os, sys
    class D:
        def __del__(self): os.write(1, b'D')
    class Mapping:
        def __getitem__(self, name): raise KeyError(name)
        def items(self): raise error
    d = D()
    {more}
    # here
    {modules}
    """, out, err=err)


class ModulesTests(ExitTestCase):
    """What sys.modules is bound to may be anything."""

    ENDLESS = ('kept = []\n'
               'class E:\n'
               '    def __del__(self): kept.append(E())\n'
               'kept.append(E())')
    # What it makes in the end is not finalized before all is cleared.
    cases = (
        in_place('list', 'sys.modules = []'),
        in_place('string', 'sys.modules = "os"'),
        in_place('number', 'sys.modules = 5'),
        in_place('none', 'sys.modules = None'),
        in_place('pairs_of_nothing', 'error = None\n'
                 'Mapping.items = lambda self: [1, (2,), (3, 4, 5)]\n'
                 'sys.modules = Mapping()'),
        in_place('raises', 'error = OSError\nsys.modules = Mapping()'),
        in_place('exits', 'error = SystemExit(3)\nsys.modules = Mapping()'),
        in_place('without_end', 'sys.modules = []', more=ENDLESS,
                 err='(Exception ignored .*)?'),
        # As if there were none.
        in_place('no_memory', 'error = MemoryError\nsys.modules = Mapping()',
                 err='(Python: no memory left .*)?', more=ENDLESS),
    )


if __name__ == '__main__':
    unittest.main()
