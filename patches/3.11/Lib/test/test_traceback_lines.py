"""Line numbers of tracebacks, which are remembered for places in code."""

import gc
import sys
import unittest


def lines(f, *args):
    """The line numbers of the traceback of what f() raises, f()'s first."""
    try:
        f(*args)
    except Exception as exc:
        found = []
        tb = exc.__traceback__.tb_next
        while tb is not None:
            found.append(tb.tb_lineno)
            tb = tb.tb_next
        return found


def function(line, source='1 / 0'):
    """f(), whose body stands on this line."""
    namespace = {}
    exec(compile('def f(n=0):' + '\n' * (line - 1) + f' {source}\n', '<f>',
                 'exec'), namespace)
    return namespace['f']


class LineTests(unittest.TestCase):

    def test_places_in_one_function(self):
        def f(n):
            if n == 0:
                raise ValueError
            elif n == 1:
                1 / 0
            [][n
               ]

        first = f.__code__.co_firstlineno
        for _ in range(3):
            for n, line in (0, 2), (1, 4), (2, 5), (1, 4), (0, 2):
                self.assertEqual(lines(f, n), [first + line])

    def test_code_that_lies_where_other_code_was(self):
        # Freed at once, so that the next is likely to get its memory.
        places = set()
        for line in range(2, 2002):
            f = function(line)
            self.assertEqual(lines(f), [line])
            places.add(id(f.__code__))
            del f
        gc.collect()
        self.assertLess(len(places), 2000)

    def test_more_places_than_are_remembered(self):
        functions = [function(line) for line in range(2, 1002)]
        for _ in range(2):
            for line, f in enumerate(functions, 2):
                self.assertEqual(lines(f), [line])

    def test_recursion(self):
        f = function(3, 'f(n - 1) if n else 1 / 0')
        f.__globals__['f'] = f
        self.assertEqual(lines(f, 5), [3] * 6)

    def test_code_replaced_and_line_table_replaced(self):
        f = function(7)
        self.assertEqual(lines(f), [7])
        f.__code__ = f.__code__.replace(co_firstlineno=101)
        self.assertEqual(lines(f), [107])
        f.__code__ = function(9).__code__
        self.assertEqual(lines(f), [9])

    def test_line_that_a_tracer_set(self):
        f = function(2, 'x = 1; y = 2\n 1 / 0\n z = 3\n 1 / 0')
        self.assertEqual(lines(f), [3])

        def tracer(frame, event, arg):
            if frame.f_code is f.__code__ and event == 'line' and (
                    frame.f_lineno == 3):
                frame.f_lineno = 5
            return tracer

        old = sys.gettrace()
        sys.settrace(tracer)
        try:
            found = lines(f)
        finally:
            sys.settrace(old)
        self.assertEqual(found, [5])
        self.assertEqual(lines(f), [3])

    def test_generators_and_coroutines(self):
        def generator():
            yield 1
            yield 1 / 0

        async def coroutine():
            1 / 0

        first = generator.__code__.co_firstlineno
        for _ in range(2):
            self.assertEqual(lines(lambda: [*generator()]),
                             [sys._getframe().f_lineno - 1, first + 2])
            self.assertEqual(lines(lambda: coroutine().send(None)),
                             [sys._getframe().f_lineno - 1, first + 5])


if __name__ == '__main__':
    unittest.main()
