"""Which dicts a collection untracks: by the same rules as an unpatched CPython."""

import gc
import sys
import unittest
import weakref
from test.test_gc_survivors import Node, UntrackMixin


class UntrackDictTests(UntrackMixin, unittest.TestCase):

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


if __name__ == '__main__':
    unittest.main()
