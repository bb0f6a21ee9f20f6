"""What tracers, profilers and debuggers see after the call is what they see without it."""

import textwrap
import unittest

from child import ChildTestCase, run

#: A function with a loop, a branch, a generator, a call and an exception, warm or not.
TOOLED = """
import threading, traceback
def gen(n):
    for i in range(n):
        yield i
def work(n):
    total = 0
    for i in gen(n):
        if i % 2:
            total += i
        else:
            total -= len(str(i))
    try:
        raise ValueError(total)
    except ValueError as exc:
        return exc.args[0]
class C:
    def method(self, x=1): return x + 1
def all_of_it():
    work(3); C().method(); list(gen(2))
"""


class ToolsTests(ChildTestCase):
    """What a tool sees is what it sees without the call: each program runs with and without."""

    def same(self, program, *, warm=(0, 1, 100)):
        text = textwrap.dedent(program)
        for times in warm:
            for before in ("", "# "):       # the tool is at work already, or comes later
                seen = []
                for call in ("pass", "immortalize_heap()"):
                    done = run(TOOLED + f"for i in range({times}): all_of_it()\n" +
                               text.replace("BEFORE", before).replace("THE_CALL", call))
                    self.assertEqual((done.returncode, done.stderr), (0, ""), done)
                    seen.append(done.stdout)
                with self.subTest(warm=times, before=before):
                    self.assertEqual(*seen)
                    self.assertGreater(len(seen[0]), 20)

    def test_settrace(self):
        self.same("""
            seen = []
            def tracer(frame, event, arg):
                if frame.f_code.co_filename == "<string>":
                    seen.append((frame.f_code.co_name, event, frame.f_lineno))
                frame.f_trace_opcodes = True
                return tracer
            def go():
                sys.settrace(tracer)
                all_of_it()
                sys.settrace(None)
            BEFOREgo()
            THE_CALL
            for i in range(3): go()
            print(seen)
            """)

    def test_setprofile(self):
        self.same("""
            seen = []
            def profiler(frame, event, arg):
                seen.append((frame.f_code.co_name, event, getattr(arg, "__name__", "")))
            def go():
                sys.setprofile(profiler)
                all_of_it()
                sys.setprofile(None)
            BEFOREgo()
            THE_CALL
            for i in range(3): go()
            print(seen)
            """)

    def test_monitoring(self):
        self.same("""
            M = sys.monitoring; E = M.events
            seen = []
            def note(name):
                def callback(code, *rest):
                    if code.co_filename == "<string>":
                        seen.append((name, code.co_name,
                                     [x for x in rest if isinstance(x, int)]))
                return callback
            M.use_tool_id(3, "test")
            for name in ("PY_START", "PY_RESUME", "PY_RETURN", "PY_YIELD", "LINE", "JUMP",
                         "BRANCH_LEFT", "BRANCH_RIGHT", "CALL", "INSTRUCTION", "RAISE",
                         "STOP_ITERATION"):
                M.register_callback(3, getattr(E, name), note(name))
            def go(events):
                M.set_events(3, events)
                all_of_it()
                M.set_events(3, 0)
            every = (E.PY_START | E.PY_RESUME | E.PY_RETURN | E.PY_YIELD | E.LINE | E.JUMP |
                     E.BRANCH_LEFT | E.BRANCH_RIGHT | E.CALL | E.RAISE | E.STOP_ITERATION)
            BEFOREgo(every)
            THE_CALL
            for events in (E.LINE, E.INSTRUCTION, every, E.PY_START, every | E.INSTRUCTION):
                for i in range(2): go(events)
            print(seen)
            """)

    def test_local_events(self):
        self.same("""
            M = sys.monitoring; E = M.events
            seen = []
            M.use_tool_id(3, "test")
            M.register_callback(3, E.LINE, lambda code, line: seen.append(line))
            BEFOREM.set_local_events(3, gen.__code__, E.LINE)
            THE_CALL
            M.set_local_events(3, work.__code__, E.LINE)
            for i in range(3): all_of_it()
            M.set_local_events(3, work.__code__, 0)
            for i in range(3): all_of_it()
            print(seen)
            """)

    def test_debugger(self):
        self.same("""
            import bdb
            seen = []
            class Debugger(bdb.Bdb):
                def user_line(self, frame):
                    seen.append((frame.f_code.co_name, frame.f_lineno))
                    self.set_step()
            def go():
                d = Debugger()
                d.runcall(all_of_it)
            BEFOREgo()
            THE_CALL
            go()
            print(seen)
            """)

    def test_tracebacks_and_positions(self):
        self.same("""
            def fails(x): return [y / 0 for y in (x, x)]
            def shown():
                try: fails(1)
                except ZeroDivisionError: return traceback.format_exc()
            BEFOREshown()
            THE_CALL
            print(shown(), list(work.__code__.co_positions())[:50], work.__code__.co_code)
            """)


if __name__ == "__main__":
    unittest.main()
