"""Shutdown: what only works in its deallocator, and became immortal while open.

Immortal objects are not deallocated. Those of _testimmortal that write a byte
in their deallocator are, at exit, by the process that called
gc.immortalize_heap(); but none that C code holds.
"""

import subprocess
import sys
import textwrap
import unittest
from test import support
from test.immortal_exit_support import (TIMEOUT, Case, ExitTestCase,
                                        environment, run)
from test.support import import_helper
from test.test_immortal_exit_release import (HOLDERS, STARTUP, WRITERS,
                                             cases, indented)

OPEN = WRITERS + """
    {setup}
    for n in range(3):
        w = make(n)
        {hold}
    del w
    # here
    """


class OpenTests(ExitTestCase):
    """Open when the heap becomes immortal, whoever holds them."""

    cases = cases(HOLDERS, OPEN)


class StartupTests(ExitTestCase):
    """Held by what the interpreter made for itself."""

    cases = cases(STARTUP, OPEN)


def recycled(program):
    """Make a program use types whose memory does not come back."""
    return program.replace(
        'kinds = t.Writer, t.PlainWriter, t.writer_capsule',
        'kinds = t.PooledWriter, t.LinkedWriter, t.MallocedWriter')


class RecycledTests(ExitTestCase):
    """Deallocated once, and nobody looks at what was there, whoever holds it."""

    cases = cases(HOLDERS, recycled(OPEN))


class RecycledStartupTests(ExitTestCase):
    cases = cases(STARTUP, recycled(OPEN))


def case(name, program, out, **kwargs):
    return Case(name, WRITERS + indented(program, 4), out, **kwargs)


class CountingTests(ExitTestCase):
    """Each reference is found once, wherever it is."""

    cases = (
        case('several', 'w = make(1); held = [w, w, {1: w}]\n'
             'def f(): return w\n'
             '# here', 'p'),
        case('slots_and_members',
             'class A: __slots__ = "w", "x"\n'
             'class B(A): __slots__ = "y"\n'
             'b = B(); b.w = b.x = b.y = make(1)\n'
             'x = t.Writer(1, b"a", b.w)\n'
             '# here', 'ap'),
        case('frame',
             'def outer():\n'
             '    w = make(1)\n'
             '    inner(w)\n'
             '    globals()["held"] = w\n'
             'def inner(x):\n'
             '    # here\n'
             '    pass\n'
             'outer()', 'p'),
        case('generator',
             'def gen():\n'
             '    w = make(1)\n'
             '    yield\n'
             '    yield w\n'
             'g = gen(); next(g)\n'
             '# here\n'
             'held = next(g)', 'p'),
        case('running_generator',
             'def inner():\n'
             '    w = make(1)\n'
             '    # here\n'
             '    yield w\n'
             'def outer():\n'
             '    v = make(0)\n'
             '    yield v\n'
             '    yield from inner()\n'
             'held = list(outer())', 'gp', any_order=True),
        case('coroutine',
             'import asyncio\n'
             'async def inner():\n'
             '    w = make(1)\n'
             '    # here\n'
             '    await asyncio.sleep(0)\n'
             '    return w\n'
             'async def outer():\n'
             '    global held\n'
             '    v = make(0)\n'
             '    w = await inner()\n'
             '    held = v, w\n'
             'asyncio.run(outer())', 'gp', any_order=True),
        case('garbage',
             'import gc\n'
             'gc.disable()\n'
             'w = make(1); x = [w]; x.append(x)\n'
             'del x\n'
             '# here', 'p'),
        case('second_call',
             'w = make(0)\n'
             '# here\n'
             'v = make(1)\n'
             '# here', 'gp', any_order=True),
        # What only gc.freeze() has, nobody deallocates.
        case('frozen', 'import gc; w = make(0); v = make(1); gc.freeze()\n'
             '# here', 'gp', any_order=True, modes=('call',)),
        case('subclass',
             'class W(t.Writer):\n'
             '    def __del__(self): os.write(1, b"d")\n'
             'w = W(1, b"g"); w.self = w\n'
             '# here', 'dg', modes=('default', 'call')),
        # Ended first; what is kept in mind is the main one's.
        case('subinterpreter',
             'import sys, warnings\n'
             'try: import _interpreters as s\n'
             'except ImportError: import _xxsubinterpreters as s\n'
             'warnings.simplefilter("ignore")    # of one that is alive\n'
             'w = make(0)\n'
             'i = s.create()\n'
             '# here', 'g'),
        case('memory_of_its_own', 'w = t.FreeingWriter(1, b"f")\n'
             'l = [w]\n'
             '# here', 'f'),
        case('closed', 'w = make(0)\n'
             '# here\n'
             'del w', 'g'),
    )


# A frame holds what uses the writer; it cannot be cut off from that.
USER = """
    w = make(0)
    l = []
    # here
    def use():
        user = t.ReadingWriter(1, b"r", w)
        raise ValueError
    """
CONTEXT = '__import__("contextvars").ContextVar("v").set({})'


def user(name, hold, out='rgg', **kwargs):
    return Case(name, WRITERS + USER + indented(
        'try: use()\n'
        f'except ValueError as e: {hold}', 4), out, **kwargs)


class UsedTests(ExitTestCase):
    """What came later needs it to the end, and shows that to nobody."""

    cases = (
        user('main', 'l.append(e)'),
        user('sys', 'sys.held = e'),
        user('class', 'sys.held = type("A", (), {"e": e})'),
        user('cycle', 'e.self = sys.held = e'),
        user('library', 'import enum; enum.held = e'),
        # What a generator has that goes on cannot be cut off from it. It goes
        # when sys is cleared, and only then the writer does.
        Case('generator', WRITERS + USER + """
    def gen():
        user = t.ReadingWriter(1, b"r", w)
        while True:
            try: yield
            except GeneratorExit: pass
    sys.held = gen(); next(sys.held)
    """, 'rgg'),
        # It outlives all modules, but not the thread that holds it.
        user('context', CONTEXT.format('e')),
        # It outlives all, and so does what it needs.
        user('leak', 'import ctypes as c; c.pythonapi.Py_IncRef('
             'c.py_object(e))', out='', needs=('ctypes',)),
    )

    def test_of_another_library(self):
        # What is alive to the end has nothing to do with the writer.
        ended = run(WRITERS + USER + indented(
            'import array\n' + CONTEXT.format('array.array("d")'), 4), 'call')
        self.assertEqual(ended, (0, 'g', ''))


class RecycledLaterTests(ExitTestCase):
    """The same, held by what came after the call as well."""

    cases = tuple(
        Case(name, recycled(WRITERS) + indented(
            f'import functools\n'
            f'all = [make(n) for n in range(3)]\n'
            f'# here\n'
            f'for w in all: {hold}\n'
            f'del w', 4), 'gpc', any_order=True)
        for name, hold in (
            ('list', 'sys.__dict__.setdefault("w", []).append(w)'),
            ('dict', 'sys.__dict__.setdefault("w", {})[w] = w'),
            ('tuple', 'sys.w = (w, getattr(sys, "w", None))'),
            ('set', 'sys.__dict__.setdefault("w", set()).add(w)'),
            ('partial', 'sys.w = functools.partial(print, w, '
                        'getattr(sys, "w", None))'),
            ('class', 'setattr(os, f"w{len(vars(os))}", '
                      'type("A", (), {"w": w}))'),
            ('instance', 'a = type("A", (), {})(); a.w = w; '
                         'setattr(sys, f"w{len(vars(sys))}", a)'),
            ('module', 'setattr(sys, f"w{len(vars(sys))}", w)'),
        ))

    def test_nobody_finds_it(self):
        # What is deallocated later looks at all containers.
        ended = run(recycled(WRITERS) + indented(
            'all = [make(n) for n in range(3)]\n'
            'held = [list(all), tuple(all), dict.fromkeys(all),\n'
            '        dict(enumerate(all)), set(all), frozenset(all)]\n'
            'last = t.Writer(1, b"l", [])\n'
            '# here\n'
            'last.held.append(t.PlainWriter(1, b"=", held))', 4), 'call')
        self.assertEqual((ended.status, ended.err), (0, ''))
        self.assertEqual(
            ended.out.partition('=')[2].replace('None: None, ', ''),
            '[[None, None, None], (None, None, None), {None: None}, '
            '{0: None, 1: None, 2: None}, {None, None, None}, '
            'frozenset({None, None, None})]')

    def test_of_the_library(self):
        # Its memory is asyncio's to use again.
        for mode in 'default', 'call':
            with self.subTest(mode=mode):
                ended = run("""
                    import asyncio
                    loop = asyncio.new_event_loop()
                    held = [iter(loop.create_future()) for _ in range(3)]
                    # here
                    loop.close()
                    """, mode)
                self.assertEqual(ended, (0, '', ''))


class OrderTests(ExitTestCase):
    """What refers to an object is deallocated before it."""

    cases = (
        case('chain', 'w = t.Writer(1, b"c")\n'
             'for byte in b"b", b"a": w = t.Writer(1, byte, w)\n'
             '# here', 'abc'),
        case('through_containers', 'w = t.Writer(1, b"c")\n'
             'for byte in b"b", b"a": w = t.Writer(1, byte, [{1: (w,)}])\n'
             '# here', 'abc'),
        case('mortal_after', 'w = t.Writer(1, b"a", [])\n'
             '# here\n'
             'w.held.append(t.Writer(1, b"b"))', 'ab',
             modes=('default', 'call')),
    )


CALLS = """
    import gc, os, sys, _testimmortal as t
    f = t.recorded_function(1, b'o')
    # here
    def hook(event, args, f=f):
        if event == 'cpython.PyInterpreterState_Clear':
            f()
    sys.addaudithook(hook)
    """


class DefinitionTests(ExitTestCase):
    """What a function of C has its definition from is there as long."""

    cases = (
        Case('mortal', CALLS, 'fo', modes=('default', 'off')),
        Case('immortal', CALLS, 'f', modes=('call',)),
        # This one's is its type's.
        case('method', 'w = make(0)\n'
             'method = w.__sizeof__\n'
             '# here', 'g'),
    )


class LeftTests(ExitTestCase):
    """What is not the heap's, or not this process's, is left alone."""

    cases = (
        # As a library's static variable would.
        case('held_by_c',
             'import ctypes\n'
             'w = make(0); v = make(1)\n'
             'ctypes.pythonapi.Py_IncRef(ctypes.py_object(w))\n'
             '# here', 'p', needs=('ctypes',)),
        # A type of which there are so many is one of values.
        case('values',
             'w = make(0)\n'
             'many = [t.PlainWriter(1, b"x") for _ in range(10_001)]\n'
             '# here', 'g', modes=('call',)),
        case('type', 'class W(t.Writer): pass\n'
             'w = W(1, b"g")\n'
             '# here\n'
             'os.write(1, b"end ")', 'end g'),
    )


@support.requires_fork()
class ForkTests(ExitTestCase):
    """A worker leaves to its parent what is the parent's."""

    cases = (
        case('worker', 'w = make(1)\n'
             '# here\n'
             'pid = os.fork()\n'
             'if not pid:\n'
             '    v = make(0)\n'
             '    sys.exit()\n'
             'os.waitpid(pid, 0)\n'
             'os.write(1, b" ")', 'g p', modes=('call',)),
        # The call is the worker's own: so is what it finds.
        case('call_in_worker', 'pid = os.fork()\n'
             'if not pid:\n'
             '    v = make(0)\n'
             '    # here\n'
             '    sys.exit()\n'
             'os.waitpid(pid, 0)', 'g'),
        case('call_in_both', 'w = make(1)\n'
             '# here\n'
             'pid = os.fork()\n'
             'if not pid:\n'
             '    v = make(0)\n'
             '    # here\n'
             '    sys.exit()\n'
             'os.waitpid(pid, 0)\n'
             'os.write(1, b" ")', 'g p', modes=('call',)),
    )


class NamespaceTests(unittest.TestCase):
    """What a type has for a namespace is not deallocated: the type is there."""

    def test_ctypes(self):
        # malloc() gives memory back at once; nothing may be read there.
        import_helper.import_module('ctypes')
        program = textwrap.dedent("""
            import ctypes, gc
            class S(ctypes.Structure):
                _fields_ = [(f'f{i}', ctypes.c_int) for i in range(30)]
            kept = S, S(1), S.f1
            gc.immortalize_heap()
            """)
        subprocess.run([sys.executable, '-c', program], check=True, env={
            **environment(), 'PYTHONMALLOC': 'malloc',
            'MALLOC_PERTURB_': '165'}, timeout=TIMEOUT)


class SqliteTests(ExitTestCase):
    """A connection that is open when the heap becomes immortal."""

    cases = (
        Case('log_is_folded_up', """
            import os, sqlite3, subprocess, sys, tempfile
            program = '''if 1:
                import gc, sqlite3
                db = sqlite3.connect('r.db')
                db.execute('pragma journal_mode=wal')
                db.execute('create table t(x)')
                db.commit()
                gc.immortalize_heap()
                '''
            # here
            with tempfile.TemporaryDirectory() as where:
                subprocess.run([sys.executable, '-c', program], cwd=where,
                               check=True)
                print(os.listdir(where))
            """, "['r.db']", modes=('default',), needs=('sqlite3',)),
    )


if __name__ == '__main__':
    unittest.main()
