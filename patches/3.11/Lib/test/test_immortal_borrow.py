"""Superinstructions that borrow their operands, ints and floats used again
for a result, and for loops that step common iterators without a call.

Only where PATCHED is looked at is the implementation tested: all else holds
in an unpatched interpreter as well."""

import dis
import itertools
import marshal
import math
import opcode
import operator
import pickle
import random
import sys
import types
import unittest
from test.support import import_helper

PATCHED = 'LOAD_FAST_ADAPTIVE' in opcode._specialized_instructions
# Instructions that no public view of code shows, and those tested here.
PRIVATE = opcode._specialized_instructions[
    opcode._specialized_instructions.index('LOAD_CONST_IMMORTAL'):
] if PATCHED else []
FORMS = {name for name in PRIVATE if '__' in name and
         'IMMORTAL' not in name and not name.endswith('_ADAPTIVE')}
WARM = 100


class Int(int):
    def __add__(self, other):
        return 'Int +'

    def __rmul__(self, other):
        return '* Int'

    def __lt__(self, other):
        return other == 1000


class Float(float):
    def __radd__(self, other):
        return '+ Float'

    def __gt__(self, other):
        return other != 2.5


class Thing:
    def __init__(self, x=None):
        self.x = x

    def method(self):
        return 'method', self.x


class Slots:
    __slots__ = 'x', '__weakref__'
    __init__ = Thing.__init__


def hinted(x=None):
    """A Thing that has a real __dict__."""
    thing = Thing(x)
    thing.__dict__
    return thing


def same(x):
    return x


def fresh(x):
    """A copy that nobody else holds, if x is an int or a float."""
    return x + 0 if type(x) is int else x * 1.0 if type(x) is float else x


D = 2 ** 30
INTS = [0, 1, -1, 3, -5, -6, 255, 256, 257, 46341, D - 1, 1 - D, D, -D,
        D // 2, 2 ** 60 - 1, -2 ** 60, 2 ** 61, 10 ** 30]
FLOATS = [0.0, -0.0, 1.0, -1.5, 1e308, math.inf, -math.inf, math.nan, 2.0**53]
OTHERS = [True, False, Int(3), Int(D), Float(2.5)]
STRS = ['', 'a', 'b', 'ab', '\xe9', '\u20ac', 'a' * 50]
NUMBERS = INTS + FLOATS + OTHERS
LOADS = [('same(a)', 'b'), ('fresh(a)', 'b'), ('a', 'b'), ('a', 'fresh(b)'),
         ('fresh(a)', 'fresh(b)'), ('fresh(a)', 'same(b)')]
CONST_LOADS = [('same(a)', "'K'"), ('fresh(a)', "'K'"), ('a', "'K'"),
               ("'K'", 'b')]
# What it takes to compare, and what comes out if the comparison holds.
JUMPS = [('if {}:\n    return 7\nreturn 8', 7, 8),
         ('if not ({}):\n    return 7\nreturn 8', 8, 7),
         ('for n in 4, 5:\n    if {}:\n        continue\n    return n', None,
          4),
         ('for n in 4, 5:\n    if not ({}):\n        continue\n    return n',
          4, None),
         ('n = 0\nwhile {}:\n    n += 1\n    if n > 3:\n        break\n'
          'return n', 4, 0),
         ('n = 0\nwhile not ({}):\n    n += 1\n    if n > 3:\n'
          '        break\nreturn n', 0, 4)]


def function(body, const=None):
    """f() with this body, in a new code object; const is 'K' there."""
    namespace = {}
    source = 'def f(a=None, b=None, c=None):\n' + body
    exec(source.replace('\n', '\n    '), globals(), namespace)
    f = namespace['f']
    code = f.__code__
    f.__code__ = code.replace(co_consts=tuple(
        const if value == 'K' else value for value in code.co_consts))
    return f


def warm(f, *args, n=WARM):
    for i in range(n):
        f(*args)
    return f


def forms(code):
    """The instructions that the interpreter has in place of code's."""
    ctypes = import_helper.import_module('ctypes')
    public = code.co_code
    raw = ctypes.string_at(id(code) + types.CodeType.__basicsize__,
                           len(public))
    return {dis._all_opname[op]
            for op, cache in zip(raw[::2], public[::2]) if cache}


def describe(x):
    return [*map(describe, x)] if type(x) is tuple else (type(x), repr(x))


def outcome(f, *args):
    try:
        return describe(f(*args))
    except Exception as exc:
        return type(exc), str(exc)


class OperatorTests(unittest.TestCase):
    def check(self, f, expected, *groups):
        """f gives what expected gives, after it saw the first pair only."""
        for pairs in groups:
            warm(outcome, f, *pairs[0])
            for pair in pairs:
                if outcome(f, *pair) != outcome(expected, *pair):
                    self.assertEqual(outcome(f, *pair),
                                     outcome(expected, *pair), pair)

    def check_all(self, values, groups, body, expected):
        mixed = random.Random(311).sample(
            list(itertools.product(values, repeat=2)), 400)
        groups = [[(g[1], g[2]), *itertools.product(g, g)] for g in groups]
        before = describe(tuple(values))
        for left, right in LOADS:
            for prepare in '', 'a = fresh(a)\nb = fresh(b)\n':
                f = function(prepare + body(left, right))
                with self.subTest(body=body(left, right)):
                    self.check(f, expected, *groups, mixed, groups[0])
        for left, right in CONST_LOADS:
            for value in values[::3]:
                pairs = [(value, other) for other in [value, *values]]
                if left != "'K'":
                    pairs = [(b, a) for a, b in pairs]
                f = function(body(left, right), value)
                with self.subTest(body=body(left, right), const=value):
                    self.check(f, expected, pairs)
                self.assertTrue(any(c is value for c in f.__code__.co_consts))
        self.assertEqual(describe(tuple(values)), before)

    def test_arithmetic(self):
        for symbol, op in zip('+-*', (operator.add, operator.sub,
                                      operator.mul)):
            for target in 'r', 'a', 'b':
                def body(left, right):
                    return (f'{target} = {left} {symbol} {right}\n'
                            f'return {target}, a, b')

                def expected(a, b):
                    result = {'a': a, 'b': b, target: op(a, b)}
                    return result[target], result['a'], result['b']
                self.check_all(NUMBERS, (INTS, FLOATS), body, expected)

    def test_comparisons(self):
        values = [*INTS[::2], *FLOATS, *OTHERS, *STRS]
        for symbol, op in {'<': operator.lt, '<=': operator.le,
                           '==': operator.eq, '!=': operator.ne,
                           '>': operator.gt, '>=': operator.ge}.items():
            for jump, true, false in JUMPS:
                def body(left, right):
                    return jump.format(f'{left} {symbol} {right}')

                def expected(a, b):
                    return true if op(a, b) else false
                groups = INTS[::2], FLOATS
                if symbol in ('==', '!='):
                    groups += STRS,
                self.check_all(values, groups, body, expected)

    def test_jumps_of_the_compiler(self):
        names = {i.opname.removeprefix('POP_JUMP_') for jump, *x in JUMPS
                 for i in dis.get_instructions(function(jump.format('a < b')))}
        self.assertLess({'FORWARD_IF_TRUE', 'FORWARD_IF_FALSE',
                         'BACKWARD_IF_TRUE', 'BACKWARD_IF_FALSE'}, names)

    def test_subscripts(self):
        items = [1, 0, 2, -1, 3, D, -D, 2 ** 70, True, Int(1), 1.0, 'x']
        for sequence in [10, 'b', None], (10, 'b', None), 'abc':
            pairs = [(sequence, item) for item in items]
            for left, right in [*LOADS, ('a[:]', 'b')]:
                f = function(f'return {left}[{right}]')
                self.check(f, operator.getitem, pairs[:3], pairs, pairs,
                           [((5, 6), 1)], [([5, 6], 1)], pairs)
            for item in items:
                for left, right in CONST_LOADS[:3]:
                    f = function(f'return {left}[{right}]', item)
                    self.check(f, operator.getitem,
                               [(x, item) for x in ([1, 2, 3], (4, 5, 6), [7],
                                                    [1, 2, 3], sequence)])


class FormTests(unittest.TestCase):
    """Every form is in use, changes no count and is seen by nobody."""

    OPERATORS = [
        (f'BINARY_OP_{name}_{kind}', f'return {{}} {symbol} {{}}', a, b)
        for name, symbol in (('ADD', '+'), ('SUBTRACT', '-'),
                             ('MULTIPLY', '*'))
        for kind, a, b in (('INT', 1000, 2000), ('FLOAT', 1.5, 2.5))
    ] + [
        (f'COMPARE_OP_{kind}_JUMP', f'if {{}} {symbol} {{}}: return 1', a, b)
        for kind, symbol, a, b in (('INT', '<', 1000, 2000),
                                   ('FLOAT', '<', 1.5, 2.5),
                                   ('STR', '==', 'ab', 'b'))
    ] + [
        ('BINARY_SUBSCR_LIST_INT', 'return {}[{}]', [5.5, 6.5], 1),
        ('BINARY_SUBSCR_TUPLE_INT', 'return {}[{}]', (5.5, 6.5), 1),
    ]
    OWNERS = [
        ('LOAD_FAST__LOAD_ATTR_INSTANCE_VALUE', 'return a.x', Thing),
        ('LOAD_FAST__LOAD_ATTR_SLOT', 'return a.x', Slots),
        ('LOAD_FAST__LOAD_ATTR_WITH_HINT', 'return a.x', hinted),
        ('LOAD_FAST__LOAD_FAST__LOAD_ATTR_INSTANCE_VALUE', 'return b, a.x',
         Thing),
        ('LOAD_FAST__LOAD_FAST__LOAD_ATTR_SLOT', 'return b, a.x', Slots),
        ('LOAD_FAST__STORE_ATTR_INSTANCE_VALUE', 'a.x = same(b)', Thing),
        ('LOAD_FAST__STORE_ATTR_SLOT', 'a.x = same(b)', Slots),
        (None, 'a.x = same(b)', hinted),
        ('LOAD_FAST__LOAD_FAST__STORE_ATTR_INSTANCE_VALUE', 'a.x = b', Thing),
        ('LOAD_FAST__LOAD_FAST__STORE_ATTR_SLOT', 'a.x = b', Slots),
        (None, 'a.x = b', hinted),
        (None, 'return a.method()', Thing),
    ]
    OTHERS = [
        ('LOAD_FAST__STORE_SUBSCR_LIST_INT', 'a[b] = 5.5', [1, 2], 1),
        (None, 'if a: return 1', True, 0),
        (None, 'if not a: b = 1', None, 0),
        (None, 'if a is None: b = 1', [], 0),
        (None, 'if a is not None: b = 1', [], 0),
        (None, 'return a.copy()', [5.5], 0),
        (None, 'return a', 1.5, 0),
        (None, 'return "K"', 0, 0),
        (None, 'x, y = a', (1.5, 2.5), 0),
    ]

    @classmethod
    def hot(cls):
        """Name of the form, function that uses it, arguments, constant."""
        for loads, operands in (
                ('LOAD_FAST', ('same(a)', 'b')),
                ('LOAD_CONST', ('same(a)', "'K'")),
                ('LOAD_FAST__LOAD_FAST', ('a', 'b')),
                ('LOAD_FAST__LOAD_CONST', ('a', "'K'"))):
            for name, body, a, b in cls.OPERATORS:
                b = b if loads.endswith('FAST') else fresh(b)
                yield (f'{loads}__{name}',
                       function(body.format(*operands), b), (a, b), b)
        for name, body, make in cls.OWNERS:
            yield name, function(body), (make([]), []), None
        for name, body, a, b in cls.OTHERS:
            const = 2 ** 70
            yield name, function(body, const), (a, b), const

    def test_every_form(self):
        import_helper.import_module('ctypes')       # for forms()
        names = set()
        for name, f, args, const in self.hot():
            with self.subTest(name=name):
                cold = f.__code__.co_code
                held = [*args, const]
                warm(f, *args)
                before = [sys.getrefcount(x) for x in held]
                warm(f, *args, n=10 ** 4)
                self.assertEqual([sys.getrefcount(x) for x in held], before)
                if PATCHED and name is not None:
                    self.assertIn(name, forms(f.__code__))
                names.add(name)
                self.check_views(f, cold)
        if PATCHED:
            self.assertEqual(FORMS, names - {None})

    def check_views(self, f, cold):
        code = f.__code__
        self.assertEqual(code.co_code, cold)
        self.assertEqual(code.replace(co_name='f'), code)
        self.assertEqual(hash(code.replace(co_name='f')), hash(code))
        self.assertEqual(marshal.loads(marshal.dumps(code)).co_code, cold)
        shown = {i.opname for i in dis.get_instructions(f, adaptive=True)}
        self.assertFalse(shown & {*PRIVATE} or
                         [name for name in shown if name.startswith('<')])

    def test_extended_arguments(self):
        names = [f'v{i}' for i in range(300)]
        lines = [f'{name} = {i}.5' for i, name in enumerate(names)]
        lines += ['for n in range(100):', '    if v299 > v298:']
        for x, y in itertools.permutations((0, 254, 255, 256, 257, 299), 2):
            lines += [f'        v{x} = v{x} + v{y}; v{x} -= v{y}',
                      f'        c = (v{x} * 2.5) - v{y}; a.n{x} = v{y}',
                      f'        assert a.n{x} == v{y} and not v{x} < {x}.25']
        lines += [f'        a.n{i} = v{i} + {i + 1000}.0' for i in range(300)]
        lines += ['return [' + ', '.join(names) + ']']
        f = function('\n'.join(lines))
        consts = describe(f.__code__.co_consts)
        for a in Thing(), hinted():
            self.assertEqual(f(a), [i + .5 for i in range(300)])
            self.assertEqual([getattr(a, f'n{i}') for i in range(300)],
                             [2 * i + 1000.5 for i in range(300)])
        self.assertEqual(describe(f.__code__.co_consts), consts)
        if PATCHED:
            self.assertIn('LOAD_FAST__LOAD_FAST__BINARY_OP_ADD_FLOAT',
                          forms(f.__code__))

    def test_jumps_to_the_second_half(self):
        for body, expected in (
                ('return (a if c else b) + b', lambda a, b, c:
                 (a if c else b).__add__(b)),
                ('return (a or b) - c', lambda a, b, c:
                 (a or b).__sub__(c)),
                ('return [n for n in (a, b) if (n and b) < c]',
                 lambda a, b, c: [*filter(lambda n: (n and b).__lt__(c),
                                          (a, b))])):
            f = function(body)
            for args in [*itertools.product((0, 1000, 2000), repeat=3),
                         *itertools.product((0.0, 1.5, 2.5), repeat=3)] * 9:
                self.assertEqual(describe(f(*args)),
                                 describe(expected(*args)))

    def test_pickle_by_name(self):
        warm(same, 1)
        self.assertIs(pickle.loads(pickle.dumps(same)), same)


if __name__ == '__main__':
    unittest.main()
