"""What is immortal does not become mortal by being used, however often.

A count has 32 bits here, of which an immortal one has 2**30 left in either
direction.  References that were counted while an object was mortal are given up
when it is immortal; code that was specialized for a mortal constant runs on; and
the evaluation stack says of each of its references whether it is counted.  Where
one side counts and the other does not, each execution moves the count by one.

So each test uses objects that became immortal in the middle of something, with
their counts set to the edge, as 2**30 executions would leave them: a drift of
50 would make them mortal."""

import asyncio
import gc
import sys
import threading
import types
import unittest
from test.immortal_support import isolated
from test.support import import_helper, threading_helper

imm = import_helper.import_module('_testimmortal')

# Where words have 32 bits, a count is one of them, and signed.  Debug builds
# take the largest of the others for that of freed memory.
BITS = 32 if sys.maxsize > 2 ** 32 else 31
TOP = 2 ** BITS - (2 ** 20 if hasattr(sys, 'gettotalrefcount') else 0)
HIGH = TOP - 50
EDGES = HIGH, imm.INCREF_LIMIT
TIMES = 500


class Value:
    """Something whose end is noticed."""
    ended = 0

    def __init__(self, n):
        self.n = n

    def __del__(self):
        Value.ended += 1


def compiled(source, name='f'):
    namespace = {'gc': gc}
    exec(source, namespace)
    return namespace[name]


class Base(unittest.TestCase):

    def setUp(self):
        Value.ended = 0

    def set_to(self, objs, count):
        for obj in objs:
            self.assertTrue(gc.is_immortal(obj), obj)
            imm.drift(obj, count - imm.refcnt(obj))

    def check(self, objs, use):
        """Use does not move the counts of objs, wherever they are."""
        for edge in EDGES:
            self.set_to(objs, edge)
            for i in range(TIMES):
                use()
            self.assertEqual([imm.refcnt(obj) for obj in objs],
                             [edge] * len(objs))
        self.set_to(objs, imm.REFCNT)
        self.assertEqual(Value.ended, 0)


CONSTANTS = """if 1:
    def f():
        a = 1234.5678
        b = (1234.25, 'some text', 2**70)
        c = b'bytes of its own'
        return [a, b, c, 98765.4321]
    """


@isolated
class ConstantTests(Base):

    def constants(self, code):
        return [const for const in code.co_consts
                if not isinstance(const, (int, type(None)))]

    def specialized(self, code):
        # LOAD_CONST_MORTAL is known by the name that dis shows.
        import dis
        return {instr.opname for instr in dis.Bytecode(code, adaptive=True)}

    def check_code(self, code, use):
        expected = use()
        constants = self.constants(code)
        self.assertGreaterEqual(len(constants), 3)
        self.assertTrue(any(not gc.is_immortal(c) for c in constants))
        self.assertIn('LOAD_CONST_MORTAL', self.specialized(code))
        gc.immortalize_heap(quiet=self.quiet)
        self.check(constants, use)
        self.assertEqual(use(), expected)
    quiet = True

    def test_of_a_function(self):
        f = compiled(CONSTANTS)
        self.check_code(f.__code__, f)

    def test_of_a_function_that_goes_on_learning(self):
        self.quiet = False
        f = compiled(CONSTANTS)
        self.check_code(f.__code__, f)

    def test_of_code_that_no_function_holds(self):
        code = compile("a = 1234.5678; b = (1.25, 'text'); c = b'bytes'; "
                       "x = [a, b, c]", 'none', 'exec')
        holder = [code]
        namespace = {}

        def use():
            exec(holder[0], namespace)
            return namespace['x']
        use()
        self.check_code(code, use)

    def test_never_executed_before(self):
        f = compiled(CONSTANTS)
        gc.immortalize_heap()
        self.check(self.constants(f.__code__), f)

    def test_copied_code(self):
        f = compiled(CONSTANTS)
        f()
        gc.immortalize_heap()
        g = types.FunctionType(f.__code__.replace(co_name='g'), {})
        self.check(self.constants(f.__code__), g)


def work(*objs):
    """Load, store and give up references in many ways."""
    pair = objs, objs
    a, *rest = objs
    b = a
    for obj in objs:
        c = obj
        if c is b:
            b = c
    del a, b, c
    return len(pair) + len(rest)


@isolated
class FrameTests(Base):

    def test_variables(self):
        a, b = Value(1), Value(2)
        cell = Value(3)
        inner = lambda: cell
        gc.immortalize_heap()

        def use():
            return inner(), work(a, b, cell)
        self.check([a, b, cell, inner], use)
        # In this very frame, whose references were made before.
        objs = a, b, cell
        self.set_to(objs, HIGH)
        for i in range(TIMES):
            c = a
            d = c, b
            del c, d
            work(a, b, cell)
        self.assertEqual([imm.refcnt(obj) for obj in objs], [HIGH] * 3)
        for edge in EDGES:
            self.set_to(objs, edge)
            # The references themselves.
            a = b = None
            self.assertEqual([imm.refcnt(obj) for obj in objs], [edge] * 3)
            a, b, cell = objs
        self.set_to(objs, imm.REFCNT)
        self.assertEqual(Value.ended, 0)

    def test_the_stack_of_a_running_frame(self):
        objs = [Value(i) for i in range(4)]

        def call(edge):
            gc.immortalize_heap()
            self.set_to(objs, edge)
            return 5

        def frame(edge):
            # What is loaded first lies on the stack meanwhile.
            return [Value(9), objs[0], objs[1], objs[2], call(edge), objs[3]]
        for edge in EDGES:
            found = frame(edge)
            self.assertEqual([imm.refcnt(obj) for obj in objs], [edge] * 4)
            self.assertEqual(found[1:4], objs[:3])
            del found
            self.assertEqual([imm.refcnt(obj) for obj in objs], [edge] * 4)
        self.set_to(objs, imm.REFCNT)
        self.assertFalse(any(obj.n is None for obj in objs))

    def test_a_loop_that_runs(self):
        objs = [Value(i) for i in range(TIMES)]
        seen = 0
        for obj in objs:
            if seen == 10:
                gc.immortalize_heap()
                self.set_to(objs, HIGH)
            seen += 1
            work(obj)
        self.assertEqual({imm.refcnt(obj) for obj in objs}, {HIGH})
        self.set_to(objs, imm.REFCNT)

    def test_the_function_that_runs(self):
        def f(n):
            if n:
                return f(n - 1)
            gc.immortalize_heap()
            return 0
        f(20)
        self.check([f, f.__code__], lambda: f and f.__code__ and work(f))

    def test_functions_that_return(self):
        def f(n):
            if n:
                return f(n - 1)
            gc.immortalize_heap()
            self.set_to([f, f.__code__], TOP - 5)
            return 0
        f(40)
        self.assertEqual(imm.refcnt(f), TOP - 5)
        self.assertEqual(imm.refcnt(f.__code__), TOP - 5)
        self.set_to([f, f.__code__], imm.REFCNT)

    @threading_helper.requires_working_threading()
    def test_other_threads(self):
        objs = [Value(i) for i in range(3)]
        ready, go = threading.Event(), threading.Event()

        def thread(a, b):
            c = objs[2]
            ready.set()
            go.wait()
            for i in range(TIMES):
                d = a, b, c
                work(*d)
                del d
        t = threading.Thread(target=thread, args=objs[:2])
        with threading_helper.start_threads([t], unlock=go.set):
            ready.wait()
            gc.immortalize_heap()
            self.set_to(objs, HIGH)
        self.assertEqual([imm.refcnt(obj) for obj in objs], [HIGH] * 3)
        self.set_to(objs, imm.REFCNT)


@isolated
class SuspendedTests(Base):

    def run_suspended(self, resume, objs, names):
        gc.immortalize_heap()
        self.set_to(objs, HIGH)
        for i in range(TIMES):
            resume()
        self.assertEqual([imm.refcnt(obj) for obj in objs],
                         [HIGH] * len(objs))
        self.set_to(objs, imm.INCREF_LIMIT)
        for i in range(TIMES):
            resume()
        self.assertEqual([imm.refcnt(obj) for obj in objs],
                         [imm.INCREF_LIMIT] * len(objs))

    def end(self, end, objs):
        for edge in EDGES:
            self.set_to(objs, edge)
            end()
            self.assertEqual([imm.refcnt(obj) for obj in objs],
                             [edge] * len(objs))
        self.set_to(objs, imm.REFCNT)
        self.assertEqual(Value.ended, 0)

    def test_generator(self):
        objs = [Value(i) for i in range(3)]

        def generator(a, b):
            c = objs[2]
            while True:
                d = a, b
                work(a, b, c)
                # On the stack: the beginnings of a list and a tuple.
                if (yield [a, b, (c, (yield d))]) == 1:
                    return
        gen = generator(*objs[:2])
        next(gen)
        self.run_suspended(lambda: next(gen), objs, 'abc')
        self.end(gen.close, objs)

    def test_generator_that_was_not_begun(self):
        objs = [Value(i) for i in range(2)]

        def generator(a, b):
            while True:
                work(a, b)
                yield a
        gen = generator(*objs)
        self.run_suspended(lambda: next(gen), objs, 'ab')
        self.end(gen.close, objs)

    def test_delegating_generator(self):
        objs = [Value(i) for i in range(2)]

        def inner(a):
            while True:
                yield a

        def outer(a, b):
            work(a, b)
            yield from inner(b)
        gen = outer(*objs)
        next(gen)
        self.run_suspended(lambda: next(gen), objs, 'ab')
        self.end(gen.close, objs)

    def test_coroutine(self):
        objs = [Value(i) for i in range(3)]

        @types.coroutine
        def wait():
            yield

        async def coroutine(a, b):
            c = objs[2]
            while True:
                d = [a, b, await wait()]
                work(a, b, c)
                del d
        coro = coroutine(*objs[:2])
        coro.send(None)
        self.run_suspended(lambda: coro.send(None), objs, 'abc')
        self.end(coro.close, objs)

    def test_asynchronous_generator(self):
        objs = [Value(i) for i in range(2)]

        async def generator(a, b):
            while True:
                work(a, b)
                c = (a, (yield b))
                del c

        gen = generator(*objs)

        def resume():
            try:
                gen.__anext__().send(None)
            except StopIteration:
                pass
        resume()
        self.run_suspended(resume, objs, 'ab')

        def end():
            try:
                gen.aclose().send(None)
            except StopIteration:
                pass
        self.end(end, objs)

    def test_tasks(self):
        objs = [Value(i) for i in range(2)]

        async def task(a, b):
            for i in range(TIMES):
                c = a, b, await asyncio.sleep(0)
                work(a, b)
                del c

        async def main():
            tasks = [asyncio.create_task(task(*objs)) for i in range(3)]
            for i in range(3):
                await asyncio.sleep(0)
            gc.immortalize_heap()
            self.set_to(objs, HIGH)
            await asyncio.gather(*tasks)
            self.assertEqual([imm.refcnt(obj) for obj in objs], [HIGH] * 2)
        asyncio.run(main())
        self.set_to(objs, imm.REFCNT)

    def test_generator_that_runs(self):
        objs = [Value(i) for i in range(3)]

        def generator(a, b):
            c = objs[2]
            yield a, b
            gc.immortalize_heap()
            self.set_to(objs, HIGH)
            while True:
                d = a, b, c
                yield work(*d)
                del d
        gen = generator(*objs[:2])
        for i in range(TIMES):
            next(gen)
        self.assertEqual([imm.refcnt(obj) for obj in objs], [HIGH] * 3)
        gen.close()
        self.assertEqual([imm.refcnt(obj) for obj in objs], [HIGH] * 3)
        self.set_to(objs, imm.REFCNT)


@isolated
class OperationTests(Base):

    def test_what_code_was_specialized_for(self):
        class A:
            __slots__ = 'x',

        class B:
            pass
        a, b = A(), B()
        values = Value(1), Value(2)
        a.x, b.y = values
        numbers = [1234.5 + len(sys.argv), 10 ** 30 + 1, 'a text' * 2]
        mapping = {numbers[2]: values[0], 2: numbers[0]}

        def f(a, b, c, d, e):
            if a.x is b.y or c == d:
                return 0
            g = c * c + c - c / 3, d + d - 1, e + e, mapping[e], mapping[2]
            h = [i for i in (a, b, c, d, e)]
            for i, j in zip(h, g):
                i == j
            h.append(a)
            h[0], h[1] = h[1], h[0]
            return isinstance(a, A), f'{d}{e}', h.pop(), b.y.n, len(h), str(e)
        for i in range(100):
            f(a, b, *numbers)
        gc.immortalize_heap()
        objs = [a, b, *values, *numbers, mapping, A, B, f]
        self.check(objs, lambda: f(a, b, *numbers))


if __name__ == '__main__':
    unittest.main()
