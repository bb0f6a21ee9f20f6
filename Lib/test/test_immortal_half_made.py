"""gc.immortalize_heap() while C code is making something.

Each program below stops C code half way, in a function of Python's that it
calls; another thread can come in between at any other place as well.  What is
made has to come out as if gc.collect() had been called instead.
"""

import os
import textwrap
import unittest

from test.support import requires_subprocess
from test.support.script_helper import assert_python_ok

try:
    import _testimmortal
except ImportError:
    _testimmortal = None

# What the programs begin with.  call() is what is to be tried; hook(x) calls
# it, and is x.
HEAD = """\
import gc, itertools, os, sys
call = getattr(gc, os.environ['TEST_CALL'])
def hook(x):
    call()
    return x
def each(n):
    for i in range(n):
        yield hook((i, f'item {i}'))
class Hashed:
    def __init__(self, i):
        self.i = i
    def __hash__(self):
        return hook(self.i)
    def __eq__(self, other):
        return hook(self.i == other.i)
    def __lt__(self, other):
        return hook(self.i < other.i)
    def __index__(self):
        return hook(self.i)
    def __repr__(self):
        return hook(f'<{self.i}>')
    def __format__(self, spec):
        return hook(f'<{self.i}{spec}>')
some = [Hashed(3), Hashed(1), Hashed(2)]
"""

PROGRAMS = {
    'abstract methods': """
        import abc
        class Trap:
            @property
            def __isabstractmethod__(self):
                return hook(True)
        class A(metaclass=abc.ABCMeta):
            f = Trap()
            @abc.abstractmethod
            def g(self): pass
            h = Trap()
        print(sorted(A.__abstractmethods__))
        class B(A):
            def f(self): pass
        print(sorted(B.__abstractmethods__))
    """,
    'iterators': """
        for f in tuple, list, dict, set, frozenset:
            made = f(each(5))
            print(sorted(made), type(made))
            print(sorted(f(x for x in each(4))))
        print((*each(3), *each(2)), [*each(3)], {**dict(each(3))})
        print({x for x in each(3)} == {*each(3)}, {k: v for k, v in each(3)})
        print(list(itertools.chain.from_iterable(each(2) for i in range(2))))
        print(bytes(some), bytearray(some), bytes(x[0] for x in each(3)))
        a, *b, c = each(5)
        print(a, b, c)
    """,
    'itertools': """
        from itertools import *
        for it in (product(each(2), each(2)), combinations(each(3), 2),
                   permutations(each(3), 2), zip_longest(each(2), each(3)),
                   combinations_with_replacement(each(2), 2),
                   zip(each(3), each(3)), enumerate(each(3)),
                   map(lambda *x: hook(x), each(3), each(3)),
                   starmap(lambda *x: hook(x), each(3)), pairwise(each(3)),
                   accumulate(each(3), lambda *x: hook(x)),
                   filter(hook, each(3)), takewhile(hook, each(3)),
                   *tee(each(3)), islice(each(9), 1, 5, 2)):
            found = []
            for x in it:
                found.append(hook(x))
            print(found)
        for k, g in groupby(each(4), lambda x: hook(x[0] // 2)):
            print(k, list(g))
    """,
    'calls': """
        import functools, operator
        def f(*args, **kwargs):
            return hook((args, kwargs))
        class C:
            def __new__(cls, *args, **kwargs):
                return hook(super().__new__(cls))
            def __init__(self, *args, **kwargs):
                self.args = hook((args, kwargs))
            def __call__(self, *args):
                return hook(args)
        print(f(*each(3), **{k: v for v, k in each(2)}))
        print(C(*each(2), a=1).args, C()(*each(2)))
        print(functools.partial(f, *each(2), a=1)(*each(2), b=2))
        print(functools.reduce(lambda *x: hook(x), each(4)))
        print(functools.reduce(lambda *x: hook(x), each(4), 'first'))
        print(operator.methodcaller('__call__', *each(2))(C()))
        cached = functools.lru_cache(f)
        print(cached(*each(2), a=1), cached(*each(2), a=1))
        print(operator.itemgetter(*some)(range(9)))
        print(max(some, key=hook), min(each(3), key=lambda x: hook(-x[0])))
    """,
    'sorting': """
        print(sorted(some, key=hook), sorted(each(5), key=lambda x: hook(-x[0])))
        work = [Hashed(i * 7 % 11) for i in range(11)]
        work.sort()
        print(work, len(work))
        import heapq, bisect
        heapq.heapify(work), print(heapq.heappop(work), bisect.bisect(work, some[0]))
    """,
    'text': """
        import re
        class Map(dict):
            def __missing__(self, key):
                return hook(chr(key).upper() * 2)
        print('{} {:x} {!r}'.format(*some), f'{some[0]:y}{some[1]!r}')
        print('%s %r %d' % (some[0], some[1], some[2]))
        print(', '.join(repr(x) for x in each(3)), repr(some), str(tuple(some)))
        print(b', '.join(repr(x).encode() for x in each(3)))
        print('some text'.translate(Map()), '{a[1]}{b}'.format_map(dict(a=some, b=1)))
        print(re.sub('[a-m]', lambda m: hook(m[0].upper()), 'some text, some more'))
        print(re.compile('(?P<first>a)(b)').sub(lambda m: hook(repr(m.groups())), 'abab'))
        import codecs
        codecs.register_error('hook', lambda e: hook(('?!', e.end)))
        print('a\\xe4\\xf6b'.encode('ascii', 'hook'), b'a\\xe4b'.decode('ascii', 'hook'))
        import string
        print(string.Template('$a $b').substitute(Map(a=some[0], b='c')))
    """,
    'classes': """
        import collections, dataclasses, enum, typing
        class Named:
            def __set_name__(self, owner, name):
                self.seen = hook((owner.__name__, name))
        class Meta(type):
            def mro(cls):
                return hook(super().mro())
            @classmethod
            def __prepare__(meta, name, bases, **kwargs):
                return hook({'first': len(bases)})
            def __new__(meta, name, bases, namespace, **kwargs):
                return hook(super().__new__(meta, name, bases, hook(namespace)))
            def __init__(cls, *args, **kwargs):
                hook(super().__init__(*args))
        class Base(metaclass=Meta):
            a, b = Named(), Named()
            def __init_subclass__(cls, **kwargs):
                cls.given = hook(kwargs)
            def f(self):
                return super().__repr__()[:3]
        class Derived(Base, x=1):
            __slots__ = (x[1].replace(' ', '_') for x in each(3))
            c = Named()
        d = Derived()
        d.item_1 = [1]
        print(Derived.a.seen, Derived.c.seen, Derived.given, d.item_1, d.f())
        print([c.__name__ for c in Derived.__mro__], Derived.first)
        class Other(Derived): pass
        Derived.__bases__ = Base,
        Other.g = lambda self: 7
        print(Other().g(), Derived().f(), Other.given)
        T = collections.namedtuple('T', (x[1].replace(' ', '_') for x in each(3)))
        print(T(*each(3)), T._make(each(3)), T(1, 2, 3)._replace(item_1=hook(5)))
        @dataclasses.dataclass
        class D:
            x: typing.Tuple[int, ...] = dataclasses.field(default_factory=lambda: tuple(each(2)))
        print(D(), dataclasses.astuple(D()), typing.NamedTuple('N', [('a', int)])(1))
        class E(enum.Flag):
            def _generate_next_value_(*args):
                return hook(2 ** args[2])
            a = enum.auto()
            b = enum.auto()
        print(E.a | E.b, list[some[0], int].__args__ == (some[0], int))
        import os, time
        print(os.stat_result(range(10)), time.struct_time(x[0] for x in each(9)))
    """,
    'serializing': """
        import copy, csv, io, json, marshal, pickle, sqlite3, xml.etree.ElementTree as E
        class Unpickler(pickle.Unpickler):
            def find_class(self, module, name):
                return hook(super().find_class(module, name))
            def persistent_load(self, pid):
                return hook(pid)
        class Pickler(pickle.Pickler):
            def persistent_id(self, obj):
                return hook(None)
            def reducer_override(self, obj):
                return hook(NotImplemented)
        class Reduced:
            def __init__(self, *args): self.args = args
            def __reduce__(self):
                return hook((Reduced, self.args))
            def __setstate__(self, state):
                hook(self.__dict__.update(state))
        data = [frozenset([(i, f'{i}') for i in range(3)]), Hashed, (1, (2, [3])),
                (4, Reduced(5, (6, 7))), {'a': {8.5, b'9'}}]
        for protocol in 0, 2, 5:
            file = io.BytesIO()
            Pickler(file, protocol).dump(data)
            file.seek(0)
            back = Unpickler(file).load()
            print(back[:3] == data[:3], back[3][1].args, back[4] == data[4])
        print(copy.deepcopy(data)[3][1].args)
        class Raw(io.RawIOBase):
            def __init__(self, data): self.data = io.BytesIO(data)
            def readable(self): return True
            def writable(self): return True
            def readinto(self, b): return hook(self.data.readinto(hook(b)))
            def write(self, b): return hook(self.data.write(hook(b)))
        text = b'some lines\\n' * 5000
        def raw(): return io.BufferedReader(Raw(text), 100)
        print(raw().read() == text, raw().read(1234) == text[:1234],
              raw().read1(50), raw().readline(), len(raw().readlines()),
              len(list(io.TextIOWrapper(raw()))), Raw(text).read(9), len(Raw(text).readall()))
        writer = io.BufferedWriter(Raw(b''), 100)
        print([writer.write(text[:70]) for i in range(3)], writer.flush())
        value = [(1, 'a', frozenset({2, (3,)})), {b'c': (None, ..., 1.5)}, 10 ** 30] * 2
        class File:
            def __init__(self, data): self.file = io.BytesIO(data)
            def read(self, n): return hook(self.file.read(n))
            def readinto(self, b): return hook(self.file.readinto(b))
            def readline(self): return hook(self.file.readline())
        print(marshal.load(File(marshal.dumps(value))) == value)
        print(pickle.load(File(pickle.dumps(value))) == value)
        print(json.loads('{"a": [1, {"b": 2.5}], "c": 3}', object_hook=hook,
                         parse_float=hook, parse_int=hook))
        print(json.loads('{"a": [1, {"b": 2}]}', object_pairs_hook=hook))
        print(json.dumps([some[0], (1, some[1])], default=lambda x: hook(str(x))))
        db = sqlite3.connect(':memory:', detect_types=sqlite3.PARSE_COLNAMES)
        sqlite3.register_converter('hook', hook)
        sqlite3.register_adapter(Hashed, lambda x: hook(x.i))
        db.create_function('f', 1, hook)
        db.row_factory = lambda cursor, row: hook(row)
        db.text_factory = hook
        print(db.execute('select f(?) as a, "x" as "b [hook]", f("y"), "z"', some[:1]).fetchall())
        db.row_factory = sqlite3.Row
        print(tuple(db.execute('select "x", f("y")').fetchone()))
        print(list(csv.reader(hook(x[1] + ',a,"b"') for x in each(3))))
        out = io.StringIO()
        csv.writer(out).writerows([x, *some] for x in each(2))
        print(out.getvalue())
        class Builder(E.TreeBuilder):
            def start(self, *args): return hook(super().start(*args))
            def data(self, *args): return hook(super().data(*args))
        print(E.tostring(E.fromstring('<a b="c">d<e>f</e>&lt;g</a>', E.XMLParser(target=Builder()))))
        print(E.tostring(E.fromstring('<a>x<b/>y</a>', E.XMLParser(target=E.TreeBuilder(
            element_factory=lambda *args: hook(E.Element(*args)))))))
    """,
    'interpreter': """
        import ast, builtins, contextvars, threading, types, weakref
        class Dict(dict):
            def __getitem__(self, key): return hook(super().__getitem__(key))
            def __setitem__(self, key, value): return hook(super().__setitem__(key, value))
        scope = Dict()
        exec('a = 1; b = [a, (a, a)]; c = {a: b}', {}, scope)
        print(sorted(scope.items()))
        class Meta(type):
            def __instancecheck__(cls, x): return hook(True)
            def __subclasscheck__(cls, x): return hook(True)
        class C(metaclass=Meta): pass
        print(isinstance(1, (str, C)), issubclass(int, (str, C)))
        print(eval(compile(ast.parse('[x for x in each(3)]', mode='eval'), '', 'eval')))
        class Seq:
            def __len__(self): return hook(4)
            def __getitem__(self, i):
                if i >= 4: raise IndexError
                return hook(i)
            def __length_hint__(self): return hook(2)
            def keys(self): return hook(['x', 'y'])
        print(tuple(Seq()), list(Seq()), list(reversed(Seq())), {*Seq()}, [*Seq()][1:])
        print(types.SimpleNamespace(**{'x': some[0]}), dict(x=some[1]), str(some[2]))
        def gen():
            try:
                x = yield hook((1, [2]))
                while True:
                    x = yield hook((x, [x]))
            finally:
                hook(None)
        g = gen()
        print(next(g), g.send(3), g.send((4,)), g.close())
        try:
            raise ExceptionGroup('a', [ValueError(hook(1)), TypeError(hook(2))])
        except* ValueError as e:
            print(hook(repr(e)))
        except* TypeError as e:
            print(hook(repr(e)))
        class Bases:
            def __mro_entries__(self, bases): return hook((dict, C.__base__))
        class F(Bases()): pass
        print([c.__name__ for c in types.resolve_bases((Bases(),))], F.__mro__[1])
        match (1, [2, {'k': some[0]}]):
            case (x, [y, {'k': Hashed(i=z), **rest}]):
                print(x, y, z, hook(rest))
        print(contextvars.copy_context().run(lambda *x: hook(x), 1, 2))
        class G:
            def __class_getitem__(cls, x): return hook(types.GenericAlias(cls, x))
        print(G[some[0], int].__args__[1], slice(some[0], 1).indices(9), range(some[0])[1:])
        print(str(1.5).join(['a', hook('b')]), sum(x[0] for x in each(4)), any(map(hook, [0, 1])))
    """,
}


def run(program, call, *args):
    code = HEAD + textwrap.dedent(program)
    rc, out, err = assert_python_ok('-X', 'faulthandler', *args, '-c', code,
                                    TEST_CALL=call, PYTHONHASHSEED='1',
                                    __isolated=False)
    return out.decode()


@requires_subprocess()
class HookTests(unittest.TestCase):

    def check(self, program, *args):
        wanted = run(program, 'collect')
        self.assertTrue(wanted.strip())
        self.assertEqual(run(program, 'immortalize_heap', *args), wanted)

    def test_heap_off(self):
        self.check(PROGRAMS['abstract methods'], '-X', 'immortal_heap=off')

    def test_from_a_finalizer(self):
        # The call is made by what a collection runs, where counts cannot
        # be told from references.
        again = """
            collect = gc.collect
            class Garbage:
                def __del__(self):
                    gc.immortalize_heap()
            def hook(x):
                g = Garbage()
                g.g = g
                del g
                collect()
                return x
        """
        for name in 'abstract methods', 'iterators', 'calls':
            with self.subTest(name):
                self.check(textwrap.dedent(again) +
                           textwrap.dedent(PROGRAMS[name]))

    def test_at_any_allocation(self):
        # Anywhere in C, where a collection begins: a callback of the
        # collector calls.
        again = """
            hook = lambda x: x
            if call is not gc.collect:
                gc.set_threshold(29)
                gc.callbacks.append(lambda *args: call())
        """
        for name in PROGRAMS:
            with self.subTest(name):
                self.check(textwrap.dedent(again) +
                           textwrap.dedent(PROGRAMS[name]))

    def test_frozen(self):
        again = """
            if call is not gc.collect:
                hook = lambda x: (gc.freeze(), call(), x)[2]
        """
        for name in 'abstract methods', 'iterators', 'calls':
            with self.subTest(name):
                self.check(textwrap.dedent(again) +
                           textwrap.dedent(PROGRAMS[name]))


def add(name):
    def test(self):
        self.check(PROGRAMS[name])
    setattr(HookTests, 'test_' + name.replace(' ', '_'), test)


for name in PROGRAMS:
    add(name)


@requires_subprocess()
@unittest.skipIf(_testimmortal is None, 'needs _testimmortal')
class ApiTests(unittest.TestCase):
    """Functions that extensions fill objects with."""

    PROGRAM = """
        import _testimmortal
        for how in _testimmortal.HALF_MADE:
            for before in [], [0] * 20000:
                made = _testimmortal.half_made(how, lambda: hook(None))
                if isinstance(made, (set, frozenset)):
                    made = sorted(made)
                elif how == 'frozenset in list':
                    made = sorted(made[0])
                print(how, made, [made].index(made))
                if isinstance(made, bytes):
                    print({bytes(bytearray(made)): 1}[made])
    """

    def test_each(self):
        wanted = run(self.PROGRAM, 'collect')
        self.assertIn('tuple grown', wanted)
        self.assertEqual(run(self.PROGRAM, 'immortalize_heap'), wanted)
        self.assertEqual(run(self.PROGRAM, 'immortalize_heap', '-X',
                             'immortal_heap=off'), wanted)

    def test_left_mortal(self):
        # What is finished after one call is as mortal as it was, and so is
        # what is in it.
        out = run("""
            import _testimmortal
            todo = [call]
            def once():
                if todo:
                    todo.pop()()
            for how in _testimmortal.HALF_MADE:
                todo.append(call)
                made = _testimmortal.half_made(how, once)
                parts = made if isinstance(made, (tuple, list, frozenset)) else []
                assert not todo
                print(how, any(map(gc.is_immortal, [made, *parts])))
        """, 'immortalize_heap')
        self.assertEqual(out.count('False\n'), len(_testimmortal.HALF_MADE),
                         out)

    def test_what_is_held_is_not_left(self):
        out = run("""
            def f(*args, **kwargs):
                parts = kwargs, *args, *args[0]
                call()
                return parts
            class A: pass
            app = A()
            app.parts = (1.5, [object()]), frozenset({'a' * 2 * len(sys.argv)})
            app.list = [[(x,)] for x in map(str, range(3))]
            def child():
                pass
            def main(config):
                local = (config, {config: [(2.5, object())]})
                return [*f((local, object()), key=frozenset({str(app)})), local]
            os.register_at_fork(after_in_child=child)
            result = main('con' + str(len(sys.argv)))
            todo, seen = [app, *result], set()
            while todo:
                x = todo.pop()
                if id(x) not in seen and not isinstance(x, type):
                    seen.add(id(x))
                    todo += gc.get_referents(x)
                    if not gc.is_immortal(x):
                        print(type(x), str(x)[:90])
            print([gc.is_immortal(x) for x in gc.get_referrers(child)
                   if isinstance(x, list)])
        """, 'immortalize_heap')
        # Including the list of the functions to call after a fork.
        self.assertEqual(out, '[True]\n')


# Eight threads that make things, and one that calls.
STRESS = """
    import abc, collections, enum, marshal, pickle, threading, time, zlib
    import json, random, re, typing
    end = time.monotonic() + float(os.environ['TEST_SECONDS'])
    sys.setswitchinterval(1e-5)
    failed = []

    def classes(i):
        class A(metaclass=abc.ABCMeta):
            x = f'attr {i}'
            @abc.abstractmethod
            def f(self): pass
            @abc.abstractmethod
            def g(self): pass
        class B(A):
            def f(self): return super().__str__()
            def g(self): return i
        assert sorted(A.__abstractmethods__) == ['f', 'g']
        assert B().g() == i and issubclass(B, A) and B.x.endswith(str(i))
    def tuples(i):
        names = [f'n{j}' for j in range(i % 7 + 1)]
        T = collections.namedtuple('T', names)
        t = T(*((j, str(j)) for j in range(len(names))))
        assert [x[1] for x in t] == [str(j) for j in range(len(names))]
        assert t._asdict()['n0'] == (0, '0')
    def sets(i):
        class H:
            def __init__(self, x): self.x = x
            def __hash__(self): return hash(self.x)
            def __eq__(self, other): return self.x == other.x
        f = frozenset(H((j, i)) for j in range(50))
        assert f == frozenset(H((j, i)) for j in range(50)) and len(f) == 50
        assert {f: i}[frozenset(f)] == i
    value = [(j, str(j), frozenset({j, (j, b'%d' % j)}), {str(j): [j]}) for j in range(60)]
    code = compile('\\n'.join(f'def f{j}(a, b={j}): return (a, b, {j}, "c{j}")' for j in range(40)), 's', 'exec')
    def unmarshals(i):
        assert marshal.loads(marshal.dumps(value)) == value
        scope = {}
        exec(marshal.loads(marshal.dumps(code)), scope)
        assert scope['f7'](i) == (i, 7, 7, 'c7')
    def unpickles(i):
        data = [value, collections.Counter('abc' * i), Color.red, re.compile(f'a{i}')]
        back = pickle.loads(pickle.dumps(data, i % 6))
        assert back[:3] == data[:3] and back[3].pattern == f'a{i}'
        assert json.loads(json.dumps(value[0][:2])) == [0, '0']
    blob = bytes(random.Random(1).choices(range(20), k=40000))
    packed = zlib.compress(blob)
    def inflates(i):
        back = zlib.decompress(packed, bufsize=len(blob))
        assert back == blob and hash(back) == hash(bytes(bytearray(blob)))
        assert {back: 1}[bytes(bytearray(blob))] == 1
    def texts(i):
        rows = ['%d-%s' % (j, j * 2) for j in range(100)]
        assert ', '.join(rows).split(', ') == rows
        assert tuple(map(str, range(100)))[-1] == '99'
        assert sorted(zip(range(50, 0, -1), rows))[0][0] == 1
        def gen():
            for row in rows:
                yield row, (row, [row])
        made = dict(gen())
        assert list(made) == rows and made[rows[3]][1] == [rows[3]]
    class Color(enum.Enum):
        red = 1
    def enums(i):
        E = enum.Enum('E', [f'm{j}' for j in range(i % 5 + 1)])
        assert [e.name for e in E][0] == 'm0'
        N = typing.NamedTuple('N', [('a', int), ('b', typing.Optional[E])])
        assert N(1, E.m0).b is E.m0
        def f(*args, **kwargs): return args, kwargs
        assert f(*range(i % 9), **{'a': i}) == (tuple(range(i % 9)), {'a': i})

    def work(function):
        i = 0
        try:
            while time.monotonic() < end and not failed:
                function(i % 100)
                i += 1
        except BaseException:
            failed.append(function)
            raise
        rounds.append(i)
    rounds = []
    threads = [threading.Thread(target=work, args=[f]) for f in (
        classes, tuples, sets, unmarshals, unpickles, inflates, texts, enums)]
    for t in threads: t.start()
    calls = 0
    while time.monotonic() < end and not failed:
        time.sleep(random.random() * 0.02)
        call()
        calls += 1
    for t in threads: t.join()
    assert len(rounds) == 8 and min(rounds) > 0 and calls > 0
    print('done', calls, sum(rounds), file=sys.stderr)
"""


@requires_subprocess()
class StressTests(unittest.TestCase):

    def test_threads(self):
        # TEST_IMMORTAL_SECONDS=60 makes it a long one.
        seconds = float(os.environ.get('TEST_IMMORTAL_SECONDS', 4))
        code = HEAD + textwrap.dedent(STRESS)
        rc, out, err = assert_python_ok(
            '-X', 'faulthandler', '-c', code, TEST_CALL='immortalize_heap',
            TEST_SECONDS=str(seconds), __isolated=False)
        self.assertIn(b'done', err)
        self.assertNotIn(b'Error', err)


if __name__ == '__main__':
    unittest.main()
