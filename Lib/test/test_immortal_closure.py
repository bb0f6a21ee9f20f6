"""What gc.immortalize_heap() makes immortal: everything that is reachable,
however it is nested and whatever it is held by."""

import array
import collections
import contextvars
import datetime
import decimal
import functools
import gc
import io
import itertools
import operator
import os
import re
import struct
import sys
import threading
import time
import types
import unittest
import warnings
import weakref
from test import immortal_walk
from test.immortal_support import isolated
from test.support import import_helper

imm = import_helper.import_module('_testimmortal')

class Slotted:
    __slots__ = 'one', 'two', '__weakref__'


class Record:
    def __init__(self, i):
        self.number = i + 10 ** 6
        self.name = f'record {i}'
        self.items = [(i + 0.5, {self.name: (b'%d' % i,)})]


def records(n):
    """n objects of several kinds, 9 for each Record."""
    return [Record(i) for i in range(n // 9 + 1)]


def registries():
    """Where modules keep what they have warned of."""
    return [vars(module)['__warningregistry__']
            for module in sys.modules.values()
            if isinstance(module, types.ModuleType)
            and '__warningregistry__' in vars(module)]


class Heap(unittest.TestCase):

    def setUp(self):
        # Getters of later versions warn when they are asked, and what comes of
        # it is younger than the heap.
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter('ignore')

    def check_closure(self):
        """The last statement of a test: names what is still mortal."""
        old = registries()
        walk = immortal_walk.walk_heap()
        new = [obj for obj in registries()
               if not any(obj is registry for registry in old)]
        # Of UTC and its like: KindTests.test_timezone is about these.
        mortal = [obj for obj in walk.mortal()
                  if type(walk.parent(obj)) is not datetime.timezone
                  and not any(obj is registry for registry in new)]
        paths = '\n'.join(map(walk.path, mortal[:10]))
        self.assertEqual(len(mortal), 0, f'of {len(walk)} reached:\n{paths}')
        return walk

    def assertImmortal(self, *objects):
        for obj in objects:
            self.assertTrue(gc.is_immortal(obj), immortal_walk.describe(obj))


@isolated
class KindTests(Heap):
    """One kind of holder after the other.

    make() returns the holder, and forgets all the rest, so that no local of
    a running frame holds it; parts() finds it again, after the call."""

    def leaf(self):
        return ''.join(['leaf', str(len(gc.get_objects()))])

    def check(self, make, parts):
        holder = make()
        gc.immortalize_heap()
        self.assertImmortal(holder, *parts(holder))
        self.check_closure()

    def test_untracked_containers(self):
        def make():
            t = tuple([self.leaf(), (self.leaf(), 1.5 * len(sys.argv))])
            d = {self.leaf(): (self.leaf(),)}
            for i in range(3):        # one level at a time
                gc.collect()
            self.assertFalse(gc.is_tracked(t))
            self.assertEqual(gc.is_tracked(d), gc.is_tracked({}))
            return [t, d]

        def parts(holder):
            t, d = holder
            [(key, value)] = d.items()
            return t, *t, *t[1], d, key, value, *value
        self.check(make, parts)

    def test_sets_and_mappings(self):
        def make():
            a, b, c, d, e, f, g = (self.leaf() + name for name in 'abcdefg')
            return [{a}, frozenset([b]), collections.deque([c]),
                    collections.OrderedDict([(d, e)]),
                    collections.defaultdict(list, {f: g}),
                    types.MappingProxyType({a: b}), {(a, b): {c: (d, e)}}]

        def parts(holder):
            for obj in holder:
                yield obj
                yield from obj
                if hasattr(obj, 'values'):
                    yield from obj.values()
        self.check(make, parts)

    def test_code(self):
        source = ('def outer_name(argument_name, *, keyword_name=1):\n'
                  '    "a docstring"\n'
                  '    local_name, cell_name = 1234567, ("a constant", 2.75)\n'
                  '    def inner_name():\n'
                  '        return cell_name, attribute_name.other_name, '
                  'b"bytes", {1: frozenset}, x in {"set member", 3.25}\n'
                  '    return inner_name\n')

        def make():
            namespace = {}
            exec(compile(source, self.leaf(), 'exec'), namespace)
            outer = namespace['outer_name']
            list(parts(outer))      # some are made when they are asked for
            return outer

        def parts(outer):
            todo = [outer.__code__, outer(1).__code__]
            while todo:
                part = todo.pop()
                yield part
                if isinstance(part, types.CodeType):
                    todo += [part.co_consts, part.co_names, part.co_filename,
                             part.co_name, part.co_qualname,
                             part.co_linetable, part.co_exceptiontable,
                             *part.co_varnames, *part.co_cellvars,
                             *part.co_freevars]
                elif isinstance(part, (tuple, frozenset)):
                    todo += part
        self.check(make, parts)

    def test_classes(self):
        def make():
            class Meta(type):
                pass
            name = self.leaf()
            cls = Meta(name, (Slotted,), {'__slots__': (name + 'slot',),
                                          '__qualname__': name + '.qualname'})
            cls.attribute = [self.leaf()]
            obj = cls()
            obj.one = [self.leaf()]
            return [obj, Slotted()]

        def parts(holder):
            obj = holder[0]
            cls = type(obj)
            return (obj, obj.one, obj.one[0], cls, type(cls), cls.__name__,
                    cls.__qualname__, cls.__mro__, cls.__bases__,
                    cls.attribute, cls.attribute[0], *cls.__dict__, *holder)
        self.check(make, parts)

    def test_instances(self):
        def make():
            # Attributes inline, in a shared-key dict, in one of its own.
            a, b, c = Record(1), Record(2), Record(3)
            b.__dict__
            c.__dict__ = {self.leaf(): self.leaf()}
            setattr(a, self.leaf(), 1)

            class Str(str):
                pass
            s = Str(self.leaf())
            s.attribute = self.leaf()
            return [a, b, c, s]

        def parts(holder):
            a, b, c, s = holder
            return (*holder, a.name, a.items, b.__dict__, b.name, c.__dict__,
                    *c.__dict__, *c.__dict__.values(), s.attribute)
        self.check(make, parts)

    def test_functions_and_descriptors(self):
        def make():
            def function(argument=[self.leaf()], *, keyword={1: self.leaf()}):
                return cell
            function.attribute = self.leaf()
            function.__annotations__['return'] = self.leaf()
            cell = [self.leaf()]
            cached = functools.lru_cache(len)
            cached(self.leaf())
            return [function, functools.partial(function, self.leaf(),
                                                key=self.leaf()),
                    cached, property(function, None, None, self.leaf()),
                    classmethod(function), staticmethod(function),
                    function.__get__(cell), cell.append,
                    operator.itemgetter(self.leaf()),
                    operator.attrgetter('one.two', self.leaf()),
                    operator.methodcaller(self.leaf(), self.leaf())]

        def parts(holder):
            f, partial = holder[:2]
            return (*holder, f.__defaults__, f.__defaults__[0],
                    f.__kwdefaults__, f.__closure__, *f.__closure__, f(),
                    f.attribute, f.__annotations__, f.__dict__, f.__name__,
                    f.__qualname__, f.__module__, partial.args,
                    *partial.args, partial.keywords, holder[3].__doc__)
        self.check(make, parts)

    def test_objects_of_c_modules(self):
        def make():
            context = contextvars.copy_context()
            var = contextvars.ContextVar(self.leaf(), default=[self.leaf()])
            context.run(var.set, self.leaf())
            local = threading.local()
            local.attribute = self.leaf()
            return [var, context, local, datetime.datetime.now(),
                    struct.Struct('<2i'), re.compile(self.leaf()),
                    re.match('(l)(?P<name>.*)', self.leaf()),
                    decimal.Decimal(7), decimal.Context(),
                    array.array('i', [1]), memoryview(bytearray(9)),
                    io.StringIO(self.leaf()), io.BytesIO(b'%d' % id(self)),
                    slice(self.leaf(), [1]), range(10 ** 20, 10 ** 30, 10000),
                    list[Record], int | Record, iter([self.leaf()]),
                    itertools.chain([self.leaf()], [1]),
                    OSError(2, self.leaf()), sys.float_info,
                    types.SimpleNamespace(attribute=self.leaf())]

        def parts(holder):
            yield from holder
            yield holder[2].attribute
            for obj in holder:
                if type(obj) in (slice, range):
                    yield from (obj.start, obj.stop, obj.step)
        self.check(make, parts)

    def test_context_variable_that_is_not_tracked(self):
        def make():
            var = contextvars.ContextVar(self.leaf(), default=self.leaf())
            self.assertFalse(gc.is_tracked(var))
            return [var]
        self.check(make, lambda holder: (holder[0].name, holder[0].get()))

    def test_struct_sequences(self):
        # Some have fields without a name, and the collector does not track
        # those that C code made.
        def make():
            return [os.stat(os.curdir), time.localtime(), sys.version_info]

        def parts(holder):
            yield from holder
            for obj in holder:
                yield from obj
        self.check(make, parts)

    def test_timezone(self):
        # It shows what it holds neither to the collector nor as members.
        def make():
            zone = datetime.timezone(datetime.timedelta(minutes=77),
                                     self.leaf())
            return [datetime.datetime.now(zone)]

        def parts(holder):
            for zone in holder[0].tzinfo, datetime.timezone.utc:
                yield from zone.__getinitargs__()
        self.check(make, parts)

    def test_references_that_are_weak(self):
        # The reference is made immortal; what dies with it is not affected.
        thing, calls = Slotted(), []
        ref = weakref.ref(thing, calls.append)
        proxy = weakref.proxy(thing)
        registry = weakref.WeakValueDictionary(thing=thing)
        gc.immortalize_heap()
        self.assertImmortal(thing, ref, registry)
        del thing
        gc.collect()
        self.assertEqual(calls, [])
        self.assertIs(registry['thing'], ref())
        self.assertEqual(proxy.__class__, Slotted)
        thing = Slotted()
        registry['thing'] = thing
        mortal = weakref.ref(thing, calls.append)
        del thing
        self.assertEqual(calls, [mortal])
        self.assertNotIn('thing', registry)

    def test_static_types_and_odd_traverse(self):
        # Whatever tp_traverse visits is marked, owned or not; NULL and the
        # static type itself are no obstacle.
        class Derived(imm.Odd):
            pass
        owned = [self.leaf()]
        odd, empty, derived = imm.Odd(owned), imm.Odd(), Derived(owned)
        half = imm.Odd.__new__(Derived)
        gc.immortalize_heap()
        self.assertImmortal(odd, empty, derived, half, owned, owned[0],
                            imm.BORROWED, imm.Odd, imm.StaticType, Derived)
        for obj in gc.get_referents(odd):
            self.assertImmortal(obj)
        mortal = imm.Odd([])
        gc.collect()
        gc.unfreeze()
        gc.collect()
        del mortal
        self.assertIn(owned, gc.get_referents(derived))

if __name__ == '__main__':
    unittest.main()
