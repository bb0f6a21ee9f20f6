"""Counts of what is immortal stand still, whatever code does with it."""

import os
import unittest

from child import ChildTestCase

#: How often each program runs; a million where all of them have the time for it.
TIMES = int(os.environ.get("IMMORTAL_HEAP_TIMES", 20_000))

COUNTS = f"""
import ctypes
N = {TIMES}
BIRTH = 3 << 30

def count(op):
    return ctypes.c_uint32.from_address(id(op)).value

def stands_still(*ops):
    return all(is_immortal(op) and count(op) == BIRTH for op in ops)
"""


class DriftTestCase(ChildTestCase):
    def still(self, program, **keywords):
        import textwrap
        self.check(COUNTS + textwrap.dedent(program), "True", **keywords)


class ConstantTests(DriftTestCase):
    """An instruction of the interpreter's counts a constant without looking."""

    KINDS = """
class Key: pass
def kinds():
    return ("a string of some length", b"bytes of some length", 12345678901234567890, 1.25e10,
            (1.5, "x y", b"z"), frozenset({{"p q"}}), 3.5j, ...)
def use():
    a = "a string of some length"; b = b"bytes of some length"; c = 12345678901234567890
    d = 1.25e10; e = (1.5, "x y", b"z"); f = 3.5j
    if a in {{"p q", "r s"}}: pass
    for x in (1.5, "x y", b"z"): pass
    def inner(q="default value"): return "inner constant"
    g = lambda: "lambda constant"
    inner(); g()
    return f"{{a}} formatted", a, b, c, d, e, f
class C:
    "doc string of it"
    def method(self): return "method constant"
    def gen(self):
        yield "yielded constant"
        return "returned constant"
    async def coro(self): return "awaited constant"
def more():
    c = C()
    c.method()
    list(c.gen())
    try: c.coro().send(None)
    except StopIteration: pass
def codes(code, seen):
    seen.append(code)
    for const in code.co_consts:
        if type(const) is type(code): codes(const, seen)
all_codes = []
for function in (use, more, C.method, C.gen, C.coro, kinds):
    codes(function.__code__, all_codes)
def constants():
    return [const for code in all_codes for const in (code.co_consts, *code.co_consts)
            if is_immortal(const)]
{warm}
{call}
assert constants() and stands_still(*constants())
for i in range(N):
    use(); more()
print(stands_still(*constants()))
"""

    WARM = "for i in range({times}): use(); more()"

    def test_cold_code(self):
        self.still(self.KINDS.format(warm="", call="immortalize_heap()"))

    def test_code_that_ran_once(self):
        self.still(self.KINDS.format(warm=self.WARM.format(times=1), call="immortalize_heap()"))

    def test_warm_code(self):
        self.still(self.KINDS.format(warm=self.WARM.format(times=100), call="immortalize_heap()"))

    def test_quiet_left_out(self):
        self.still(self.KINDS.format(
            warm=self.WARM.format(times=100), call="immortalize_heap(quiet=False)"))

    def test_after_freeze(self):
        """What gc.freeze() took, and code that only a list holds."""
        self.still(self.KINDS.format(
            warm=self.WARM.format(times=100) + "\nheld = [[all_codes[0]], [(all_codes[1],)]]",
            call="gc.freeze(); immortalize_heap()"))

    def test_called_twice(self):
        self.still(self.KINDS.format(
            warm=self.WARM.format(times=100), call="immortalize_heap(); immortalize_heap()"))

    def test_with_a_tool_at_work(self):
        """Instructions have a tool's hands on them at the call; it goes afterwards."""
        for events in ("LINE", "INSTRUCTION", "LINE | E.INSTRUCTION | E.CALL | E.PY_RETURN"):
            with self.subTest(events=events):
                self.still(self.KINDS.format(
                    warm=self.WARM.format(times=100) + f"""
M = sys.monitoring; E = M.events
M.use_tool_id(2, "test")
M.set_events(2, E.{events})
use(); more()""",
                    call="immortalize_heap()\nuse(); more()\nM.set_events(2, 0)\nM.free_tool_id(2)",
                ))

    def test_with_a_tool_afterwards(self):
        self.still(self.KINDS.format(
            warm=self.WARM.format(times=100),
            call="""immortalize_heap()
M = sys.monitoring; E = M.events
M.use_tool_id(2, "test")
for i in range(20):
    M.set_events(2, E.LINE | E.INSTRUCTION)
    use(); more()
    M.set_events(2, 0)
    use(); more()
""",
        ))

    def test_with_a_tracer(self):
        self.still(self.KINDS.format(
            warm=self.WARM.format(times=100) + """
def tracer(frame, event, arg): return tracer
sys.settrace(tracer)
use(); more()""",
            call="immortalize_heap()\nuse(); more()\nsys.settrace(None)",
        ))

    def test_code_made_later(self):
        """Its constants are immortal already; and those of a second call are not yet."""
        self.still("""
            source = 'def later():\\n a = "a string kept"; b = (2.5, "in a tuple"); return a, b'
            kept = ["a string kept"]
            immortalize_heap()
            exec(source)
            for i in range(100): later()
            immortalize_heap()
            for i in range(N): later()
            print(stands_still(*later.__code__.co_consts))
            """)

    def test_code_without_a_function(self):
        self.still("""
            codes = {"x": compile('("a constant of it", b"and bytes")[0]', "f", "eval")}
            run = eval
            for i in range(100): run(codes["x"])
            immortalize_heap()
            for i in range(N): run(codes["x"])
            print(stands_still(codes["x"], *codes["x"].co_consts))
            """)


class FrameTests(DriftTestCase):
    """Frames that run, or are suspended, at the call."""

    def test_code_that_a_context_variable_holds(self):
        self.check("""
            import contextvars
            code = compile("for i in range(n): x = 'a constant here'", "<held>", "exec")
            constant = [k for k in code.co_consts if k == "a constant here"][0]
            exec(code, {"n": 10})
            box = contextvars.ContextVar("box", default=code)
            del code
            immortalize_heap()
            before = sys.getrefcount(constant)
            exec(box.get(), {"n": 1000})
            print(sys.getrefcount(constant) - before)
        """, "0")

    def test_variables(self):
        self.still("""
            def f(a, b):
                c = [a, b]; d = "local " + a
                immortalize_heap()
                for i in range(N):
                    e = c; g = (a, b, c, d); h = a
                    del h
                return stands_still(a, b, c, d)
            print(f("an argument".upper(), object()))
            """)

    def test_suspended(self):
        self.still("""
            class Thing: pass
            things = [Thing() for i in range(4)]
            def g(a, b):
                c = a
                while True:
                    d = (a, b, (yield c), c)
                    del d
            async def co(a):
                b = a
                class Wait:
                    def __await__(self): yield
                while True:
                    d = a, b
                    await Wait()
            async def ag(a):
                b = a
                while True:
                    d = a, b
                    yield a
            g1 = g(things[0], things[1]); next(g1)
            c1 = co(things[2]); c1.send(None)
            a1 = ag(things[3])
            try: a1.asend(None).send(None)
            except StopIteration: pass
            unstarted = g(things[0], things[3])
            immortalize_heap()
            for i in range(N):
                g1.send(things[0])
                c1.send(None)
                try: a1.asend(None).send(None)
                except StopIteration: pass
                next(unstarted)
            print(stands_still(*things, g1, c1, a1, unstarted, Thing))
            c1.close()
            """)

    def test_operands(self):
        """What is on the evaluation stack during the call."""
        self.still("""
            class T: pass
            t = [T(), T(), T()]
            def call(): immortalize_heap(); return 1
            def f(x, y):
                return [x, (y, call(), x), {x: y}, y][1]
            for i in range(1): f(t[0], t[1])
            for i in range(N):
                x = t[0]; y = t[1]
            print(stands_still(*t))
            """)

    def test_other_threads(self):
        self.still("""
            import threading
            class T: pass
            t = [T() for i in range(4)]
            go, stop, n = threading.Event(), [], [0] * 4
            def work(i):
                me = t[i]; held = [me, (me, me)]
                while not stop:
                    x = me; y = held[1][0]; z = [x, y, me]
                    n[i] += 1
            threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
            for thread in threads: thread.start()
            for i in range(5):
                immortalize_heap()
                before = sum(n)
                while sum(n) < before + N // 10: pass
            stop.append(1)
            for thread in threads: thread.join()
            print(stands_still(*t, T))
            """)


class EverythingTests(DriftTestCase):
    def test_whole_heap(self):
        """All that is immortal, after a program that uses much of the library."""
        self.still("""
            import asyncio, collections, csv, datetime, decimal, email.message, enum, io, json
            import logging, re, string, textwrap, threading, unittest, xml.etree.ElementTree as ET
            def work():
                text = json.dumps({"rows": [{"id": n, "name": f"row {n}"} for n in range(20)]})
                rows = json.loads(text)["rows"]
                re.findall(r"row (\\d+)", text)
                textwrap.fill(text, 30)
                decimal.Decimal("1.5") * 3
                datetime.datetime.now().isoformat()
                ET.fromstring("<a><b c='d'/></a>")
                m = email.message.EmailMessage(); m["a"] = "b"; str(m)
                csv.writer(io.StringIO()).writerow([1, "x"])
                enum.Enum("E", "a b c")
                collections.namedtuple("P", "x y")(1, 2)
                async def main():
                    await asyncio.gather(*(asyncio.sleep(0) for i in range(5)))
                asyncio.run(main())
            for i in range(3): work()
            immortalize_heap()
            seen, todo, moved = set(), [sys.modules], []
            def walk():
                seen, todo = {}, [sys.modules]
                while todo:
                    op = todo.pop()
                    if id(op) in seen: continue
                    seen[id(op)] = count(op)
                    todo += gc.get_referents(op)
                return seen
            # Twice, for what is born immortal may have drifted in stock's own hands before.
            before = walk()
            for i in range(max(3, N // 5000)): work()
            after = walk()
            moved = [key for key in before.keys() & after.keys()
                     if before[key] == BIRTH and after[key] != BIRTH]
            print(len(before) > 10000 and not moved)
            """)


if __name__ == "__main__":
    unittest.main()
