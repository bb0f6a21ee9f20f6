"""gc.immortalize_heap() called by finalizers and callbacks; and what immortal
objects let go of afterwards."""

import collections
import gc
import sys
import unittest
import weakref
from test.immortal_support import isolated


class Thing:
    """Something to refer to, weakly as well."""


def fresh():
    """A mortal object, and a weak reference to it."""
    thing = Thing()
    return thing, weakref.ref(thing)


@isolated
class FinalizerTests(unittest.TestCase):

    def test_called_in_del(self):
        notes = []

        class Caller:
            def __init__(self):
                self.payload = [f'payload {id(self)}']

            def __del__(self):
                counts = gc.immortalize_heap()
                notes.append((self.payload[0], min(counts.values()) >= 0))
        expected = []
        for i in range(3):
            caller = Caller()
            expected.append((caller.payload[0], True))
            del caller                          # by its count
            self.assertEqual(notes, expected)
        caller = Caller()
        caller.cycle = [caller]
        expected.append((caller.payload[0], True))
        del caller
        gc.collect()                            # by the collector
        self.assertEqual(notes, expected)
        gc.unfreeze()
        gc.collect()
        self.assertEqual(notes, expected)

    def test_called_in_del_by_the_collector(self):
        # self is a local of a running frame, and so reachable.
        answers = []

        class Caller:
            def __del__(self):
                gc.immortalize_heap()
                answers.append(gc.is_immortal(self))
                answers.append(gc.is_immortal(self.cycle))
                answers.append(gc.is_immortal(self.cycle[1]))
        caller = Caller()
        caller.cycle = [caller, [str(id(caller))]]
        del caller
        gc.collect()
        self.assertEqual(answers, [True] * 3)

    def test_garbage_saved_by_a_finalizer_in_the_same_cycle(self):
        saved = []

        class Caller:
            def __del__(self):
                gc.immortalize_heap()

        def make():
            caller = Caller()
            caller.other = Thing()
            caller.other.back = caller
            caller.other.values = [f'value {i}' for i in range(10)]
            return weakref.ref(caller.other, saved.append)
        ref = make()
        gc.collect()
        gc.collect()
        other = ref()
        if other is not None:       # it may live, but then whole
            self.assertEqual(other.values, [f'value {i}' for i in range(10)])
            self.assertIs(other.back.other, other)

    def test_resurrected_and_then_immortal(self):
        notes, saved = [], []

        class Phoenix:
            def __del__(self):
                notes.append('del')
                saved.append(self)
        phoenix = Phoenix()
        del phoenix
        gc.immortalize_heap()
        saved.clear()
        gc.unfreeze()
        gc.collect()
        self.assertEqual(notes, ['del'])

    def test_called_in_weakref_callback(self):
        notes = []

        def callback(ref):
            notes.append(ref())
            gc.immortalize_heap()
        for cyclic in False, True:
            thing = Thing()
            if cyclic:
                thing.cycle = thing
            ref = weakref.ref(thing, callback)
            del thing
            gc.collect()
            self.assertEqual(notes.pop(), None)
            gc.unfreeze()
            gc.collect()
            self.assertEqual((ref(), notes), (None, []))

    def test_called_in_gc_callback(self):
        phases, results = [], []

        def callback(phase, info):
            phases.append(phase)
            results.append(gc.immortalize_heap())
        gc.disable()  # Whatever runs by itself would be seen, too.
        self.addCleanup(gc.enable)
        gc.callbacks.append(callback)
        try:
            thing, ref = fresh()
            thing.cycle = thing
            del thing
            gc.collect()
        finally:
            gc.callbacks.remove(callback)
        self.assertEqual(phases, ['start', 'stop'])
        for counts in results:
            self.assertGreaterEqual(min(counts.values()), 0, counts)
        gc.unfreeze()
        gc.collect()
        thing, ref = fresh()
        thing.cycle = thing
        del thing
        gc.collect()
        self.assertIsNone(ref())

    def test_cyclic_garbage_is_not_made_immortal(self):
        refs = []
        for i in range(10):
            thing, ref = fresh()
            thing.cycle = [thing]
            refs.append(ref)
        del thing
        gc.immortalize_heap()
        self.assertEqual([ref() for ref in refs], [None] * 10)


@isolated
class HolderTests(unittest.TestCase):
    """What an immortal object lets go of is released at once."""

    def test_containers(self):
        d, a, s, q = {}, [None], set(), collections.deque()
        gc.immortalize_heap()
        for put, drop in (
                (lambda x: d.update(key=x), lambda: d.pop('key')),
                (lambda x: d.update({(1,): x}), lambda: d.clear()),
                (lambda x: d.update(key=x), lambda: d.update(key=None)),
                (lambda x: a.append(x), lambda: a.pop()),
                (lambda x: a.insert(0, x), lambda: a.__delitem__(0)),
                (lambda x: a.__setitem__(0, x), lambda: a.clear()),
                (lambda x: s.add(x), lambda: s.pop()),
                (lambda x: q.append(x), lambda: q.popleft()),
                (lambda x: sys.modules.update(immortal_test=x),
                 lambda: sys.modules.pop('immortal_test')),
                (lambda x: globals().update(immortal_test=x),
                 lambda: globals().pop('immortal_test'))):
            thing, ref = fresh()
            put(thing)
            del thing
            self.assertIsNotNone(ref())
            drop()
            self.assertIsNone(ref())

    def test_instances_and_classes(self):
        class A:
            pass

        class B:
            pass

        class C(A):
            pass
        obj = A()
        gc.immortalize_heap()
        for holder in (obj, A, C, C(), sys.modules[__name__], fresh):
            holder.attribute, ref = fresh()
            del holder.attribute
            self.assertIsNone(ref())
        obj.attribute, ref = fresh()
        obj.__dict__ = {'attribute': None}
        self.assertIsNone(ref())
        obj.attribute, ref = fresh()
        del obj.__dict__
        self.assertIsNone(ref())
        obj.__class__ = B
        self.assertIs(type(obj), B)

        class Mortal:
            pass
        ref = weakref.ref(Mortal)
        obj.__class__ = Mortal
        C.__bases__ = (Mortal,)
        self.assertIs(C.__base__, Mortal)
        self.assertEqual(Mortal.__subclasses__(), [C])
        obj.__class__, C.__bases__ = B, (A,)
        del Mortal
        gc.collect()
        self.assertIsNone(ref())
        self.assertEqual(A.__subclasses__(), [C])

    def test_cells_defaults_and_exceptions(self):
        def outer():
            cell = None

            def inner(default=None):
                nonlocal cell
                cell = default
            return inner
        inner, exc = outer(), ValueError('immortal')
        gc.immortalize_heap()
        thing, ref = fresh()
        inner(thing)
        del thing
        self.assertIsNotNone(ref())
        inner()
        self.assertIsNone(ref())
        thing, ref = fresh()
        inner.__defaults__ = (thing,)
        del thing
        inner.__defaults__ = None
        self.assertIsNone(ref())

        def fail():
            local, ref = fresh()
            refs.append(ref)
            raise exc
        refs = []
        for i in range(3):
            with self.assertRaises(ValueError) as caught:
                fail()
            del caught
            exc.__traceback__ = None
            self.assertIsNone(refs.pop()())

    def test_classes_come_and_go(self):
        class Base:
            pass
        gc.immortalize_heap()
        gc.disable()
        for n in 10, 10 ** 4:
            for i in range(n):
                derived = type('Derived', (Base, collections.OrderedDict),
                               {'method': lambda self: None})
                derived().method()
                if i % 1000 == 0:
                    del derived
                    gc.collect()
            del derived
            gc.collect()
            self.assertEqual(Base.__subclasses__(), [])
            count = len(gc.get_objects()), sys.getallocatedblocks()
            if n == 10:
                before = count
        self.assertLess(count[0] - before[0], 50)
        self.assertLess(count[1] - before[1], 500)


if __name__ == '__main__':
    unittest.main()
