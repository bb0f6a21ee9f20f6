"""What a collection does to the objects that it does not collect.

It untracks tuples, and in a full collection dicts, by the same rules as an
unpatched CPython, and counts references right wherever the objects are and
however they are held.
"""

import gc
import sys
import unittest
import weakref
from test.support import import_helper
from test.test_embed import EmbeddingTestsMixin


class Node:
    """May be tracked, always."""


class UntrackTests(unittest.TestCase):

    def setUp(self):
        self.addCleanup(gc.enable)
        gc.disable()
        gc.collect()

    def tracked_after(self, generation, *objs):
        gc.collect(generation)
        return [gc.is_tracked(obj) for obj in objs]

    def test_tuples_in_each_generation(self):
        for generation in range(3):
            with self.subTest(generation=generation):
                n = len(sys.argv) + 1000
                plain = (n, str(n), 1.5, b'x')
                holder = (n, [])
                inner = (n,)
                outer = (inner, n)
                self.assertTrue(gc.is_tracked(plain))
                self.assertEqual(
                    self.tracked_after(generation, plain, holder, inner),
                    [False, True, False])
                # The inner one had its turn first.
                self.assertFalse(gc.is_tracked(outer))

    def test_subclasses_stay(self):
        class Tuple(tuple):
            pass
        class Dict(dict):
            pass
        objs = Tuple((1, 2)), Dict(a=1)
        for _ in range(2):
            self.assertEqual(self.tracked_after(2, *objs), [True, True])

    def test_tuple_under_construction(self):
        def items():
            yield 1
            gc.collect()
            gc.collect()
            yield items
        built = tuple(items())
        self.assertTrue(gc.is_tracked(built))

    def test_dicts_in_full_collections_only(self):
        dicts = {'a': []}, {1: []}, {(1, 2): []}
        for d in dicts:
            self.assertTrue(gc.is_tracked(d))
            for key in d:
                d[key] = 1
        for generation, tracked in (0, True), (1, True), (2, False):
            with self.subTest(generation=generation):
                self.assertEqual(self.tracked_after(generation, *dicts),
                                 [tracked] * 3)

    def test_dict_by_what_it_holds(self):
        def made(value):
            d = {'a': []}
            d['a'] = value
            return d
        n = len(sys.argv)
        for value, tracked in (
                (n, False), ((n, 1), False), ((n, []), True), ([], True),
                ({}, True), (Node(), True), (((n,), 1.5), False),
                (None, False), ((), False)):
            for place in 'value', 'key':
                with self.subTest(value=value, place=place):
                    d = made(value)
                    if place == 'key':
                        try:
                            d = {'a': [], value: 1}
                        except TypeError:
                            continue
                        d['a'] = 1
                    self.assertEqual(self.tracked_after(2, d), [tracked])

    def test_dict_with_tuples_on_either_side(self):
        # Where the tuple is on the collector's list does not matter: all of
        # them come before all dicts.
        n = len(sys.argv)
        before = (n, 1.5)
        d = {'a': [], 'b': []}
        after = (n, 2.5)
        d['a'], d['b'] = after, before
        self.assertEqual(self.tracked_after(2, before, d, after), [False] * 3)

    def test_more_dicts_than_are_remembered(self):
        # The tuples come after the dicts: nothing can be said of these before
        # the end.
        n = len(sys.argv)
        for number in 10, 256, 257, 2000:
            with self.subTest(number=number):
                dicts = [{'a': []} for _ in range(number)]
                for i, d in enumerate(dicts):
                    d['a'] = (n + i, str(i))
                keepers = [{'a': (Node(),)} for _ in range(number)]
                gc.collect()
                self.assertEqual({gc.is_tracked(d) for d in dicts}, {False})
                self.assertEqual({gc.is_tracked(d) for d in keepers}, {True})

    def test_instance_dict(self):
        node = Node()
        node.a = 1
        d = node.__dict__
        d['b'] = []
        self.assertEqual(self.tracked_after(2, d), [True])
        d['b'] = 2
        self.assertEqual(self.tracked_after(2, d, node), [False, True])

    def test_tracked_again(self):
        d = {'a': []}
        d['a'] = 1
        self.assertEqual(self.tracked_after(2, d), [False])
        d['self'] = d
        node = d['node'] = Node()
        ref = weakref.ref(node)
        del d, node
        gc.collect()
        self.assertIsNone(ref())


class CountTests(unittest.TestCase):
    """Garbage is found, and nothing else, where references come from."""

    def setUp(self):
        self.addCleanup(gc.enable)
        self.addCleanup(gc.unfreeze)
        gc.disable()
        gc.collect()

    def cycle(self, *others):
        node = Node()
        node.me = node
        node.parts = [node, {'node': node}, (node,), {node}]
        node.others = others
        return weakref.ref(node)

    def collects(self, *generations):
        for generation in generations:
            ref = self.cycle()
            self.assertIsNotNone(ref())
            gc.collect(generation)
            self.assertIsNone(ref())

    def test_each_generation(self):
        self.collects(0, 1, 2, 2, 1, 0)

    def test_old_and_young(self):
        kept = []
        for generation in 0, 1, 2:
            ref = self.cycle(kept)
            kept.append(ref())
            gc.collect(generation)
            self.assertIsNotNone(ref())
        refs = [weakref.ref(node) for node in kept]
        kept.clear()
        gc.collect()
        self.assertEqual([ref() for ref in refs], [None] * 3)

    def test_frozen(self):
        frozen = self.cycle()
        gc.freeze()
        self.collects(2, 0, 2)
        # From frozen to young, and back.
        young = self.cycle(frozen())
        frozen().others = young()
        gc.collect()
        self.assertIsNotNone(young())
        self.assertIsNotNone(frozen())
        self.assertTrue(gc.is_tracked(frozen()))
        gc.unfreeze()
        gc.collect()
        self.assertIsNone(young())
        self.assertIsNone(frozen())
        self.collects(2)

    def test_frozen_and_deallocated(self):
        frozen = [Node() for _ in range(10)]
        for a, b in zip(frozen, frozen[1:]):
            a.next = b
        gc.freeze()
        gc.collect()
        refs = [weakref.ref(node) for node in frozen]
        # Unlinks each from its list.
        del frozen[:], a, b
        self.assertEqual([ref() for ref in refs], [None] * 10)
        self.collects(2)

    def test_unfreeze_with_nothing_frozen(self):
        gc.unfreeze()
        self.collects(2, 2, 1)
        self.assertEqual(gc.get_freeze_count(), 0)

    def test_many(self):
        # A list in which almost every object is met before its turn.
        nodes = [Node() for _ in range(20000)]
        for i, node in enumerate(nodes):
            node.next = nodes[(i * 7919 + 1) % len(nodes)]
        refs = [weakref.ref(node) for node in nodes[::100]]
        gc.collect()
        self.assertTrue(all(ref() for ref in refs))
        del nodes, node
        gc.collect()
        self.assertFalse(any(ref() for ref in refs))

    def test_resurrected(self):
        back = []
        class Back(Node):
            def __del__(self):
                back.append(self)
        node = Back()
        node.me = node
        node.tuple = (node, (len(sys.argv), 1.5))
        del node
        gc.collect()
        self.assertIs(back[0].me, back[0])
        back.clear()
        gc.collect()

    def test_count_of_garbage(self):
        gc.collect()
        for _ in range(100):
            a = []
            a.append(a)
        del a
        self.assertEqual(gc.collect(), 100)

    def test_with_another_interpreter(self):
        interpreters = import_helper.import_module('_xxsubinterpreters')
        other = interpreters.create()
        try:
            interpreters.run_string(other, 'import gc, re; keep = [re, {}]; '
                                           'keep.append(keep); gc.collect()')
            self.collects(2, 1, 0)
            interpreters.run_string(other, 'gc.collect(); del keep; '
                                           'assert gc.collect() > 0')
            self.collects(2)
        finally:
            interpreters.destroy(other)
        self.collects(2, 2)


class VisitTests(unittest.TestCase):
    """Lists and tuples are walked by the collector itself."""

    class List(list):
        pass

    class Tuple(tuple):
        pass

    def setUp(self):
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.enable)
        gc.disable()
        gc.collect()

    def cycles(self):
        """Yield a weak reference to an object of each kind of cycle."""
        for wrap in (lambda x: [x], lambda x: (x,), lambda x: self.List([x]),
                     lambda x: self.Tuple([x]), lambda x: [[], (), x, None],
                     lambda x: (1, [(x,)], 'b'), lambda x: [x] * 1000,
                     lambda x: (x,) * 1000):
            node = Node()
            node.held = wrap(node)
            ref = weakref.ref(node)
            del node
            yield ref

    def test_cycles_are_found(self):
        for generation in range(3):
            for number, ref in enumerate(self.cycles()):
                with self.subTest(generation=generation, number=number):
                    self.assertIsNotNone(ref())
                    gc.collect(generation)
                    self.assertIsNone(ref())

    def test_what_is_held_stays(self):
        for generation in range(3):
            for number, ref in enumerate(self.cycles()):
                with self.subTest(generation=generation, number=number):
                    holder = ref().held
                    gc.collect(generation)
                    gc.collect()
                    self.assertIs(ref().held, holder)
                    del holder
                    gc.collect()
                    self.assertIsNone(ref())

    def test_one_object_many_times(self):
        # Each reference is subtracted, and only references of the garbage.
        node = Node()
        node.held = [[node] * n for n in range(50)]
        node.held += [(node,) * n for n in range(50)]
        outside = [node] * 3
        ref = weakref.ref(node)
        del node
        gc.collect()
        self.assertIsNotNone(ref())
        outside.clear()
        self.assertGreaterEqual(gc.collect(), 100)
        self.assertIsNone(ref())

    def test_list_under_construction(self):
        # tolist() fills the outer lists from the front; what comes behind is
        # NULL while inner lists are made, for which collections run.
        view = memoryview(bytes(range(216))).cast('B', [6, 6, 6])
        expected = view.tolist()
        gc.enable()
        for thresholds in (1, 1000, 1000), (1, 1, 1000), (1, 1, 1):
            gc.set_threshold(*thresholds)
            self.assertEqual(view.tolist(), expected)

    def test_deep(self):
        for wrap in (lambda x: [x]), (lambda x: (x,)):
            first = chain = []
            ref = weakref.ref(node := Node())
            first.append(node)
            del node
            for _ in range(100_000):
                chain = wrap(chain)
            first.append(chain)
            gc.collect()
            self.assertIsNotNone(ref())
            del first, chain
            gc.collect()
            self.assertIsNone(ref())


class AgainTests(EmbeddingTestsMixin, unittest.TestCase):

    def test_after_another_life(self):
        # What outlives Py_FinalizeEx() is on no list of the next interpreter.
        code = ('import gc, sys, re, collections; a = []; a.append(a); '
                'gc.collect(); del a; '
                'print("found" if gc.collect() else "nothing")')
        out, err = self.run_embedded_interpreter('test_repeated_init_exec',
                                                 code)
        words = out.split()
        self.assertGreaterEqual(words.count('found'), 3)
        self.assertNotIn('nothing', words)


if __name__ == '__main__':
    unittest.main()
