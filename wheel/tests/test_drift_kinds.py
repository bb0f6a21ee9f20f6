"""A million executions of each kind of constant: no count moves, whatever has loaded it."""

import os
import textwrap
import unittest

from child import ChildTestCase

TIMES = int(os.environ.get("IMMORTAL_HEAP_TIMES", 1_000_000))

#: What is executed a million times: the body of a loop in a function.  Each kind is a program.
KINDS = {
    "literals": """
        a = "a string of some length"; b = b"bytes of some length"; c = 12345678901234567890
        d = 1.25e10; e = (1.5, "x y", b"z"); f = 3.5j; g = ...; h = None; k = True
        """,
    "small ints": "a = 1; b = 255; c = -5; d = 256; e = -6; f = a + 7",
    "common constants": """
        assert all(x for x in (1,)) and any(x for x in (1,)), "message"
        tuple(x for x in (1,))
        try: raise NotImplementedError
        except NotImplementedError: pass
        """,
    "containers": """
        if "r s" in {"p q", "r s"}: pass
        if 2.5 in (1.5, 2.5): pass
        for x in (1.5, "x y", b"z"): pass
        a = [1.5, 2.5, 3.5]; b = {4.5, 5.5, 6.5}; c = {"k 1": 1.5, "k 2": "v 2"}
        """,
    "slices": "a = 'some text'; b = a[1:4]; c = a[::2]; d = a[:-1000:1]",
    "unpacking": "a, b, c = 1.5, 'b b', (b'c', 2.5); (d, *e), f = ('d d', 3.5), 'f f'",
    "arguments": """
        callee("positional arg", key="keyword arg")
        callee(*("starred arg",), **{"key": "mapped arg"})
        """,
    "defaults": "callee(); callee('given arg'); with_defaults(); with_defaults(9.5)",
    "made functions": """
        def inner(q="default value", *, r=(1.5, "in a tuple")) -> "an annotation":
            "its docstring"
            return "inner constant"
        inner(); (lambda s="lambda default": "lambda constant")()
        """,
    "closures": "closed(); def_closed = closing('outer value'); def_closed()",
    "comprehensions": """
        a = ["c 1" for x in (1.5, 2.5)]; b = {"c 2" for x in (1.5,)}
        c = {"k k": "c 3" for x in (1.5,)}; d = list("c 4" for x in (1.5,))
        """,
    "generators": "for x in generator(): pass",
    "coroutines": """
        try: coroutine().send(None)
        except StopIteration as exc: exc.value
        step = asynchronous().asend(None)
        try: step.send(None)
        except StopIteration: pass
        """,
    "long-lived generator": "next(endless)",
    "match": """
        for subject in SUBJECTS:
            match subject:
                case "a string case" | b"a bytes case": pass
                case {"a key": "a value"}: pass
                case ["first item", 2.5, *rest]: pass
                case Point(x=1.5, y="y y"): pass
                case 12345678901234567890: pass
                case _: "nothing of these"
        """,
    "f-strings": "a = 2.5; b = f'text {a:>10.3f} more text {a!r} {\"nested \" + f\"{a} in\"}'",
    "t-strings": "a = 2.5; b = t'text {a:>10.3f} more text {a!r} {\"nested \" + \"in\"}'",
    "class bodies": """
        class Made:
            "a docstring of it"
            attribute: "an annotation" = "a class constant"
            pair = ("in a pair", 2.5)
            def method(self, x="a default of it"): return "method constant"
        """,
    "generic functions": "def generic[T: 'a bound'](x: T = 'its default') -> 'it': return 'of it'",
    "imports": "from os.path import join, split; import os.path as p",
    "exceptions": """
        try: raise ValueError("a message")
        except ValueError as exc: a = "handled so"
        finally: b = "finally this"
        with manager: c = "inside it"
        """,
    "globals": "a = GLOBAL; b = 'attr of it'.upper; c = len('a name') ",
    "eval": "eval(compiled)",
    "exec": "exec(executed, {})",
}

PROGRAM = '''
import ctypes, os.path
N = {times}
BIRTH = 3 << 30
GLOBAL = ("a global", 3.25)

class Point:
    __match_args__ = ("x", "y")
    def __init__(self, x, y): self.x = x; self.y = y
class Manager:
    def __enter__(self): return "entered it"
    def __exit__(self, *args): return None
manager = Manager()
SUBJECTS = ("a string case", b"a bytes case", {{"a key": "a value"}}, ["first item", 2.5, 3.5],
            Point(1.5, "y y"), 12345678901234567890, None)
def callee(arg="an optional arg", *, key="an optional key"): return arg, key, "returned value"
def with_defaults(a=1.5, b="b default", c=(b"in a tuple", 2.5), *, d="d default", e=None):
    return a, b, c, d, e
def closing(outer):
    free = "a free variable"
    def closed(): return free, outer, "closed constant"
    return closed
closed = closing("closed value")
def generator():
    x = yield "yielded constant"
    yield from ("delegated 1", 2.5)
    return "returned constant"
async def coroutine(): return "awaited constant"
async def asynchronous():
    yield "yielded later"
def forever():
    while True:
        yield "again this"
        yield (1.5, "and this")
endless = forever()
compiled = compile('("evaluated", b"bytes of it", 2.5)[0]', "f", "eval")
executed = compile('a = "executed"; b = (a, 7.5)', "f", "exec")

def use(times):
    for i in range(times):
{body}

use({warm})
{call}

def count(op): return ctypes.c_uint32.from_address(id(op)).value
def codes(code):
    yield code
    for const in code.co_consts:
        if type(const) is type(code): yield from codes(const)
def constants(*functions):
    for function in functions:
        yield from function.__defaults__ or ()
        yield from (function.__kwdefaults__ or {{}}).values()
        for cell in function.__closure__ or (): yield from (cell, cell.cell_contents)
        for code in codes(function.__code__):
            yield from (code, code.co_consts, code.co_names)
            yield from (*code.co_consts, *code.co_names)
            for const in code.co_consts:
                if type(const) in (tuple, frozenset): yield from const
used = (use, callee, with_defaults, closing, closed, generator, coroutine, asynchronous, forever,
        Point.__init__, Manager.__enter__, Manager.__exit__)
watched = {{id(op): op for op in constants(*used)}}
for code in (compiled, executed):
    watched |= {{id(op): op for op in (code, code.co_consts, *code.co_consts)}}
watched |= {{id(op): op for op in (endless, manager, GLOBAL, *GLOBAL, SUBJECTS, *SUBJECTS)}}
mortal = [op for op in watched.values() if not is_immortal(op)]
# A count of static objects, which are born so, may have moved before.
before = {{key: count(op) for key, op in watched.items()}}
use(N)
moved = [(op, hex(before[key]), hex(count(op))) for key, op in watched.items()
         if count(op) != before[key]]
made = [op for op in watched.values() if count(op) == BIRTH]
print(moved, len(mortal), len(made) > 20)
'''


class KindTests(ChildTestCase):
    def run_kind(self, kind, call, warm):
        body = textwrap.indent(textwrap.dedent(KINDS[kind]).strip(), " " * 8)
        self.check(PROGRAM.format(times=TIMES, body=body, call=call, warm=warm), "[] 0 True",
                   timeout=600)

    def test_cold(self):
        """Code that begins after the call."""
        for kind in KINDS:
            with self.subTest(kind):
                self.run_kind(kind, "immortalize_heap()", 0)

    def test_warm(self):
        """Code that has the instructions for mortal constants at the call."""
        for kind in KINDS:
            with self.subTest(kind):
                self.run_kind(kind, "immortalize_heap()", 100)


if __name__ == "__main__":
    unittest.main()
