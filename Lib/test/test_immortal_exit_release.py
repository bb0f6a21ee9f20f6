"""Shutdown: what works in its deallocator only is released.

Objects of _testimmortal write a byte when they are deallocated, and have no
finalizer. Whoever holds them, start-up objects and immortal ones included:
they are deallocated at exit, in a worker the worker's.
"""

import collections
import textwrap
import unittest
from test import support
from test.immortal_exit_support import Case, ExitTestCase

WRITERS = """
    import os, sys, _testimmortal as t
    kinds = t.Writer, t.PlainWriter, t.writer_capsule
    def make(n):
        return kinds[n](1, b'gpc'[n:n + 1])
    """
PARENT = WRITERS + """
    {setup}
    # here
    for n in range(3):
        w = make(n)
        {hold}
    del w
    """
# The worker is forked once there is an immortal heap, and ends normally.
WORKER = WRITERS + """
    {setup}
    # here
    pid = os.fork()
    if not pid:
        for n in range(3):
            w = make(n)
            {hold}
        del w
        sys.exit()
    os.waitpid(pid, 0)
    """

# name: what is there before the heap is made immortal, and how it comes to
# hold w.
HOLDERS = {
    'attribute': ('class A: pass\na = A()', 'setattr(a, f"w{n}", w)'),
    'slot': ('class A:\n    __slots__ = ("w0", "w1", "w2")\na = A()',
             'setattr(a, f"w{n}", w)'),
    'class_attribute': ('class A: pass', 'setattr(A, f"w{n}", w)'),
    'subclass_of_list': ('class A(list): pass\na = A()', 'a.append(w)'),
    'subclass_of_dict': ('class A(dict): pass\na = A()', 'a[n] = w'),
    'slot_of_dict': ('class A(dict): __slots__ = ("w0", "w1", "w2")\n'
                     'a = A()', 'setattr(a, f"w{n}", w)'),
    'slot_and_item_of_list': ('class A(list): __slots__ = ("w0", "w1", "w2")\n'
                              'a = A()',
                              'setattr(a, f"w{n}", w); a.append(w)'),
    'slot_and_item_of_set': ('class A(set): __slots__ = ("w0", "w1", "w2")\n'
                             'a = A()', 'setattr(a, f"w{n}", w); a.add(w)'),
    'attribute_of_dict': ('class A(dict): pass\na = A()',
                          'setattr(a, f"w{n}", w); a[n] = w'),
    'attribute_of_list': ('class A(list): pass\na = A()',
                          'setattr(a, f"w{n}", w)'),
    'attribute_of_tuple': ('class A(tuple): pass\na = A([1])',
                           'setattr(a, f"w{n}", w)'),
    'attribute_of_frozenset': ('class A(frozenset): pass\na = A([1])',
                               'setattr(a, f"w{n}", w)'),
    'slot_of_exception': ('class A(OSError): __slots__ = ("w0", "w1", "w2")\n'
                          'a = A()', 'setattr(a, f"w{n}", w)'),
    'default_factory': ('import collections\n'
                        'l = [collections.defaultdict() for _ in range(3)]',
                        'l[n].default_factory = w'),
    'dict': ('d = {}', 'd[n] = w'),
    'dict_key': ('d = {}', 'd[w] = n'),
    'list': ('l = []', 'l.append(w)'),
    'set': ('s = set()', 's.add(w)'),
    'tuple': ('l = []', 'l.append((n, w))'),
    'frozenset': ('l = []', 'l.append(frozenset([w]))'),
    'deque': ('import collections; d = collections.deque()', 'd.append(w)'),
    'ordered_dict': ('import collections; d = collections.OrderedDict()',
                     'd[n] = w'),
    'default_dict': ('import collections\n'
                     'd = collections.defaultdict(list)', 'd[n].append(w)'),
    'closure': ('def outer():\n'
                '    x = None\n'
                '    def put(value):\n'
                '        nonlocal x\n'
                '        x = [x, value]\n'
                '    return put\n'
                'put = outer()', 'put(w)'),
    'cell': ('import types; cells = [types.CellType() for _ in range(3)]',
             'cells[n].cell_contents = w'),
    'partial': ('import functools; l = []',
                'l.append(functools.partial(print, w))'),
    'partial_attribute': ('import functools\np = functools.partial(print)',
                          'setattr(p, f"w{n}", w)'),
    'method': ('import types; l = []', 'l.append(types.MethodType(print, w))'),
    'function_default': ('def f(): pass\nl = []',
                         'f.__defaults__ = (*(f.__defaults__ or ()), w)'),
    'function_attribute': ('def f(): pass', 'setattr(f, f"w{n}", w)'),
    'mortal_instance': ('class A: pass\nl = []',
                        'a = A(); a.w = w; l.append(a); del a'),
    'mortal_chain': ('class A: pass\nl = []',
                     'a = A(); a.a = A(); a.a.d = {1: [(w,)]}\n'
                     'l.append(a); del a'),
    'lru_cache': ('import functools\n'
                  '@functools.lru_cache\n'
                  'def f(n): return globals()["w"]', 'f(n)'),
    'property': ('l = []', 'l.append(property(None, None, None, w))'),
    'iterator': ('l = []', 'l.append(iter([w]))'),
    'slices': ('l = []', 'l.append(slice(slice(slice(w))))'),
    'iterators': ('import itertools; l = []',
                  'l.append(map(id, filter(None, itertools.repeat(w))))'),
    'exception': ('l = []', 'l.append(ValueError(w))'),
    'mapping_proxy': ('import types; l = []',
                      'l.append(types.MappingProxyType({1: w}))'),
    'simple_namespace': ('import types; s = types.SimpleNamespace()',
                         'setattr(s, f"w{n}", w)'),
    'module_attribute': ('import types; m = types.ModuleType("m")',
                         'setattr(m, f"w{n}", w)'),
}
# The same of the interpreter's own objects: immortal from the start.
STARTUP = {
    'sys_attribute': ('', 'setattr(sys, f"w{n}", w)'),
    'builtins': ('import builtins', 'setattr(builtins, f"w{n}", w)'),
    'environ': ('', 'setattr(os.environ, f"w{n}", w)'),
    'stdout': ('', 'setattr(sys.stdout, f"w{n}", w)'),
    'module_of_the_library': ('', 'setattr(os, f"w{n}", w)'),
    'function_of_the_library': ('', 'setattr(os.fsencode, f"w{n}", w)'),
    'class_of_the_library': ('', 'setattr(os.PathLike, f"w{n}", w)'),
    'path': ('', 'sys.path.append(w)'),
    'meta_path': ('class Finder:\n'
                  '    def find_spec(self, *args): pass',
                  'f = Finder(); f.w = w; sys.meta_path.append(f); del f'),
    'path_hooks': ('class Hook:\n'
                   '    def __call__(self, *args): raise ImportError',
                   'h = Hook(); h.w = w; sys.path_hooks.append(h); del h'),
    'path_importer_cache': ('class Finder: pass',
                            'f = Finder(); f.w = w\n'
                            'sys.path_importer_cache[str(n)] = f; del f'),
    'codec': ('import codecs\n'
              'class Search:\n'
              '    def __call__(self, name): pass',
              's = Search(); s.w = w; codecs.register(s); del s'),
    'codec_errors': ('import codecs\n'
                     'class Handler:\n'
                     '    def __call__(self, exc): raise exc',
                     'h = Handler(); h.w = w\n'
                     'codecs.register_error(str(n), h); del h'),
    'context_variable': ('import contextvars\n'
                         'c = [contextvars.ContextVar(str(n))'
                         ' for n in range(3)]', 'c[n].set(w)'),
    'thread_local': ('import threading; t_ = threading.local()',
                     'setattr(t_, f"w{n}", w)'),
    'warnings_filter': ('import warnings',
                        'warnings.filters.append(("ignore", w, Warning, w, 0))'
                        ),
}


def indented(text, n):
    """text, of which a program has the first line already."""
    return textwrap.indent(text, ' ' * n).lstrip()


def cases(holders, program, **kwargs):
    """A Case for each of the holders."""
    return tuple(
        Case(name, program.format(setup=indented(setup, 4),
                                  hold=indented(hold, indent(program))),
             'cgp', any_order=True, **kwargs)
        for name, (setup, hold) in holders.items())


def indent(program):
    line, = (line for line in program.splitlines() if '{hold}' in line)
    return line.index('{hold}')


class ParentTests(ExitTestCase):
    """The process that has an immortal heap."""

    cases = cases(HOLDERS, PARENT)


class StartupTests(ExitTestCase):
    """What the interpreter made for itself holds it."""

    cases = cases(STARTUP, PARENT)


@support.requires_fork()
class WorkerTests(ExitTestCase):
    """A worker, forked from such a process."""

    cases = cases(HOLDERS, WORKER)


@support.requires_fork()
class StartupWorkerTests(ExitTestCase):
    """What the interpreter made for itself holds what a worker made."""

    cases = cases(STARTUP, WORKER)


# Something immortal holds something mortal, made by {make} from w, and that
# holds w. It is seen as it is when w is deallocated.
KEPT = """
    import collections, os, sys, types, _testimmortal as t
    class Plain:
        def __repr__(self): return repr(vars(self))
    class Slots:
        __slots__ = 'a', 'w'
        def __repr__(self):
            return f"{{self.a!r}} {{getattr(self, 'w', 'unset')!r}}"
    class Lists(list): pass
    held = []
    # here
    sys.path.append(held)
    seen = []
    w = t.PlainWriter(1, b' ', seen)
    os.write(1, b'end')
    {make}
    held.append(x)
    seen.append(x)
    del w, x
    """


def kept(name, make, out):
    """A Case: out is what is left of the object when w is gone."""
    return Case(name, KEPT.format(make=make), f'end [{out}]',
                modes=('default', 'call'))


class KeptTests(ExitTestCase):
    """What holds such an object keeps all else that it holds."""

    cases = (
        kept('dict', 'x = {"a": 1, "w": w, "b": 2}',
             "{'a': 1, 'w': None, 'b': 2}"),
        kept('list', 'x = [1, w, 2]', '[1, None, 2]'),
        kept('tuple', 'x = 1, w, 2', '(1, None, 2)'),
        kept('instance', 'x = Plain(); x.a = 1; x.w = w; x.b = 2',
             "{'a': 1, 'w': None, 'b': 2}"),
        kept('slots', 'x = Slots(); x.a = 1; x.w = w', "1 'unset'"),
        kept('subclass', 'x = Lists([1, w, 2])', '[1, None, 2]'),
        kept('set', 'x = {1, w}', '{1}'),
        kept('namespace', 'x = types.SimpleNamespace(a=1, w=w)',
             'namespace(a=1, w=None)'),
        kept('ordered_dict', 'x = collections.OrderedDict(a=1, w=w)',
             repr(collections.OrderedDict(a=1, w=None))),
        kept('default_dict', 'x = collections.defaultdict(None, a=1, w=w)',
             "defaultdict(None, {'a': 1, 'w': None})"),
        kept('deep', 'x = [1, {"a": [2, (3, w)]}]',
             "[1, {'a': [2, (3, None)]}]"),
    )


# A connection of SQLite folds up its log when it is closed, and that is when
# it is deallocated.
SQLITE = """
    import os, shutil, sqlite3, sys, tempfile
    class App: pass
    app = App()
    class Finder:
        def find_spec(self, *args): return None
    where = tempfile.mkdtemp()
    def connect():
        db = sqlite3.connect(os.path.join(where, 'r.db'))
        db.execute('pragma journal_mode=wal')
        db.execute('create table t(x)')
        db.commit()
        return db
    # here
    pid = os.fork()
    if not pid:
        {hold}
        sys.exit()
    os.waitpid(pid, 0)
    print(sorted(os.listdir(where)))
    shutil.rmtree(where)
    """


def sqlite(name, hold):
    """A Case: a worker does hold, and ends normally."""
    return Case(name, SQLITE.format(hold=hold), "['r.db']",
                needs=('sqlite3',))


@support.requires_fork()
class SqliteTests(ExitTestCase):
    """The same with a module of the standard library."""

    cases = (
        sqlite('attribute', 'app.db = connect()'),
        sqlite('mortal_holder', 'app.held = [{1: (connect(),)}]'),
        sqlite('cursor', 'app.c = connect().cursor()'),
        sqlite('meta_path', 'f = Finder(); f.db = connect(); '
               'sys.meta_path.append(f)'),
        sqlite('environ', 'os.environ.db = connect()'),
        sqlite('stdout', 'sys.stdout.db = connect()'),
    )


# The executor's weak references call back with a queue that is cut off.
EXECUTOR = """
    import os, sys, time, warnings
    from concurrent.futures import ThreadPoolExecutor
    warnings.simplefilter("ignore")     # of a fork with threads, since 3.12
    executor = ThreadPoolExecutor(2)
    executor.submit(time.sleep, 0.05)
    executor.submit(time.sleep, 0)
    class T(tuple):
        def __del__(self): pass
    # here
    pid = os.fork()
    if not pid:
        sys.last_value = T()
        sys.exit(0)
    os.waitpid(pid, 0)
    os.write(1, b"end")
    """


@support.requires_fork()
class CallbackTests(ExitTestCase):
    """A callback from which something is cut off does not fail: it goes."""

    cases = (Case('executor', EXECUTOR),)


if __name__ == '__main__':
    unittest.main()
