"""An unbound local variable is reported where it is read.

Two instructions are often done in one.  When the second of them reads a
variable that is not bound, the traceback, its column, the frame and what a
handler sees must be the second's, however often the code ran before.
"""

import dis
import sys
import textwrap
import traceback
import unittest

# Each reads y in the line that ends in "here", right after another load, a
# store or a constant.  Called with False y is unbound there.
BODIES = {
    "load, load": """
        x = x
        return (x +
                y)  # here
        """,
    "load, load, of a parameter": """
        return (x *
                y)  # here
        """,
    "load, load, then an attribute": """
        return (x,
                y.real)  # here
        """,
    "load, load, then a comparison": """
        if (x <
            y):  # here
            return 1
        """,
    "load, load, then an item": """
        return ([1, 2][0],
                x,
                y)  # here
        """,
    "load, load, then a store to an attribute": """
        f = lambda: 1
        (x,
         y)  # here
        """,
    "store, load": """
        x = 1
        return y  # here
        """,
    "constant, load": """
        return (1.5 +
                y)  # here
        """,
    "immortal constant, load": """
        return (1 +
                y)  # here
        """,
    "a load alone": """
        return str(
            y)  # here
        """,
    "delete": """
        x = 1
        del y  # here
        """,
}

HEADS = {
    "function": ("def f(x, flag):", lambda f, *args: f(*args)),
    "generator": ("def f(x, flag):\n    yield 0", lambda f, *args: list(f(*args))),
    "coroutine": ("async def f(x, flag):", lambda f, *args: f(*args).send(None)),
}


def make(head, body):
    source = f"{head}\n    if flag:\n        y = 1\n"
    source += textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"
    line = 1 + next(n for n, text in enumerate(source.splitlines())
                    if text.endswith("# here"))
    namespace = {}
    exec(source, namespace)
    return namespace["f"], line


def unbound(call, *args):
    """The UnboundLocalError of a call, with its traceback."""
    try:
        call(*args)
    except UnboundLocalError as error:
        return error
    raise AssertionError("nothing was unbound")


class PositionTest(unittest.TestCase):

    def check(self, f, line, call):
        for flag_calls in 0, 0, 1, 7, 12, 60, 0, 0:
            for _ in range(flag_calls):
                try:
                    call(f, 1, True)
                except StopIteration:
                    pass
            error = unbound(call, f, 1, False)
            trace = error.__traceback__
            while trace.tb_frame.f_code is not f.__code__:
                trace = trace.tb_next
            self.assertIn("'y'", str(error))
            self.assertEqual(trace.tb_lineno, line)
            self.assertEqual(trace.tb_frame.f_lineno, line)
            self.assertEqual(trace.tb_frame.f_lasti, trace.tb_lasti)
            at = {i.offset: i for i in dis.get_instructions(f.__code__)}
            self.assertIn(at[trace.tb_lasti].opname, ("LOAD_FAST", "DELETE_FAST"))
            self.assertEqual(at[trace.tb_lasti].argval, "y")
            entry = traceback.extract_tb(trace)[0]
            self.assertEqual(entry.lineno, line)
            self.assertEqual(entry.end_colno - entry.colno, 1)
            del error, trace

    def test_every_pair(self):
        for kind, (head, call) in HEADS.items():
            for name, body in BODIES.items():
                if kind == "generator":
                    body = body.replace("return ", "yield ")
                with self.subTest(kind, pair=name):
                    f, line = make(head, body)
                    self.check(f, line, call)

    def test_variable_that_an_exception_took_away(self):
        def f(x):
            try:
                1 / 0
            except ZeroDivisionError as y:
                x = x
            return (x,
                    y)
        for _ in range(40):
            trace = unbound(f, 1).__traceback__.tb_next
            self.assertEqual(trace.tb_lineno, f.__code__.co_firstlineno + 6)

    def test_handler_is_the_seconds(self):
        def f(x, flag):
            if flag:
                y = 1
            with self.subTest():
                pass
            try:
                x = x
                y
                return "no"
            except UnboundLocalError as error:
                return error.__traceback__.tb_lineno
            finally:
                x = None
        line = f.__code__.co_firstlineno + 7
        for flag, expected in [(False, line)] * 10 + [(True, "no")] * 40 + [(False, line)] * 3:
            self.assertEqual(f(1, flag), expected)

    def test_tracer_sees_it_too(self):
        lines = []

        def tracer(frame, event, arg):
            if event == "exception":
                lines.append(frame.f_lineno)
            return tracer
        f, line = make(*[HEADS["function"][0], BODIES["load, load, of a parameter"]])
        for _ in range(40):
            f(1, True)
        old = sys.gettrace()
        sys.settrace(tracer)
        try:
            f(1, False)
        except UnboundLocalError:
            pass
        finally:
            sys.settrace(old)
        self.assertEqual(lines[0], line)


if __name__ == "__main__":
    unittest.main()
