"""What the functions of gc show of what is immortal, and do to it."""

import gc
import json
import os
import sys
import unittest
import weakref

from test import support
from test.immortal_support import isolated
from test.support.script_helper import assert_python_ok


class Thing:
    pass


def seen(thing, generation=None):
    """Is thing among what gc.get_objects() returns?"""
    return any(obj is thing for obj in gc.get_objects(generation))


def referrers(*things):
    return set(map(id, gc.get_referrers(*things)))


def run(code, *args):
    rc, out, err = assert_python_ok(*args, '-c', code)
    return out.decode()


class StartupTests(unittest.TestCase):
    """As on an unpatched interpreter: what start-up made is there to see."""

    def test_objects_and_referrers(self):
        code = ('import gc, json, os, sys\n'
                'found = set(map(id, gc.get_objects()))\n'
                'print([id(x) in found for x in (sys, sys.modules, os,'
                ' os.__dict__, os.PathLike, os.fsencode, json.loads)],'
                ' any(x is sys.modules for x in gc.get_referrers(os)),'
                ' any(x is sys.modules for x in gc.get_referrers(json)),'
                ' any(x is os.fsencode for x in'
                ' gc.get_referrers(os.fsencode.__code__)))')
        for switch in 'on', 'off':
            with self.subTest(switch):
                self.assertEqual(run(code, '-X', 'immortal_heap=' + switch),
                                 f'{[True] * 7} True True True\n')

    def test_nothing_is_frozen(self):
        code = 'import gc; print(gc.get_freeze_count(), gc.unfreeze(), ' \
               'gc.get_freeze_count())'
        self.assertEqual(run(code), '0 None 0\n')

    def test_as_many_as_with_the_heap_off(self):
        code = 'import gc; gc.collect(); print(len(gc.get_objects()), ' \
               'gc.freeze(), gc.get_freeze_count())'
        counts = []
        for switch in 'on', 'off':
            objects, _, frozen = run(code, '-X', f'immortal_heap={switch}'
                                     ).split()
            counts.append(int(frozen))
            self.assertAlmostEqual(int(frozen), int(objects), delta=20)
        self.assertAlmostEqual(counts[0] / counts[1], 1, delta=.03)

    def test_none_twice(self):
        code = ('import gc\n'
                'for i in range(3):\n'
                '    ids = list(map(id, gc.get_objects()))\n'
                '    print(len(ids) == len(set(ids)))\n'
                '    gc.collect(); i and gc.immortalize_heap()')
        self.assertEqual(run(code), 'True\n' * 3)


@isolated
class CallTests(unittest.TestCase):

    def test_get_objects(self):
        thing = Thing()
        gc.immortalize_heap()
        self.assertTrue(gc.is_tracked(thing))
        self.assertTrue(seen(thing))
        self.assertEqual([seen(thing, i) for i in range(3)],
                         [False, False, True])
        young = Thing()
        self.assertEqual([seen(young, i) for i in (None, 0, 1, 2)],
                         [True, True, False, False])
        self.assertEqual(gc.get_freeze_count(), 0)

    def test_get_referrers(self):
        thing = Thing()
        holders = [thing], (thing, []), {'key': thing}, {thing: []}, {thing}
        other = Thing()
        other.thing = thing
        gc.immortalize_heap()
        found = referrers(thing)
        self.assertLessEqual({*map(id, holders), id(other)}, found)
        young = [thing]
        self.assertEqual(referrers(thing) - found, {id(young)})
        self.assertIn(id(sys.modules), referrers(json))

    def test_counts_and_lists_are_not_written_to(self):
        things = [[Thing()] for i in range(100)]
        gc.immortalize_heap()
        before = [sys.getrefcount(thing) for thing in things]
        found = gc.get_objects()
        holders = gc.get_referrers(*things)
        self.assertEqual([sys.getrefcount(thing) for thing in things], before)
        del found, holders
        self.assertEqual([sys.getrefcount(thing) for thing in things], before)
        self.assertTrue(all(map(gc.is_tracked, things)))

    def test_freeze_and_unfreeze_as_ever(self):
        old = Thing()
        gc.immortalize_heap()
        young = Thing()
        young.cycle = young
        ref = weakref.ref(young)
        self.assertEqual(gc.get_freeze_count(), 0)
        total = len(gc.get_objects())
        for i in range(3):
            gc.freeze()
            self.assertAlmostEqual(gc.get_freeze_count(), total, delta=200)
            self.assertFalse(seen(old) or seen(young))
            self.assertFalse(seen(old, 2) or seen(young, 2))
            holder = [old]
            self.assertIn(id(holder), referrers(old))
            gc.unfreeze()
            self.assertEqual(gc.get_freeze_count(), 0)
            self.assertTrue(seen(old) and seen(young))
            self.assertTrue(seen(old, 2) and seen(young, 2))
        gc.freeze()
        del young
        gc.collect()
        self.assertIsNotNone(ref())
        gc.unfreeze()
        gc.collect()
        self.assertIsNone(ref())

    def test_frozen_and_made_immortal(self):
        thing = Thing()
        gc.freeze()
        self.assertFalse(gc.is_immortal(thing))
        gc.immortalize_heap()
        self.assertTrue(gc.is_immortal(thing))
        self.assertTrue(seen(thing))
        gc.unfreeze()
        for i in 0, 1, 2:
            gc.collect(i)
        self.assertTrue(gc.is_immortal(thing) and seen(thing, 2))

    def test_what_stays_mortal_is_collected(self):
        # Frames that run stay mortal, on whatever list they were.
        try:
            1 / 0
        except ZeroDivisionError as exc:
            gc.freeze()
            gc.immortalize_heap()
            self.assertFalse(gc.is_immortal(exc))
            exc.thing = thing = Thing()
            thing.cycle = exc
            ref = weakref.ref(thing)
        del thing
        gc.unfreeze()
        gc.collect()
        self.assertIsNone(ref())

    @unittest.skipIf(gc.is_tracked({}), 'dictionaries are always tracked')
    def test_tracked_again(self):
        inner = {}
        gc.immortalize_heap()
        inner['thing'] = Thing()
        self.assertTrue(seen(inner, 0))
        gc.collect()
        self.assertTrue(seen(inner, 2))
        self.assertFalse(seen(inner, 0))

    def test_what_watches_collections(self):
        gc.disable()  # Whatever runs by itself would be counted, too.
        self.addCleanup(gc.enable)
        gc.immortalize_heap()
        calls = []

        def callback(phase, info):
            calls.append((phase, info['generation']))
        gc.callbacks.append(callback)
        stats = gc.get_stats()
        gc.unfreeze()
        gc.get_objects()
        gc.collect()
        gc.callbacks.remove(callback)
        self.assertEqual(calls, [('start', 2), ('stop', 2)])
        self.assertEqual(gc.get_stats()[2]['collections'],
                         stats[2]['collections'] + 1)


@isolated
@unittest.skipUnless(os.path.exists('/proc/self/smaps_rollup') and
                     hasattr(os, 'fork'), 'needs fork() and smaps_rollup')
class SharingTests(unittest.TestCase):
    """What a forked worker copies, of 400,000 lists that it shares."""

    @staticmethod
    def dirty():
        with open('/proc/self/smaps_rollup', encoding='ascii') as file:
            for line in file:
                if line.startswith('Private_Dirty'):
                    return int(line.split()[1])

    def written(self, work):
        """KiB of memory that a child writes to during work()."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                gc.disable()
                self.dirty()
                before = self.dirty()
                work()
                os.write(writing, b'%d' % (self.dirty() - before))
            finally:
                os._exit(0)
        os.close(writing)
        with open(reading, 'rb') as file:
            text = file.read()
        support.wait_process(pid, exitcode=0)
        return int(text)

    def setUp(self):
        self.data = [[str(i), [[i + 1000]]] for i in range(200_000)]
        gc.immortalize_heap()

    def test_unfreeze_and_collect(self):
        def work():
            for i in range(3):
                gc.unfreeze()
                gc.collect()
                gc.freeze()
                gc.get_freeze_count()
        self.assertLess(self.written(work), 512)

    def test_unfreeze_of_mortals_afterwards(self):
        more = [[i] for i in range(100)]
        gc.freeze()

        def work():
            gc.unfreeze()
            gc.collect()
        self.assertLess(self.written(work), 512)
        self.assertEqual(len(more), 100)

    @support.skip_if_sanitizer('freed memory is not used again', address=True)
    def test_look(self):
        # The results are as large as a pointer for each object, with
        # room to grow, and copied as they do.
        pointers = len(gc.get_objects()) * 8 // 1024
        thing = self.data[7]

        def work():
            gc.get_objects()
            gc.get_referrers(thing)
        self.assertLess(self.written(work), 3 * pointers + 512)


if __name__ == '__main__':
    unittest.main()
