"""Frames, tracing, finalizers, owners of attributes, where the
superinstructions of test_immortal_borrow are active.  All tests hold in an
unpatched interpreter as well."""

import asyncio
import itertools
import sys
import unittest
import weakref
from test.support import import_helper
from test.test_immortal_borrow import (
    WARM, Slots, Thing, function, hinted, outcome, warm)

ctypes = import_helper.import_module('ctypes')


class Rebinder:
    """When this goes away, so do local variables of whoever runs then."""

    def __init__(self, **values):
        self.values = values

    def __del__(self):
        frame = sys._getframe(1)
        shown = frame.f_locals
        for name, value in self.values.items():
            if value is None:
                shown.pop(name, None)
            elif callable(value):
                value(shown)
            else:
                shown[name] = value
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame),
                                              ctypes.c_int(1))
        shown.clear()


class FinalizerTests(unittest.TestCase):
    """What was stored before runs code that changes the local variables."""

    def test_attribute(self):
        for make, value in itertools.product((Thing, Slots, hinted),
                                             ('b', 'same(b)')):
            f = function(f'a.x = {value}\nreturn a, b, c()')
            count = function(f'a.x = {value}\nc()\nreturn b, a')
            with self.subTest(make=make, value=value):
                warm(f, make(), 1, lambda: 2)
                owner = make(Rebinder(a='A', b='B'))
                self.assertEqual(f(owner, 7, lambda: owner.x), ('A', 'B', 7))
                owner.x = Rebinder(a=None)
                with self.assertRaisesRegex(UnboundLocalError, "'a'"):
                    f(owner, 8, lambda: None)
                self.assertEqual(owner.x, 8)
                # Nobody else holds the owner: it goes with the variable.
                warm(count, make(), 1, lambda: 2)
                owner = make(Rebinder(a='A'))
                ref = weakref.ref(owner)
                alive = []
                held = [owner]
                del owner
                result = count(held.pop(), held, lambda: alive.append(ref()))
                self.assertEqual((result, alive), (([], 'A'), [None]))

    def test_list_item(self):
        f = warm(function('a[b] = c\nreturn a, b, c'), [1, 2, 3], 1, 2)
        for values in ({'a': 'A', 'b': 'B', 'c': 'C'},
                       {'a': [], 'b': 10 ** 6, 'c': 2.5}):
            items = [1, Rebinder(**values), 3]
            self.assertEqual(f(items, 1, 5), tuple(values.values()))
            self.assertEqual(items, [1, 5, 3])
        items = [1, 2, Rebinder(d=lambda shown: items.clear())]
        self.assertEqual(f(items, 2, 5), ([], 2, 5))
        items = [1, 2, Rebinder(d=lambda shown: items.append(6), b=None)]
        with self.assertRaisesRegex(UnboundLocalError, "'b'"):
            f(items, 2, 5)
        self.assertEqual(items, [1, 2, 5, 6])

    def test_number_is_rebound(self):
        f = function('n = 1000\nx = 0.5\nfor i in range(300, 310):\n'
                     '    a.x = i\n    n = n + 1\n    x += n\n    i = i + n\n'
                     'return n, x, i')
        expected = warm(f, Thing())(Thing())
        for make in Thing, Slots, hinted:
            self.assertEqual(f(make(Rebinder(z=1))), expected)
            self.assertEqual(f(make(Rebinder(x=100.5))),
                             (expected[0], expected[1] + 100, expected[2]))

    def test_truth_runs_code(self):
        class Truth:
            def __bool__(self):
                return self.find()

        def rebind():
            shown = sys._getframe(2).f_locals
            shown['a'] = None
            ctypes.pythonapi.PyFrame_LocalsToFast(
                ctypes.py_object(sys._getframe(2)), ctypes.c_int(1))
            return True

        for test, yes in ('a', True), ('not a', False):
            f = warm(function(f'if {test}:\n    return 1, a\nreturn 2, a'),
                     True)
            for value in ([], [1], '', 'x', 0, 1000, 0.0, None, True, False,
                          (), len, *f.__code__.co_consts):
                self.assertEqual(f(value),
                                 (1 if bool(value) is yes else 2, value))
            truth = Truth()
            before = sys.getrefcount(truth)
            truth.find = lambda: 1 // 0
            self.assertRaises(ZeroDivisionError, f, truth)
            truth.find = rebind
            self.assertEqual(f(truth), (1 if yes else 2, None))
            self.assertEqual(sys.getrefcount(truth), before)

    def test_temporary_container(self):
        for body in '[Rebinder(b="B"), 5][b], b', '(Rebinder(b="B"), 5)[b], b':
            f = function(f'import sys\nRebinder = c\nreturn {body}')
            warm(f, 0, 1, lambda b: 3)
            self.assertEqual(f(0, 1, Rebinder), (5, 'B'))

    def test_operands_die_on_time(self):
        f = function('a = Thing()\nr = weakref.ref(a)\na.x = b\na.x\n'
                     'a.method()\nif a: pass\nif a is None: pass\n'
                     'alive = r() is a\ndel a\nreturn alive, r()')
        f.__globals__.setdefault('weakref', weakref)
        for i in range(WARM):
            self.assertEqual(f(), (True, None))


class OwnerTests(unittest.TestCase):
    """The owner of an attribute changes after the code is hot."""

    BODIES = ['return a.x', 'return b, a.x', 'a.x = b\nreturn a.x',
              'a.x = same(b)\nreturn b, a.x', 'return a.method()']

    def check(self, change, error=None):
        for body, base in itertools.product(self.BODIES, (Thing, Slots)):
            def make():
                cls = type('Local', (base,), {'method': Thing.method,
                                              '__slots__': ()})
                return cls(5)
            with self.subTest(body=body, base=base):
                hot = function(body)
                for i in range(3):
                    thing, other = make(), make()
                    warm(hot, thing, 6)
                    function(body)(other, 6)
                    change(thing), change(other)
                    expected = outcome(function(body), other, 7)
                    for j in range(WARM):
                        result = outcome(hot, thing, 7)
                        self.assertEqual(result, expected)
                    if error and '=' not in body and 'method' not in body:
                        self.assertEqual(result[0], AttributeError)
                        self.assertIn("'x'", result[1])

    def test_attribute_is_deleted(self):
        self.check(lambda thing: delattr(thing, 'x'), error=True)

    def test_instance_gets_a_dict(self):
        def change(thing):
            if hasattr(thing, '__dict__'):
                thing.__dict__['y'] = 1
                thing.__dict__ = {'z': 1, **thing.__dict__}
        self.check(change)

    def test_dict_is_replaced_by_one_without_the_name(self):
        def change(thing):
            if hasattr(thing, '__dict__'):
                thing.__dict__ = {3: 4}
        self.check(change)

    def test_attribute_becomes_a_property(self):
        def change(thing):
            type(thing).x = property(lambda self: 'property',
                                     lambda self, value: None)
        self.check(change)

    def test_attribute_becomes_a_read_only_property(self):
        self.check(lambda thing: setattr(type(thing), 'x', property(len)))

    def test_class_gets_a_getattribute(self):
        self.check(lambda thing: setattr(type(thing), '__getattribute__',
                                         lambda self, name: 'got ' + name))

    def test_class_is_assigned(self):
        def change(thing):
            base = type(thing).__mro__[1]
            thing.__class__ = type('Other', (base,), {
                '__slots__': (), 'method': lambda self: 'other',
                '__setattr__': lambda self, name, value: None})
        self.check(change)

    def test_method_is_replaced(self):
        self.check(lambda thing: setattr(type(thing), 'method',
                                         lambda self: (self.x, 'new')))

    def test_instance_has_an_attribute_of_that_name(self):
        def change(thing):
            if hasattr(thing, '__dict__'):
                thing.method = lambda: 'own'
        self.check(change)

    def test_slot_is_unset(self):
        thing = Slots(1)
        get, put = function('return a.x'), function('a.x = b')
        for i in range(WARM):
            put(thing, i)
            self.assertEqual(get(thing), i)
            del thing.x
            with self.assertRaisesRegex(AttributeError, "attribute 'x'"):
                get(thing)


class ReturnTests(unittest.TestCase):
    def test_count_of_the_result(self):
        returned = warm(function('x = Thing()\nreturn x'))
        argument = warm(function('return a'), 1)
        for i in range(WARM):
            self.assertEqual(sys.getrefcount(returned()), 1)
        x = Thing()
        before = sys.getrefcount(x)
        warm(argument, x)
        self.assertEqual(sys.getrefcount(x), before)
        results = [argument(x) for i in range(9)]
        self.assertEqual(sys.getrefcount(x), before + 9)

    def test_frame_that_is_kept_shows_the_variable(self):
        def plain(x, frames=None):
            y = [x]
            if frames is not None:
                frames.append(sys._getframe())
            return y

        def handled(x, frames=None):
            y = [x]
            try:
                if frames is not None:
                    raise ValueError
            except ValueError as exc:
                frames.append(exc.__traceback__.tb_frame)
            return y

        def generator(x, frames=None):
            y = [x]
            if frames is not None:
                frames.append(sys._getframe())
            yield 1
            return y

        async def coroutine(x, frames=None):
            y = [x]
            if frames is not None:
                frames.append(sys._getframe())
            await asyncio.sleep(0)
            return y

        def call(function, *args):
            result = function(*args)
            if function in (plain, handled):
                return result
            steps = 0
            try:
                while True:
                    result.send(None)
                    steps += 1
            except StopIteration as stop:
                self.assertEqual(steps, 1)
                return stop.value
        for f in plain, handled, generator, coroutine:
            warm(call, f, 5)
            for i in range(WARM):
                frames = []
                result = call(f, 5, frames)
                self.assertEqual(result, [5])
                shown = frames[0].f_locals
                self.assertIs(shown['y'], result)
                self.assertEqual(shown['x'], 5)
                frames[0].clear()
                self.assertEqual(call(f, 6), [6])

    def test_finally_runs_after_the_value_is_loaded(self):
        def f(x, seen):
            try:
                return x
            finally:
                x = 1000
                seen.append(x)
        for i in range(WARM):
            seen = []
            self.assertEqual((f(5.5, seen), seen), (5.5, [1000]))


TRACED = '''x = 0.5
n = 1000
for i in range(300, 304):
    if i == 301:
        c()
    x += i
    x = x + \\
        n
    n = n + i
    if n < 1000 or \\
            x > 1e9:
        n = 5
    a.x = x
    b[0] = a.x
    y = (
        b[0]
        * x)
    z = a if n else b
    p, q = (x, y)
    a.method()
return y'''


class TraceTests(unittest.TestCase):
    def record(self, f, install, begin, opcodes=False, jump=None):
        events, thing = [], Thing()

        def tracer(frame, event, arg):
            if frame.f_code is f.__code__:
                frame.f_trace_opcodes = opcodes
                if jump and event == 'line' and frame.f_lineno == jump[0]:
                    frame.f_lineno = jump[1]
                shown = {name: value for name, value
                         in frame.f_locals.items() if name in 'xynipq'}
                events.append((event, frame.f_lineno, frame.f_lasti,
                               repr(shown),
                               arg if event == 'return' else None))
            return tracer

        def start():
            sys._getframe(begin).f_trace = tracer
            install(tracer)
        hook = start if begin else int
        if not begin:
            start()
        try:
            result = f(thing, [0.0], hook)
        finally:
            install(None)
        return result, events

    def test_events_are_those_of_a_cold_run(self):
        hot = warm(function(TRACED), Thing(), [0.0], int)
        for install, begin, opcodes, jump in itertools.product(
                (sys.settrace, sys.setprofile), (False, True), (False, True),
                (None, (7, 14), (9, 16))):
            if install is sys.setprofile and (jump or opcodes):
                continue
            with self.subTest(install=install, begin=begin, jump=jump,
                              opcodes=opcodes):
                expected = self.record(function(TRACED), install, begin,
                                       opcodes, jump)
                self.assertGreater(len(expected[1]), 0)
                for i in range(3):
                    self.assertEqual(self.record(hot, install, begin, opcodes,
                                                 jump), expected)
                warm(hot, Thing(), [0.0], int)

    def test_return_event_shows_value_and_variables(self):
        f = warm(function('x = [a]\nreturn x'), 5)
        for install in sys.settrace, sys.setprofile:
            seen = []

            def tracer(frame, event, arg):
                if frame.f_code is f.__code__ and event == 'return':
                    seen.append((arg, frame.f_locals['x'] is arg))
                return tracer
            install(tracer)
            try:
                f(7)
            finally:
                install(None)
            self.assertEqual(seen, [([7], True)])

    def test_tracer_in_c_sees_the_loop_variable(self):
        # Between FOR_ITER and STORE_FAST; it keeps no reference meanwhile.
        Tracer = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.py_object,
                                  ctypes.py_object, ctypes.c_int,
                                  ctypes.c_void_p)
        set_trace = ctypes.pythonapi.PyEval_SetTrace
        set_trace.argtypes = [Tracer, ctypes.py_object]
        f = function('for (\n  i\n) in range(1000, 1004):\n  pass')
        line = f.__code__.co_firstlineno + 2
        seen = []

        @Tracer
        def tracer(obj, frame, what, arg):
            if frame.f_code is f.__code__ and frame.f_lineno == line:
                seen.append(frame.f_locals.get('i'))
                frame.f_locals.clear()
            return 0
        warm(f)
        set_trace(tracer, None)
        try:
            f()
        finally:
            set_trace(ctypes.cast(None, Tracer), None)
        self.assertEqual(seen, [None, 1000, 1001, 1002])


if __name__ == '__main__':
    unittest.main()
