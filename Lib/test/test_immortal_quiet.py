"""Code that is specialized when gc.immortalize_heap() is called writes into
itself no more."""

import gc
import sys
import types
import unittest
from test.immortal_support import isolated


class A:
    def __init__(self, x=1):
        self.x = x

    def method(self):
        return self.x


class B(A):
    def __init__(self):
        self.y = 2
        self.x = 3

    def method(self):
        return self.y


class Slots:
    __slots__ = 'x',

    def method(self):
        return 4


def polymorphic(objs):
    total = 0
    for obj in objs:
        total += obj.x + obj.method()
        if obj.x > 10:
            total -= len([obj.x])
    return total


def never_specialized(values):
    result = []
    for left, right in values:
        # Of mixed types, the operators cannot be specialized.
        result.append((left + right, left * 2, left == right, left[0:1]))
    return result


def text(code):
    """The instructions as they are now, caches included."""
    return code._co_code_adaptive


def warm(function, *args):
    for i in range(200):
        function(*args)


@isolated
class QuietTests(unittest.TestCase):

    MIXED = [('ab', 'c'), ([1], [2]), ((1, 2), (3,)), (b'x', b'y')]

    def check_quiet(self, function, *args):
        before = text(function.__code__)
        for i in range(100):
            function(*args)
        self.assertEqual(text(function.__code__), before)

    def test_specialized(self):
        objs = [A(i) for i in range(5)]
        warm(polymorphic, objs)
        gc.immortalize_heap()
        self.check_quiet(polymorphic, objs)

    def test_misses(self):
        warm(polymorphic, [A()])
        gc.immortalize_heap()
        slots = Slots()
        slots.x = 5
        self.check_quiet(polymorphic, [B(), slots])

    def test_what_cannot_be_specialized(self):
        warm(never_specialized, self.MIXED)
        before = text(never_specialized.__code__)
        never_specialized(self.MIXED)
        # Its counters are running.
        self.assertNotEqual(text(never_specialized.__code__), before)
        gc.immortalize_heap()
        self.check_quiet(never_specialized, self.MIXED)

    def test_nested(self):
        def outer(values):
            def inner(value):
                return [value + v for v in values]
            return inner(values[0])
        warm(outer, [1.5, 2])
        gc.immortalize_heap()
        self.check_quiet(outer, [1.5, 2])
        for const in outer.__code__.co_consts:
            if hasattr(const, 'co_code'):
                before = text(const)
                outer(['a', 'b'])
                outer([[1], [2]])
                self.assertEqual(text(const), before)

    def test_code_that_no_function_holds(self):
        code = compile('c = a + b\nd = c < b\ne = [a, c][0]', 'none', 'exec')
        namespace = {'a': 1, 'b': 2}
        for i in range(200):
            exec(code, namespace)
        gc.immortalize_heap()
        before = text(code)
        for i in range(100):
            exec(code, namespace | {'a': 0.5 + i})
        self.assertEqual(text(code), before)

    def test_results(self):
        slots = Slots()
        slots.x = 5
        mixed = [A(), B(), slots, A(20)]
        warm(polymorphic, [A()])
        warm(never_specialized, self.MIXED)
        expected = polymorphic(mixed), never_specialized(self.MIXED)
        gc.immortalize_heap()
        for i in range(10):
            self.assertEqual(
                (polymorphic(mixed), never_specialized(self.MIXED)), expected)

    def test_not_quiet(self):
        warm(never_specialized, self.MIXED)
        gc.immortalize_heap(quiet=False)
        before = text(never_specialized.__code__)
        never_specialized(self.MIXED)
        self.assertNotEqual(text(never_specialized.__code__), before)


@isolated
class LearningTests(unittest.TestCase):

    def test_cold_code(self):
        gc.immortalize_heap()
        before = text(polymorphic.__code__)
        warm(polymorphic, [A()])
        self.assertNotEqual(text(polymorphic.__code__), before)

    def test_what_was_never_reached(self):
        warm(polymorphic, [A()])
        gc.immortalize_heap()
        before = text(polymorphic.__code__)
        polymorphic([A(20)])
        self.assertNotEqual(text(polymorphic.__code__), before)
        if sys.version_info >= (3, 12):
            # One instruction learns at a time, each by a miss of its own.
            for i in range(8):
                polymorphic([A(20)])
        before = text(polymorphic.__code__)
        warm(polymorphic, [A(20)])
        self.assertEqual(text(polymorphic.__code__), before)

    def test_very_many_misses(self):
        # A place that was specialized for the wrong thing does not stay slow.
        warm(polymorphic, [A()])
        gc.immortalize_heap()
        before = text(polymorphic.__code__)
        objs = [B() for i in range(100)]
        warm(polymorphic, objs)
        after = text(polymorphic.__code__)
        self.assertNotEqual(after, before)
        warm(polymorphic, objs)
        self.assertEqual(text(polymorphic.__code__), after)

    def test_new_functions(self):
        gc.immortalize_heap()
        namespace = {}
        exec('def f(x):\n    return x + x', namespace)
        f = namespace['f']
        warm(f, 1)
        before = text(f.__code__)
        f('a')
        self.assertNotEqual(text(f.__code__), before)


@isolated
class NestedTests(unittest.TestCase):
    """Code in code in code: neither depth nor number costs anything."""

    def test_deep(self):
        code = text.__code__
        for i in range(500_000):
            code = code.replace(co_consts=(code,))
        function = types.FunctionType(code, {})
        gc.immortalize_heap()
        self.assertTrue(gc.is_immortal(function.__code__))

    def test_wide(self):
        code = text.__code__
        for i in range(100):
            code = code.replace(co_consts=(code, code))
        function = types.FunctionType(code, {})
        gc.immortalize_heap()
        self.assertTrue(gc.is_immortal(function.__code__))


if __name__ == '__main__':
    unittest.main()
