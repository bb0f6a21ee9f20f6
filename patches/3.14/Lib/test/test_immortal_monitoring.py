"""sys.monitoring, tracers and profilers, and code that is quiet.

They change instructions in place, and look at what these were.  Their own tests
have to pass when all the code in question became quiet before, fresh as well as
warm."""

import unittest
from test.support import requires_subprocess
from test.support.script_helper import assert_python_ok

PROGRAM = """if 1:
    import gc, sys, unittest
    import {modules}
    names = {modules!r}.split(', ')

    def run():
        suite = unittest.defaultTestLoader.loadTestsFromNames(names)
        result = unittest.TextTestRunner(verbosity=1).run(suite)
        assert result.testsRun > 80, result
        return result.wasSuccessful()
    if {warm}:
        assert run()
    counts = gc.immortalize_heap()
    assert not {warm} or counts['quiet_code'] > 500, counts
    if not run():
        sys.exit(1)
    """


@requires_subprocess()
class MonitoringTests(unittest.TestCase):

    def check(self, *modules):
        for warm in False, True:
            with self.subTest(warm=warm):
                assert_python_ok('-c', PROGRAM.format(
                    modules=', '.join(modules), warm=warm))

    def test_monitoring(self):
        self.check('test.test_monitoring')

    def test_tracing(self):
        self.check('test.test_sys_settrace', 'test.test_sys_setprofile')


LEARNS_AGAIN = """if 1:
    import dis, gc, sys

    def f(a, b):
        return [a + b, a * b, a < b]
    for i in range(100):
        f(1, 2)
    gc.immortalize_heap()

    def text():
        return f.__code__._co_code_adaptive

    def names():
        return {{instr.opname for instr in dis.Bytecode(f, adaptive=True)}}
    before = text()
    f(1.5, 2.5)
    assert text() == before
    events = []

    def trace(frame, event, arg):
        if frame.f_code is f.__code__:
            events.append(event)
            frame.f_trace_opcodes = {opcodes}
        return trace
    sys.settrace(trace)
    for i in range(10):
        assert f(1, 2) == [3, 2, True]
        assert f(1.5, 2.5) == [4.0, 3.75, True]
    sys.settrace(None)
    assert events.count('call') == events.count('return') == 20, events
    assert events.count('line') == 20, events
    assert (events.count('opcode') > 100) == {opcodes}, events
    for i in range({times}):
        f(1.5, 2.5)
    assert {{'BINARY_OP_ADD_FLOAT', 'COMPARE_OP_FLOAT'}} <= names(), names()
    after = text()
    for i in range(20):
        f(1.5, 2.5)
    assert text() == after
    """

@requires_subprocess()
class LearningTests(unittest.TestCase):

    def test_after_a_tracer_of_lines(self):
        # It had nothing to do with what is specialized.
        assert_python_ok('-c', LEARNS_AGAIN.format(opcodes=False, times=1200))

    def test_after_a_tracer_of_instructions(self):
        # They learn anew, as on an unpatched interpreter.
        assert_python_ok('-c', LEARNS_AGAIN.format(opcodes=True, times=60))


if __name__ == '__main__':
    unittest.main()
