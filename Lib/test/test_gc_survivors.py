"""What a collection does to the objects that it does not collect.

It untracks tuples by the same rules as an unpatched CPython, and counts
references right wherever the objects are and however they are held.
"""

import gc
import sys
import unittest
import weakref
from test.support.script_helper import assert_python_ok
from test.test_embed import EmbeddingTestsMixin


class Node:
    """May be tracked, always."""


ANOTHER_INTERPRETER = '''
import gc, sys, weakref
from test.test_gc_survivors import CountTests
config = sys.argv[1]
try:
    import _interpreters as interpreters
    how = {'config': config}
except ImportError:
    import _xxsubinterpreters as interpreters
    how = {'isolated': config == 'isolated'}

def run(code):
    failure = interpreters.run_string(other, code)
    assert failure is None, failure

tests = CountTests()
tests.collects(2, 1, 0)
other = interpreters.create(**how)
try:
    tests.collects(2)
    run('import gc, re; keep = [re, {}]; keep.append(keep); gc.collect()')
    tests.collects(2, 1, 0)
    run('gc.collect(); del keep; assert gc.collect() > 0')
    tests.collects(2)
finally:
    interpreters.destroy(other)
tests.collects(2, 2)
'''


class UntrackMixin:
    """There is no collection but those of the test."""

    def setUp(self):
        self.addCleanup(gc.enable)
        gc.disable()
        gc.collect()

    def tracked_after(self, generation, *objs):
        gc.collect(generation)
        return [gc.is_tracked(obj) for obj in objs]


class UntrackTests(UntrackMixin, unittest.TestCase):

    def test_tuples_in_each_generation(self):
        for generation in range(3):
            with self.subTest(generation=generation):
                n = len(sys.argv) + 1000
                # What holds a tuple begins as tracked in each CPython.
                plain = ((), n, str(n), 1.5, b'x')
                holder = (n, [])
                inner = ((), n)
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

    def test_suspended(self):
        # What a suspended frame has on its stack may be referred to without
        # being counted.
        def generator(node):
            return [node, node, node, (yield), node]
        for generation in 0, 1, 2, 2:
            ref = self.cycle()
            suspended = generator(ref())
            next(suspended)
            node = ref()
            gc.collect(generation)
            self.assertIs(node.me, node)
            self.assertEqual(len(node.parts), 4)
            node.generator = suspended
            del node, suspended
            gc.collect(generation)
            gc.collect()
            self.assertIsNone(ref())

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

    def test_resurrected_by_another(self):
        # One finalizer brings back what has none, and refers to it weakly.
        back, refs = [], []
        class Back(Node):
            def __del__(self):
                refs.append(weakref.ref(self.other))
                if self.keep:
                    back.append(self.other)
        for keep in True, False:
            with self.subTest(keep=keep):
                node, other = Back(), Node()
                node.keep = keep
                node.other = other
                other.nodes = [node, (other,)]
                other.text = 'text'
                del node, other
                gc.collect()
                if keep:
                    self.assertEqual(back[0].text, 'text')
                    self.assertIs(back[0].nodes[1][0], back[0])
                    self.assertIs(refs[0](), back[0])
                    back.clear()
                    gc.collect()
                self.assertIsNone(refs.pop()())

    def test_called_back(self):
        # A callback runs any code; what is unreachable stays so.
        called = []
        class Other(Node):
            pass
        for _ in range(2):
            node, other = Node(), Other()
            node.other, other.node = other, node
            ref = weakref.ref(node, lambda ref: called.append(gc.collect()))
            del node, other
            self.assertGreaterEqual(gc.collect(), 2)
            self.assertIsNone(ref())
        self.assertEqual(called, [0, 0])

    def test_count_of_garbage(self):
        gc.collect()
        for _ in range(100):
            a = []
            a.append(a)
        del a
        self.assertEqual(gc.collect(), 100)

    def test_with_another_interpreter(self):
        # In a process of its own: it may collect in another way from then on.
        for config in 'isolated', 'legacy':
            with self.subTest(config=config):
                assert_python_ok('-c', ANOTHER_INTERPRETER, config)


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
