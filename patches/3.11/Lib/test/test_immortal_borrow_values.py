"""What shares operands with the superinstructions of test_immortal_borrow,
errors in the middle of one, and for loops over common iterators.  All but
what depends on PATCHED holds in an unpatched interpreter as well."""

import itertools
import sys
import threading
import time
import unittest
from test.support import import_helper, threading_helper
from test.support.script_helper import assert_python_ok
from test.test_immortal_borrow import (
    D, PATCHED, WARM, Slots, Thing, describe, fresh, function, hinted,
    outcome, warm)


def trouble(f, *args):
    """How f(*args) fails, where, and with which local variables."""
    try:
        f(*args)
    except Exception as exc:
        tb = exc.__traceback__.tb_next
        where = list(tb.tb_frame.f_code.co_positions())[tb.tb_lasti // 2]
        return (type(exc), str(exc), tb.tb_lineno, where,
                dict(tb.tb_frame.f_locals))


def counter(x, step=0.5):
    while True:
        yield x
        x += step


def from_default(x=1000.5, y=5000):
    x += 1.0
    y = y - 4000
    y += 1
    return x, y


class AliasTests(unittest.TestCase):
    """A result takes the place of what nobody else can see."""

    def test_everybody_keeps_what_he_has(self):
        for start, step in ((0.5, 0.25), (1000, 7), (-9, 1), (D - 9, 1),
                            (5 - D, -1), (2 ** 70, D), (250, 1)):
            def accumulate(n):
                x = fresh(start)
                seen = [x]
                for i in range(n):
                    before = x
                    x = x + step
                    x += step
                    after = x
                    x = step + x
                    x = x * 1 - step
                    seen += [before, after, x - step]
                return seen, sys._getframe().f_locals['x'], x

            expected = [start]
            for n in range(50):
                expected += [start.__add__(step.__mul__(2 * n + k))
                             for k in (0, 2, 1)]
            for i in range(9):
                seen, *last = accumulate(50)
                self.assertEqual(describe(tuple(seen)),
                                 describe(tuple(expected)))
                self.assertEqual(last, [start.__add__(step.__mul__(100))] * 2)

    def test_constants_defaults_arguments_and_cells(self):
        def constants():
            x, y = 1000.5, 123456
            x += 1.0
            y -= 456
            z = x
            z *= 2.0
            return x, y, z, 1000.5, 123456

        def cell(x):
            y = x
            y += 1.5
            y *= 2.0
            return y, (lambda: x)()

        def unpack(*args, **kwargs):
            x, y = args
            x += y
            z = kwargs['z']
            z -= y
            return x, z, args, kwargs
        for i in range(WARM):
            self.assertEqual(constants(), (1001.5, 123000, 2003.0, 1000.5,
                                           123456))
            self.assertEqual(from_default(), (1001.5, 1001))
            self.assertEqual(from_default.__defaults__, (1000.5, 5000))
            self.assertEqual(cell(1000.5), (2004.0, 1000.5))
            self.assertEqual(unpack(1.5, 2.5, z=3.5),
                             (4.0, 1.0, (1.5, 2.5), {'z': 3.5}))

    def test_generators_and_frames(self):
        numbers = counter(0.5)
        values = [*itertools.islice(numbers, 500)]
        self.assertEqual(values, [n / 2 for n in range(1, 501)])
        self.assertEqual(numbers.gi_frame.f_locals, {'x': 250.0, 'step': 0.5})
        shown = numbers.gi_frame.f_locals
        self.assertEqual([next(numbers), next(numbers)], [250.5, 251.0])
        self.assertEqual(numbers.gi_frame.f_locals['x'], 251.0)
        self.assertIs(numbers.gi_frame.f_locals, shown)

        def saved(x, y):
            before = dict(locals())
            x += y
            y = y - x
            return before, (x, y)
        for x, y in ((1000.5, 2.5), (1000, 2000)) * WARM:
            self.assertEqual(saved(x, y), ({'x': x, 'y': y},
                                           (x.__add__(y), x.__neg__())))

    def test_small_ints_stay_singletons(self):
        def count(x, n, step):
            for i in range(n):
                if -5 <= x <= 256:
                    self.assertIs(x, int(str(step * (i - 300))))
                x = x + step
                x = x + 1
                x -= 1
        for i in range(5):
            count(-300, 600, 1)
            count(300, 600, -1)
        for i in range(-300, 300):
            if -5 <= i <= 256:
                self.assertIs(i, int(str(i)))


class ErrorTests(unittest.TestCase):
    UNBOUND = [
        ('return (a\n+\nb)', 1000, 2000), ('return (a\n*\n"K")', 1000, 0),
        ('return (same(1)\n+\nb)', 0, 1000), ('return (a\n[\nb])', [5], 0),
        ('if (a\n<\nb): return 1', 1000, 2000), ('return a', 1, 1),
        ('if a: return 1', True, 1), ('if not a: return 1', True, 1),
        ('if a is None: return 1', 1, 1), ('x, y = a', (1, 2), 0),
        ('if a is not None: return 1', 1, 1), ('return a.x', Thing(), 0),
        ('return (b\n, a.x)', Slots(), 0), ('a.x = same(b)', Slots(), 0),
        ('(a\n.x) = b', Thing(), 0), ('(a\n[\nb]) = same(1)', [5], 0),
        ('return (a\n.method())', Thing(), 0),
        ('x = a\nreturn 1, (a\n-\nb), x', 1.5, 2.5),
    ]
    FAILURES = [
        ('x = [a,\n(a\n+\nb)]', (1000, 2000), (1000, 'x')),
        ('x = [a,\n(a\n-\n"K")]', (1000, 0), (None, 0)),
        ('x = [a,\n(same(a)\n*\nb)]', (1.5, 2.5), (1.5, {})),
        ('x = [a,\n(a[:]\n[\nb])]', ([1], 0), ([1], 1)),
        ('x = [a,\n(a\n[\nb])]', ((1, 2), 1), ((1,), 1)),
        ('x = [a,\n(a\n["K"])]', ([1] * 9, 0), ([1], 0)),
        ('if (a\n<\nb):\n    return 1', (1000, 2000), (1000, 'x')),
        ('while (fresh(a)\n>\nb): a = b', (2.5, 1.5), (2.5, 'x')),
        ('x = [a,\n(a\n.x)]', (Thing(), 0), (object(), 0)),
        ('x = [a,\n(a\n.x)]', (Slots(), 0), (object(), 0)),
        ('x = [a,\n(a\n.x)]', (hinted(), 0), (object(), 0)),
        ('x = 1\n(a\n.x) = b', (Slots(), 0), (object(), 0)),
        ('x = 1\n(a\n.x) = same(b)', (Thing(), 0), (object(), 0)),
        ('x = 1\na[\nb] = x', ([1], 0), ([], 0)),
        ('x = 1\nreturn (a\n.method())', (Thing(), 0), (object(), 0)),
        ('x, y = (\na)', ((1, 2), 0), ((1, 2, 3), 0)),
        ('if (\na):\n    return 1', (True, 0), (type('Bad', (), {
            '__bool__': lambda self: None})(), 0)),
    ]

    def test_unbound_local(self):
        for body, a, b in self.UNBOUND:
            for name in 'ab':
                source = f'if c == {name!r}:\n    del {name}\n{body}'
                f = warm(function(source, 5), a, b)
                result = trouble(f, a, b, name)
                with self.subTest(body=body, name=name):
                    if name not in body.replace('same', ''):
                        self.assertIsNone(result)
                        continue
                    self.assertIs(result[0], UnboundLocalError)
                    self.assertIn(f"variable '{name}'", result[1])
                    self.assertNotIn(name, result[4])
                    cold = trouble(function(source, 5), a, b, name)
                    # Some unpatched superinstructions report their first half.
                    n = 5 if PATCHED else 2
                    self.assertEqual(result[:n], cold[:n])
                    self.assertEqual(outcome(f, a, b),
                                     outcome(function(source, 5), a, b))

    def test_where_and_with_what_an_operation_fails(self):
        for body, args, bad in self.FAILURES:
            with self.subTest(body=body):
                expected = trouble(function(body, 5), *bad)
                self.assertIsNotNone(expected)
                f = warm(function(body, 5), *args)
                for i in range(WARM):
                    self.assertEqual(trouble(f, *bad), expected)
                self.assertIsNone(trouble(warm(f, *args), *args))

    def test_handlers_see_the_right_values(self):
        for expression, args, bad in (
                ('a + b', (1000, 2000), (1000, 'x')),
                ('same(a) * "K"', (1.5, 0), ([], 0)),
                ('a[b]', ([1, 2], 1), ([1, 2], 2)),
                ('a.x', (Thing(), 0), (5, 0)),
                ('fresh(a) - b', (1.5, 2.5), (1.5, None))):
            f = function(f'''handled = []
                |for n in 3, 4:
                |    try:
                |        x = [n, (n, {expression})]
                |    except Exception as exc:
                |        handled.append((a, b, n, type(exc).__name__))
                |return handled'''.replace(' ' * 16 + '|', ''), 2.5)
            for i in range(3):
                self.assertEqual(warm(f, *args)(*args), [])
                for j in range(WARM):
                    handled = f(*bad)
                    self.assertEqual([h[:3] for h in handled],
                                     [(*bad, 3), (*bad, 4)])
                    self.assertIn(handled[0][3], ('TypeError', 'IndexError',
                                                  'AttributeError'))

    def test_no_memory(self):
        import_helper.import_module('_testcapi')
        assert_python_ok('-c', '''if 1:
            import _testcapi
            def add(a, b, seen):
                seen += a, a + b
                a = a + b
                a += b
                return a

            def loop(a, b, seen):
                for i in range(a, a + 5):
                    seen.append(i)
                return i
            for f, a, b in ((add, 1000, 2000), (add, 2 ** 29, 2 ** 70),
                            (add, 1.5, 2.5), (loop, 1000, 0)):
                for i in range(100):
                    expected = []
                    result = f(a, b, expected)
                for stop in 0, 1:
                    for start in range(30):
                        seen = []
                        try:
                            _testcapi.set_nomemory(start, start + 1 and
                                                   stop and start + stop)
                            value = f(a, b, seen)
                        except MemoryError:
                            value = result
                        finally:
                            _testcapi.remove_mem_hooks()
                        assert value == result, (value, result)
                        assert seen == expected[:len(seen)], seen
            ''')


class LoopTests(unittest.TestCase):
    def test_items_are_kept(self):
        for n in range(3):
            self.assertEqual([str(i) for i in [i for i in range(997, 2000)]],
                             [*map(str, range(997, 2000))])
            d, closures, kept = {}, [], []
            for i in range(1000, 1300):
                d[i] = i
                closures.append(lambda i=i: i)
                before = i
                i += 1
                kept.append((before, i))
            self.assertEqual([*d], [*range(1000, 1300)])
            self.assertEqual([*d.values()], [*d])
            self.assertEqual([f() for f in closures], [*d])
            self.assertEqual(kept, [(n, n + 1) for n in d])
            cells = [lambda: i for i in range(1000, 1300)]
            self.assertEqual({f() for f in cells}, {1299})
            nested = []
            for i in range(-7, 700):
                for i in range(i, i + 3):
                    nested.append(i)
            self.assertEqual(nested, [n + k for n in range(-7, 700)
                                      for k in (0, 1, 2)])

    def test_ranges(self):
        f = function('x = []\nfor i in a:\n    x.append(i)\nreturn x')
        g = function('n = 0\nfor i in a:\n    n += i\nelse:\n    n -= 1\n'
                     'return n')
        m = sys.maxsize
        for args in ((0,), (300,), (300, -300, -1), (-300, 300, 7), (5, 5),
                     (m - 2, m), (m - 5, m, 2), (m, m - 5, -2), (m, m + 3),
                     (-m - 1, -m + 3), (-m + 1, -m - 1, -1), (m - 1, 0, 1 - m),
                     (-m, m, m // 2), (2 ** 30 - 3, 2 ** 30 + 3),
                     (3 - 2 ** 30, -3 - 2 ** 30, -1), (2 ** 64, 2 ** 64 + 3),
                     (2 ** 30 + 2, 2 ** 30 - 3, -1), (10, -1200, -400)) * 9:
            self.assertEqual(f(range(*args)), list(range(*args)))
            self.assertEqual(g(range(*args)), sum(range(*args)) - 1)

    def test_list_changes_while_iterated(self):
        f = function('x = []\nfor i in a:\n    x.append(i)\n    b(i)\n'
                     'return x')
        for n in range(WARM):
            items = [1, 2, 3]
            self.assertEqual(f(items, lambda i: i < 1000 and items.append(
                i * 10)), [1, 2, 3, 10, 20, 30, 100, 200, 300, 1000, 2000,
                           3000])
            items = [1, 2, 3]
            self.assertEqual(f(items, lambda i: items.clear()), [1])
            items = [1000, 2000, 3000]
            self.assertEqual(f(items, items.remove), [1000, 3000])

    def test_exhausted_iterator_stays_so(self):
        f = function('x = []\nfor i in a:\n    x.append(i)\nreturn x')
        items = [1, 2]
        for iterator, expected in ((iter(items), items[:]),
                                   (iter((1000, 2000)), [1000, 2000]),
                                   (iter(range(1000, 1003)), [1000, 1001,
                                                              1002])):
            self.assertEqual(f(iterator), expected)
            items.append(3)
            for i in range(3):
                self.assertEqual(f(iterator), [])
                self.assertEqual(list(iterator), [])
                self.assertIsNone(next(iterator, None))
        partly = iter(range(1000, 1009))
        self.assertEqual([next(partly), *f(partly)], [*range(1000, 1009)])

    def test_targets_that_are_not_ints(self):
        x = []
        for i in range(600):
            x.append(i)
            i = (i, float(i), str(i), None, True, 2 ** 70 + i)[i % 6]
            x.append(i)
            if i is None:
                del i
        self.assertEqual(x[::2], [*range(600)])
        self.assertEqual(x[11::12], [2 ** 70 + n for n in range(5, 600, 6)])

    @threading_helper.requires_working_threading()
    def test_threads_with_different_types(self):
        f = function('x = a\nfor i in range(1000, 1100):\n    x = x + b\n'
                     '    y = x\n    x += b\n    x -= b\n'
                     '    if x < a: break\n    c.x = y\nreturn x, c.x, i')
        work = [(0, 7, Thing()), (0.5, 0.25, Slots()), (2 ** 70, 3, hinted()),
                (True, 1000, Thing()), (1.5, 3, Thing())]
        expected = [(a + b * 100, a + b * 100, 1099) for a, b, c in work]
        wrong, end = [], time.monotonic() + 1

        def run(n):
            while time.monotonic() < end and not wrong:
                if f(*work[n]) != expected[n]:
                    wrong.append(n)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            with threading_helper.start_threads(
                    threading.Thread(target=run, args=(n,))
                    for n in range(len(work))):
                pass
        finally:
            sys.setswitchinterval(interval)
        self.assertEqual(wrong, [])


if __name__ == '__main__':
    unittest.main()
