"""Shutdown: subinterpreters that are alive are ended first."""

import re
import textwrap
import unittest
from test import support
from test.immortal_exit_support import Case, ExitTestCase
from test.support import import_helper

# The module that makes them, and how to get one with the main one's GIL.
try:
    import _interpreters
    MODULE, SHARED = '_interpreters', "'legacy'"
except ImportError:
    MODULE, SHARED = '_xxsubinterpreters', ''
import_helper.import_module(MODULE)

# Those that have _interpreters warn of what is alive at the end.
WARNING = SHARED and '(.*RuntimeWarning: remaining subinterpreters.*)?'
CREATE = re.compile(r'\b(s_?)\.create\(\)')


def names(program, config=SHARED):
    """The program, with the module's name and configuration put in."""
    program = program.replace('_xxsubinterpreters', MODULE)
    return CREATE.sub(rf'\1.create({config})', program)

# What runs in a subinterpreter is in variables of the main one.
PROGRAM = """
    import _xxsubinterpreters as s, atexit, os, threading, time
    say = 'import os; say = lambda x: os.write(1, x.encode() + b" ")\\n'
    holds = say + '''if True:
        class Node:
            def __del__(self):
                import colorsys
                assert colorsys.hls_to_rgb and os and say and Node
                say('del')
        node = Node()
        '''
    {make}
    # here
    os.write(1, b'end ')
    """


def alive(name, make, out='end del', err=WARNING, **kwargs):
    """A Case: make creates subinterpreters, and lets them run code."""
    make = textwrap.indent(make, '    ').lstrip()
    return Case(name, names(PROGRAM.format(make=make)), out, err=err, **kwargs)


def runs(name, code, out, **kwargs):
    """A Case: a subinterpreter runs code, and is alive at exit."""
    code = textwrap.indent(code, '    ')
    return alive(name, f"one = s.create()\ns.run_string(one, say + "
                 f"'''if True:\n{code}\n''')", out, **kwargs)


class EndedTests(ExitTestCase):
    """Those which the main interpreter leaves alive."""

    cases = (
        alive('empty', 'one = s.create()', 'end'),
        alive('many', 'all = [s.create() for _ in range(9)]', 'end'),
        alive('id_immortal', 'import gc\n'
              'one = s.create()\n'
              'getattr(gc, "immortalize_heap", gc.collect)()', 'end'),
        alive('id_in_cycle', 'one = [s.create()]; one.append(one)', 'end'),
        alive('id_as_key', 'd = {s.create(): 1}', 'end'),
        alive('id_in_class', 'class A: one = s.create()', 'end'),
        alive('id_in_default', 'def f(one=s.create()): pass', 'end'),
        alive('id_in_module', 'os.one = s.create()', 'end'),
        alive('id_in_sys', 'import sys; sys.one = s.create()', 'end'),
        alive('del_', 'one = s.create(); s.run_string(one, holds)'),
        alive('several', 'all = [s.create() for _ in range(3)]\n'
              'for i in all: s.run_string(i, holds)', 'end del del del'),
        alive('held_by_class', 'class A: one = s.create()\n'
              's.run_string(A.one, holds)'),
        alive('held_by_library', 'os.one = s.create()\n'
              's.run_string(os.one, holds)'),
        runs('cycle', 'class A:\n'
             '    def __del__(self): say("del")\n'
             'a = A(); a.me = a; del a', 'end del'),
        runs('generator', 'def g():\n'
             '    try: yield\n'
             '    finally: say("finally")\n'
             'g = g(); next(g)', 'end finally'),
        runs('held_by_sys', 'import sys\n'
             'class A:\n'
             '    def __del__(self): say("del")\n'
             'sys.a = A()', 'end del'),
        runs('held_by_builtins', 'import builtins\n'
             'class A:\n'
             '    def __del__(self): say("del")\n'
             'builtins.a = A()', 'end del'),
        runs('held_by_codec', 'import codecs\n'
             'class A:\n'
             '    def __del__(self): say("del")\n'
             '    def search(self, name): pass\n'
             'codecs.register(A().search)', 'end del'),
        runs('held_by_class_', 'class A:\n'
             '    def __del__(self): say("del")\n'
             'class B: a = A()', 'end del'),
        runs('weakref_callback', 'import weakref\n'
             'class A: pass\n'
             'a = A(); a.me = a\n'
             'r = weakref.ref(a, lambda r: say("called")); del a',
             'end called'),
        runs('finalize', 'import weakref\n'
             'class A: pass\n'
             'a = A(); weakref.finalize(a, say, "final")', 'end final'),
        runs('atexit_', 'import atexit\n'
             'atexit.register(say, "atexit")', 'end atexit'),
        runs('atexit_before_del', 'import atexit\n'
             'class A:\n'
             '    def __del__(self): say("del")\n'
             'a = A()\n'
             'atexit.register(say, "atexit")', 'end atexit del'),
        runs('file', 'r, w = os.pipe(); f = open(w, "w"); f.write("x")\n'
             'class A:\n'
             '    def __del__(self): say(str(os.get_blocking(r)))\n'
             'a = A()', 'end True'),
        runs('stdout', 'print("printed", end="")', 'end printed'),
        runs('stdout_in_del', 'class A:\n'
             '    def __del__(self): print("printed", end="")\n'
             'a = A()', 'end printed'),
        runs('order', 'class A:\n'
             '    def __init__(self, name): self.name = name\n'
             '    def __del__(self): say(self.name)\n'
             'a = A("1"); b = A("2"); _c = A("0"); b.a = a', 'end 0 2 1'),
        runs('raises', 'class A:\n'
             '    def __del__(self): say("del"); 1 / 0\n'
             'a = A()', 'end del', err='.*ZeroDivisionError.*'),
        alive('del_of_main_is_later', 'one = s.create()\n'
              's.run_string(one, holds)\n'
              'class Main:\n'
              '    def __del__(self): os.write(1, b"main ")\n'
              'main = Main()', 'end del main'),
        alive('main_sees_it_gone', 'one = s.create()\n'
              'class Main:\n'
              '    def __del__(self):\n'
              '        os.write(1, b"%d " % len(s.list_all()))\n'
              'main = Main()', 'end 1'),
        alive('atexit_of_main_uses_it', 'one = s.create()\n'
              'atexit.register(s.run_string, one, holds)'),
        alive('stopped_thread_of_main', 'one = s.create()\n'
              's.run_string(one, holds)\n'
              'threading.Thread(target=time.sleep, args=(1000,),'
              ' daemon=True).start()'),
    )


@unittest.skipUnless(SHARED, 'all interpreters have one GIL')
class IsolatedTests(ExitTestCase):
    """The same with a GIL of their own."""

    cases = tuple(case._replace(program=case.program.replace(SHARED, ''))
                  for case in EndedTests.cases if SHARED)


NESTED = ("import _xxsubinterpreters as s_\n"
          "two = s_.create()\n"
          "s_.run_string(two, 'import os\\n'\n"
          "'class A:\\n'\n"
          "' def __del__(self): os.write(1, b\"inner \")\\n'\n"
          "'a = A()')")


class CreatedTests(ExitTestCase):
    """Those that others create, or that are created at exit."""

    cases = (
        alive('in_another', f"one = s.create()\ns.run_string(one, '''{NESTED}"
              "\n''')".replace('\\n', '\\\\n'), 'end inner'),
        alive('by_atexit', 'def create():\n'
              '    global one\n'
              '    one = s.create(); s.run_string(one, holds)\n'
              'atexit.register(create)'),
        # Too late: refused, as a thread would be.
        alive('by_a_finalizer', 'import sys\n'
              'class Main:\n'
              '    def __del__(self):\n'
              '        try: s.create()\n'
              '        except RuntimeError: os.write(1, b"refused ")\n'
              'sys.main = Main()', 'end refused'),
        alive('by_a_finalizer_unseen', 'import sys\n'
              'class Main:\n'
              '    def __del__(self):\n'
              '        os.write(1, b"del "); s.create()\n'
              'sys.main = Main()'),
        alive('by_atexit_of_another', "one = s.create()\n"
              "s.run_string(one, say + '''if True:\n"
              "    import _xxsubinterpreters as s_, atexit\n"
              "    def create():\n"
              "        global two\n"
              "        two = s_.create(); say('created')\n"
              "    atexit.register(create)\n"
              "''')", 'end created'),
        alive('by_a_thread', 'def work():\n'
              '    global one\n'
              '    one = s.create(); s.run_string(one, holds)\n'
              't = threading.Thread(target=work); t.start(); t.join()'),
        alive('by_a_daemon_thread', 'ready = threading.Event()\n'
              'def work():\n'
              '    one = s.create(); s.run_string(one, holds); ready.set()\n'
              '    time.sleep(1000)\n'
              't = threading.Thread(target=work, daemon=True); t.start()\n'
              'ready.wait()'),
    )


# In a subinterpreter: a finalizer drops what would be finalized next, whose
# memory is used for something else then.
DROPS = """
            import os, time, tracemalloc
            class A:
                def __del__(self): pass
            class Dropper:
                def __init__(self): self.held = [A() for _ in range(20)]
                def __del__(self):
                    first()
                    self.held.clear()
                    self.new = [b'%030d' % i for i in range(2000)]
                    last()
            """

TWO_THREADS = """
    import _xxsubinterpreters as s, threading
    all = s.create(), s.create()
    for i in all:
        s.run_string(i, f'''if True:
            {DROPS}
            def first(): time.sleep(0.01)
            def last(): pass
            all = [Dropper() for _ in range({{10 if i is all[0] else 30}})]
            ''')
    threads = [threading.Thread(target=s.destroy, args=(i,)) for i in all]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    # here
    print('end')
    """

# Between the two there is another allocator, and no list of what is alive.
NEW_ALLOCATOR = """
    import _xxsubinterpreters as s, tracemalloc
    one = s.create()
    s.run_string(one, '''if True:
            {DROPS}
            import _xxsubinterpreters as s_
            two = s_.create()
            s_.run_string(two, '{two}')
            first = tracemalloc.stop
            def last(): s_.destroy(two)
            all = Dropper()
            tracemalloc.start()
            ''')
    tracemalloc.start()
    s.destroy(one)
    # here
    print('end')
    """


class EndedByProgramTests(ExitTestCase):
    """Those which the program itself ends."""

    cases = (
        Case('in_two_threads', names(TWO_THREADS.format(DROPS=DROPS))),
        # On 3.11 tracemalloc takes the GIL of the thread that has it.
        *([Case('one_by_another', names(NEW_ALLOCATOR.format(
            DROPS=DROPS, two='a = type("A", (), {"__del__": lambda s: 0})()')),
            needs=('_tracemalloc',))] if SHARED else []),
    )


# Buffered data, as the parent finds it.
FILE = """
    import _xxsubinterpreters as s, os, tempfile
    where = tempfile.mkdtemp()
    name = os.path.join(where, 'file')
    pid = os.fork()
    if not pid:
        one = s.create()
        s.run_string(one, '''if True:
            f = open({{name!r}}, "w")
            f.write("written")
            {more}
            '''.replace('{{name!r}}', repr(name)))
        # here
        raise SystemExit
    status = os.waitpid(pid, 0)[1]
    with open(name) as f:
        print(status, f.read())
    os.unlink(name)
    os.rmdir(where)
    """


def file(name, more):
    """A Case: a file that a subinterpreter of a worker wrote to."""
    return Case(name, names(FILE.format(more=more)), '0 written', err=WARNING)


@support.requires_fork()
class FileTests(ExitTestCase):
    """Open files of subinterpreters are flushed."""

    cases = (
        file('global_', 'pass'),
        file('held_by_dict', 'd = {"f": [f]}; d["d"] = d; del f'),
        file('held_by_builtins', 'import builtins; builtins.f = f; del f'),
        file('held_by_codec', 'import codecs\n'
             '            class Search:\n'
             '                def search(self, name): pass\n'
             '            a = Search(); a.f = f\n'
             '            codecs.register(a.search); del a, f'),
        # Quiet: 3.14 deallocates it as the call ends, and stock's debug build
        # asserts that nothing is imported then, as a ResourceWarning does.
        file('held_by_local', 'import threading, warnings\n'
             '            warnings.simplefilter("ignore")\n'
             '            t = threading.local(); t.f = f; del f'),
        file('held_by_atexit', 'import atexit; atexit.register(print, f, '
             'file=open("/dev/null", "w")); del f'),
        file('held_by_sys', 'import sys; sys.f = f; del f'),
        file('held_by_class', 'class A: held = f\n            del f'),
    )


if __name__ == '__main__':
    unittest.main()
