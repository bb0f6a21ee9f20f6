"""What simulates a signal does so at exit, too, where no handler is left."""

import re
import sys
import textwrap
import unittest
from test.support import script_helper


# Since 3.12, what is reported of each.
REPORTS = rb"(Exception ignored [^\n]*\n(Traceback [^\n]*\n( [^\n]*\n)*)?" \
    rb"OSError: Signal \d+ ignored due to race condition\n)*" \
    if sys.version_info >= (3, 12) else b""


class InterruptAtExitTest(unittest.TestCase):

    def check(self, call, output):
        code = textwrap.dedent(f"""
            import _thread, signal, sys
            class Late:
                def __del__(self):
                    {call}
                    print("went on")
            late = Late()
            sys.held = Late()
            """)
        for option in "on", "off":
            result = script_helper.assert_python_ok(
                "-X", f"immortal_heap={option}", "-c", code)
            self.assertEqual(result.out.decode().split("\n"), output + [""])
            self.assertTrue(re.fullmatch(REPORTS, result.err), result.err)

    def test_interrupt_in_a_finalizer(self):
        self.check("_thread.interrupt_main()", ["went on"] * 2)

    def test_any_signal(self):
        self.check("_thread.interrupt_main(signal.SIGUSR1)", ["went on"] * 2)

    def test_callback_of_the_collector(self):
        code = textwrap.dedent("""
            import _thread, gc
            def interrupt(*args):
                try:
                    _thread.interrupt_main()
                except KeyboardInterrupt:
                    pass
            gc.callbacks.append(interrupt)
            """)
        result = script_helper.assert_python_ok("-c", code)
        self.assertEqual(result.out, b"")
        self.assertTrue(re.fullmatch(REPORTS, result.err), result.err)


if __name__ == "__main__":
    unittest.main()
