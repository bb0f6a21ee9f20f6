"""Objects that are in use while gc.immortalize_heap() makes them immortal:
operands, iterators, what is being built."""

import collections
import functools
import gc
import itertools
import sys
import unittest
from test.immortal_support import isolated


@isolated
class OperandTests(unittest.TestCase):
    """Operations that would work in place if nobody else held the operand."""

    def test_str(self):
        s = t = ''.join(['im', 'mortal'])
        gc.immortalize_heap()
        for i in range(50):
            s = t
            s += 'x'
            self.assertFalse(gc.is_immortal(s))
            s += 'y'
        self.assertEqual((s, t), ('immortalxy', 'immortal'))

    def test_str_in_one_local_only(self):
        def append(s):
            gc.immortalize_heap()
            for i in range(5):
                s += 'x'
            return s
        self.assertEqual(append(''.join(['a', 'b'])), 'abxxxxx')
        for i in range(20):
            self.assertEqual(append(''.join(['a', str(i)])), f'a{i}xxxxx')

    def test_bytes(self):
        b = c = b''.join([b'im', b'mortal'])
        a = bytearray(b'array')
        gc.immortalize_heap()
        b += b'x'
        a += b'x'
        self.assertEqual((a, b, c), (b'arrayx', b'immortalx', b'immortal'))

    def test_tuple_and_int(self):
        t = u = tuple([1, 2])
        i = j = int('1' * 30)
        f = g = float('1.5')
        gc.immortalize_heap()
        for n in range(20):
            t, i, f = u, j, g
            t += (3,)
            i += 1
            f += 1.0
        self.assertEqual((t, u), ((1, 2, 3), (1, 2)))
        self.assertEqual((i - j, f - g), (1, 1.0))
        self.assertEqual(str(j), '1' * 30)

    def test_partial(self):
        partial = functools.partial(dict, a=1)
        nested = functools.partial(partial, b=2)
        gc.immortalize_heap()
        self.assertEqual(nested(c=3), {'a': 1, 'b': 2, 'c': 3})
        self.assertEqual(partial(b=2), {'a': 1, 'b': 2})
        self.assertEqual(partial.keywords, {'a': 1})
        again = functools.partial(nested, a=4)
        self.assertEqual(again(), {'a': 4, 'b': 2})
        self.assertEqual(nested.keywords, {'a': 1, 'b': 2})

    def test_intern(self):
        plain = ''.join(['not ', 'interned ', 'yet'])
        interned = sys.intern(''.join(['interned ', 'before']))
        gc.immortalize_heap()
        self.assertIs(sys.intern(plain), plain)
        self.assertIs(sys.intern(''.join(['not ', 'interned ', 'yet'])), plain)
        self.assertIs(sys.intern(''.join(['interned ', 'before'])), interned)
        # An equal immortal string that comes second.
        first = sys.intern(''.join(['first ', 'come']))
        second = ''.join(['first ', 'come'])
        gc.immortalize_heap()
        self.assertIs(sys.intern(second), first)


@isolated
class IteratorTests(unittest.TestCase):
    """Iterators that hand out one tuple again when nobody kept it."""

    def check(self, make):
        expected = list(make())
        unused, begun = make(), make()
        first = next(begun)
        gc.immortalize_heap()
        rest = list(begun)
        self.assertEqual([first, *rest], expected)
        self.assertEqual(len(set(map(id, rest))), len(rest))
        self.assertEqual(list(unused), expected)
        self.assertEqual(first, expected[0])
        # Nothing kept: the reuse itself.
        gc.immortalize_heap()
        again = make()
        gc.immortalize_heap()
        self.assertEqual([repr(item) for item in again],
                         [repr(item) for item in expected])

    def test_pairs(self):
        d = {'a': 1, 'b': 2, 'c': 3}
        for make in (lambda: zip('abc', [1, 2, 3]), lambda: enumerate('abc'),
                     lambda: iter(d.items()), lambda: reversed(d.items()),
                     lambda: iter(collections.OrderedDict(d).items()),
                     lambda: itertools.zip_longest('abc', [1]),
                     lambda: itertools.pairwise('abcd'),
                     lambda: zip('abc', 'def', 'ghi')):
            self.check(make)

    def test_combinatorics(self):
        for make in (lambda: itertools.product('ab', [1, 2]),
                     lambda: itertools.combinations('abcd', 2),
                     lambda: itertools.combinations_with_replacement('abc', 2),
                     lambda: itertools.permutations('abc', 2)):
            self.check(make)

    def test_reduce_keeps_its_arguments(self):
        calls = []

        def function(*args):
            calls.append(args)
            gc.immortalize_heap()
            return args[0] + args[1]
        self.assertEqual(functools.reduce(function, [1, 2, 3, 4]), 10)
        self.assertEqual(calls, [(1, 2), (3, 3), (6, 4)])

    def test_called_while_something_is_built(self):
        def items(n):
            for i in range(n):
                gc.immortalize_heap()
                yield f'item_{i}'

        for number, build in enumerate((
                tuple, list, set, frozenset, sorted, max, dict.fromkeys,
                ''.join, collections.deque, collections.Counter,
                lambda it: list(enumerate(it)),
                lambda it: tuple(itertools.islice(it, 3)),
                lambda it: [*it, 1], lambda it: (*it, 1), lambda it: {*it, 1},
                lambda it: dict(zip(it, items(9))),
                lambda it: {key: 1 for key in it},
                lambda it: b''.join(map(str.encode, it)),
                lambda it: (lambda *args: args)(*it),
                lambda it: (lambda **kw: kw)(**dict.fromkeys(it)),
                lambda it: f'{[*it]}',
                lambda it: list(itertools.product(it, 'ab')),
                lambda it: list(itertools.combinations(it, 2)),
                lambda it: [*map(max, it, it)], lambda it: [*zip(it, it)],
                lambda it: type('C', (), {'__slots__': it}).__dict__.keys())):
            for n in 5, 30:
                with self.subTest(number=number, build=build, n=n):
                    self.assertEqual(build(items(n)),
                                     build(iter(list(items(n)))))

    def test_called_by_comparison_hash_and_repr(self):
        class Key:
            def __init__(self, value):
                self.value = value

            def __eq__(self, other):
                gc.immortalize_heap()
                return self.value == other.value

            def __lt__(self, other):
                gc.immortalize_heap()
                return self.value < other.value

            def __hash__(self):
                gc.immortalize_heap()
                return self.value

            def __repr__(self):
                gc.immortalize_heap()
                return f'Key {self.value}'
        keys = [Key(i) for i in (3, 1, 2)]
        self.assertEqual(repr(sorted(keys)), '[Key 1, Key 2, Key 3]')
        keys.sort()
        keys.sort(key=lambda key: gc.immortalize_heap() and -key.value)
        self.assertEqual(repr(tuple(keys)), '(Key 3, Key 2, Key 1)')
        d = {key: key.value for key in keys}
        self.assertEqual(d[Key(2)], 2)
        self.assertEqual(len({*keys, Key(1), Key(4)}), 4)

if __name__ == '__main__':
    unittest.main()
