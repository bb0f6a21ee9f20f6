"""gc.immortalize_heap() and gc.is_immortal(): what they return, what repeated
calls and the other functions of gc make of it, and what the call costs."""

import gc
import inspect
import sys
import unittest
import weakref
from test.immortal_support import isolated
from test.support import requires_subprocess
from test.support.script_helper import assert_python_ok


KEYS = 'collected', 'frozen', 'immortalized'


class Thing:
    """Something to refer to, weakly as well."""


def garbage(n):
    for i in range(n):
        cycle = []
        cycle.append(cycle)


class IsImmortalTests(unittest.TestCase):

    def test_immortal_from_birth(self):
        for obj in (None, True, False, Ellipsis, NotImplemented, 0, -5, 256,
                    '', 'x', '\xe9', b'', (), int, type(None), object):
            self.assertIs(gc.is_immortal(obj), True, repr(obj))

    def test_fresh_objects(self):
        for obj in (10 ** 10, float('1.5'), ''.join(['a', 'b']), [], {},
                    object(), Thing(), lambda: 0, (sys.argv, 1), b'%d' % 1234):
            self.assertIs(gc.is_immortal(obj), False, repr(obj))

    def test_arguments(self):
        for call in (lambda: gc.is_immortal(), lambda: gc.is_immortal(1, 2),
                     lambda: gc.is_immortal(obj=1),
                     lambda: gc.immortalize_heap(1),
                     lambda: gc.immortalize_heap(generation=2)):
            self.assertRaises(TypeError, call)

    def test_introspection(self):
        self.assertEqual(str(inspect.signature(gc.is_immortal)), '(obj, /)')
        for function in gc.immortalize_heap, gc.is_immortal:
            self.assertIn('immortal', inspect.getdoc(function))
        for key in KEYS:
            self.assertIn(key, inspect.getdoc(gc.immortalize_heap))


@isolated
class CountTests(unittest.TestCase):

    def test_result(self):
        counts = gc.immortalize_heap()
        self.assertIs(type(counts), dict)
        self.assertGreaterEqual(set(counts), set(KEYS))
        for value in counts.values():
            self.assertIs(type(value), int)
            self.assertGreaterEqual(value, 0)
        self.assertFalse(gc.is_immortal(counts))

    def test_collected(self):
        gc.disable()
        gc.collect()
        garbage(100)
        self.assertEqual(gc.immortalize_heap()['collected'], 100)
        self.assertEqual(gc.immortalize_heap()['collected'], 0)

    def test_garbage_is_collected_although_gc_is_disabled(self):
        gc.disable()
        thing = Thing()
        thing.cycle = thing
        ref = weakref.ref(thing)
        del thing
        gc.immortalize_heap()
        self.assertIsNone(ref())
        self.assertFalse(gc.isenabled())
        gc.enable()
        gc.immortalize_heap()
        self.assertTrue(gc.isenabled())

    def test_frozen(self):
        gc.disable()
        gc.immortalize_heap()

        def count():
            return sum(map(gc.is_immortal, gc.get_objects()))
        count()
        gc.immortalize_heap()
        before = count()
        lists = [[] for i in range(1000)]
        counts = gc.immortalize_heap()
        self.assertEqual(count() - before, counts['frozen'])
        self.assertIn(counts['frozen'], range(1001, 1050))
        self.assertTrue(gc.is_immortal(lists))

    def test_immortalized(self):
        gc.disable()
        gc.immortalize_heap()
        lists = [[i + 0.5] for i in range(1000)]
        counts = gc.immortalize_heap()
        self.assertIn(counts['immortalized'], range(2001, 2050))
        self.assertTrue(all(map(gc.is_immortal, lists)))
        self.assertTrue(gc.is_immortal(lists[500][0]))

    def test_frozen_before(self):
        # What gc.freeze() took is not moved any more, but made immortal.
        gc.disable()
        gc.immortalize_heap()
        lists = [[] for i in range(1000)]
        gc.freeze()
        counts = gc.immortalize_heap()
        self.assertLess(counts['frozen'], 50)
        self.assertIn(counts['immortalized'], range(1001, 1050))
        self.assertTrue(all(map(gc.is_immortal, lists)))

    def test_second_call_finds_next_to_nothing(self):
        first = gc.immortalize_heap()
        second = gc.immortalize_heap()
        # The first result is new, and so are its values.
        self.assertLess(second['immortalized'], 20)
        self.assertLess(second['frozen'], 20)
        del first, second
        for i in range(100):
            third = gc.immortalize_heap()
        self.assertLess(third['immortalized'], 20)

    def test_second_call_takes_what_is_new(self):
        gc.immortalize_heap()
        holder = {}
        gc.immortalize_heap()
        holder['new'] = new = [{'key': (float('1.5'), str(id(holder)))}]
        self.assertFalse(gc.is_immortal(new))
        gc.immortalize_heap()
        for obj in (new, new[0], new[0]['key'], *new[0]['key']):
            self.assertTrue(gc.is_immortal(obj))


@isolated
class CollectorTests(unittest.TestCase):

    def test_mark_is_not_undone_by_unfreeze(self):
        things = [Thing() for i in range(1000)]
        gc.immortalize_heap()
        gc.unfreeze()
        for generation in 0, 1, 2, 2:
            gc.collect(generation)
            self.assertTrue(all(map(gc.is_immortal, things)))

    def test_freeze_and_unfreeze_of_mortals_afterwards(self):
        gc.immortalize_heap()
        thing = Thing()
        thing.cycle = thing
        ref = weakref.ref(thing)
        gc.freeze()
        self.assertFalse(gc.is_immortal(thing))
        del thing
        gc.collect()
        self.assertIsNotNone(ref())
        gc.unfreeze()
        gc.collect()
        self.assertIsNone(ref())

    def test_cycles_are_still_collected(self):
        gc.disable()
        gc.immortalize_heap()
        gc.collect()
        garbage(100)
        self.assertEqual(gc.collect(), 100)
        gc.enable()
        thing = Thing()
        thing.cycle = thing
        ref = weakref.ref(thing)
        del thing
        for i in range(20):
            garbage(10 ** 5)
            if ref() is None:
                break
        else:
            self.fail('no automatic collection')

    def test_cycle_of_mortal_and_immortal(self):
        holder = []
        gc.immortalize_heap()
        thing = Thing()
        thing.back = holder
        holder.append(thing)
        ref = weakref.ref(thing)
        del thing
        for i in range(3):
            gc.collect()
            gc.unfreeze()
        self.assertIsNotNone(ref())
        holder.clear()
        self.assertIsNone(ref())
        # The other way, through a cycle of mortals.
        thing = Thing()
        thing.cycle, thing.back = thing, holder
        ref = weakref.ref(thing)
        del thing
        gc.collect()
        self.assertIsNone(ref())

    def test_saveall_and_stats(self):
        gc.immortalize_heap()
        gc.unfreeze()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            gc.collect()
            garbage(10)
            gc.collect()
        finally:
            gc.set_debug(0)
        self.assertGreaterEqual(len(gc.garbage), 10)
        self.assertFalse(any(map(gc.is_immortal, gc.garbage)))
        gc.garbage.clear()
        self.assertEqual(len(gc.get_stats()), 3)

    def test_garbage_that_was_saved(self):
        gc.set_debug(gc.DEBUG_SAVEALL)
        garbage(10)
        gc.immortalize_heap()
        gc.set_debug(0)
        self.assertGreaterEqual(len(gc.garbage), 10)
        self.assertTrue(all(map(gc.is_immortal, gc.garbage)))
        gc.garbage.clear()

    @unittest.skipIf(gc.is_tracked({}), 'dictionaries are always tracked')
    def test_untracked_dict_that_becomes_tracked(self):
        holder = {'key': {}}
        inner = holder['key']
        self.assertFalse(gc.is_tracked(inner))
        gc.immortalize_heap()
        inner['thing'] = thing = Thing()
        self.assertTrue(gc.is_tracked(inner))
        thing.back = inner
        ref = weakref.ref(thing)
        del thing
        for i in range(3):
            gc.collect()
        self.assertIs(inner['thing'], ref())
        inner.clear()
        self.assertIsNone(ref())


@requires_subprocess()
class CostTests(unittest.TestCase):

    SCRIPT = """if 1:
        import gc, time
        class C:
            pass
        def mix(n):
            for i in range(n // 4):
                c = C()
                c.value = [i, {'key': (i, [])}]
                yield c
        def timed(function):
            begin = time.process_time()
            function()
            return time.process_time() - begin
        gc.disable()
        heap = list(mix(%d))
        gc.collect()
        collect = min(timed(gc.collect) for i in range(3))
        print(collect, timed(gc.immortalize_heap))
        """

    def times(self, n):
        """Processor time of a collection, and of the call after it."""
        rc, out, err = assert_python_ok('-S', '-c', self.SCRIPT % n)
        return map(float, out.split())

    def check(self, measure):
        """measure() returns a ratio and what it must be below.

        Other load can spoil one attempt, but what is quadratic, or takes
        several collections, fails all of them."""
        tried = []
        for attempt in range(6):
            ratio, limit = measure()
            if ratio < limit:
                return
            tried.append(ratio)
        self.fail(f'never below {limit}: {tried}')

    def test_compared_with_a_collection(self):
        def measure():
            collect, immortalize = self.times(200_000)
            return immortalize / collect, 3
        self.check(measure)

    def test_linear(self):
        def measure():
            small = min(list(self.times(10_000))[1] for i in range(3))
            large = min(list(self.times(100_000))[1] for i in range(3))
            return large / small, 20
        self.check(measure)


if __name__ == '__main__':
    unittest.main()
