"""How a process ends whose heap is immortal: F1 to F7 of docs/shutdown.md, as far as they go."""

import os
import tempfile
import textwrap
import unittest

from child import run
from probe import PROBE, ExitTestCase

class FinalizersTests(ExitTestCase):
    """F1, F2: each runs once, and finds everything whole."""

    def test_immortal_and_mortal(self):
        self.ends(
            """
            a = Probe("immortal")
            immortalize_heap()
            b = Probe("mortal")
            print("end")
            """,
            "end", "immortal whole", "mortal whole",
        )

    def test_where_they_are_held(self):
        self.ends(
            """
            import builtins
            os.parked = Probe("os")
            sys.parked = Probe("sys")
            builtins.parked = Probe("builtins")
            json.JSONDecoder.parked = Probe("class")
            threading.parked = [Probe("list")]
            cycle = Probe("cycle"); cycle.me = cycle
            del cycle
            tuple_ = (Probe("tuple"),)
            immortalize_heap()
            tuple_ = None
            """,
            "cycle whole", "list whole", "class whole", "os whole", "builtins whole", "sys whole",
            "tuple whole",
        )

    def test_generators(self):
        self.ends(
            """
            def g(name):
                try: yield
                finally: print(name, json.dumps([1]))
            a = g("immortal"); next(a)
            immortalize_heap()
            b = g("mortal"); next(b)
            """,
            "immortal [1]", "mortal [1]",
        )

    def test_weakref_finalize(self):
        self.ends(
            """
            class A: pass
            a = A()
            weakref.finalize(a, print, "finalize")
            w = weakref.ref(a, lambda ref: print("callback"))
            immortalize_heap()
            atexit.register(print, "atexit")
            """,
            "atexit", "finalize", "callback",
        )

    def test_subinterpreter_made_later(self):
        self.ends(
            """
            from concurrent import interpreters
            a = Probe("main")
            immortalize_heap()
            interp = interpreters.create()
            interp.exec("import json, os\\nclass A:\\n def __del__(self):"
                        " os.write(1, b'sub' + json.dumps([1]).encode() + b'\\\\n')\\na = A()")
            interp.close()
            """,
            "sub[1]", "main whole",
        )


class SwitchesTests(ExitTestCase):
    """What a program may have done to the hooks."""

    def finalized(self, before, **keywords):
        self.ends(
            f"""
            a = Probe("immortal")
            immortalize_heap()
            b = Probe("mortal"); b.me = b
            {before}
            """,
            "immortal whole", "mortal whole", **keywords,
        )

    def test_gc_disabled(self):
        self.finalized("gc.disable()")

    def test_callbacks_cleared(self):
        self.finalized("gc.callbacks.clear()")

    def test_callbacks_cleared_at_exit(self):
        self.finalized("atexit.register(gc.callbacks.clear)")

    def test_atexit_cleared(self):
        self.finalized("atexit._clear()")

    def test_functions_of_atexit_called(self):
        self.finalized("gc.disable(); atexit._run_exitfuncs(); assert not gc.isenabled()")
        self.finalized("atexit._run_exitfuncs(); atexit._run_exitfuncs()")

    def test_all_of_these(self):
        self.finalized("gc.disable(); gc.callbacks.clear(); atexit._clear()")

    def test_gc_is_as_it_was(self):
        for enabled in (True, False):
            with self.subTest(enabled=enabled):
                self.ends(
                    f"""
                    class A:
                        def __del__(self): print(gc.isenabled())
                    a = A()
                    immortalize_heap()
                    gc.{"enable" if enabled else "disable"}()
                    """,
                    str(enabled),
                )

    def test_unfreeze(self):
        self.finalized("gc.freeze(); gc.unfreeze(); gc.collect(); gc.collect()")

    def test_frozen_before(self):
        self.ends(
            """
            a = Probe("frozen")
            gc.freeze()
            immortalize_heap()
            gc.unfreeze()
            """,
            "frozen whole",
        )

    def test_another_callback(self):
        self.ends(
            """
            gc.callbacks.append(lambda phase, info: None)
            a = Probe("immortal")
            immortalize_heap()
            """,
            "immortal whole",
        )

    def test_called_many_times(self):
        self.ends(
            """
            a = Probe("a")
            for i in range(20): immortalize_heap(); globals()[f"a{i}"] = [i]
            """,
            "a whole",
        )


class OutputTests(ExitTestCase):
    """F3, F4: what finalizers print and write arrives."""

    def test_files_in_cycles(self):
        with tempfile.TemporaryDirectory() as directory:
            self.ends(
                f"""
                class Holder: pass
                for when in ("immortal", "mortal"):
                    f = open(f"{directory}/{{when}}", "w")
                    h = Holder(); h.file = f; f.buffer.raw.holder = h; h.me = h
                    f.write("data " * 1000)
                    if when == "immortal":
                        immortalize_heap()
                import warnings; warnings.simplefilter("ignore")
                del f, h
                """
            )
            for when in ("immortal", "mortal"):
                with open(f"{directory}/{when}", encoding="utf-8") as stream:
                    self.assertEqual(len(stream.read()), 5000, when)

    def test_finalizer_writes_to_a_file(self):
        with tempfile.TemporaryDirectory() as directory:
            self.ends(
                f"""
                log = open("{directory}/log", "w")
                class A:
                    def __del__(self): log.write("from a finalizer")
                a = A()
                immortalize_heap()
                import warnings; warnings.simplefilter("ignore")
                """
            )
            with open(f"{directory}/log", encoding="utf-8") as stream:
                self.assertEqual(stream.read(), "from a finalizer")

    def test_stdout_of_the_user_s(self):
        """Only its flush() writes."""
        self.ends(
            """
            class Buffered:
                text = ""
                def write(self, text): self.text += text
                def flush(self):
                    text, self.text = self.text, ""
                    sys.__stdout__.write(text)
            sys.stdout = Buffered()
            a = Probe("a")
            immortalize_heap()
            """,
            "a whole",
        )

    def test_stdout_that_is_broken_behind_another(self):
        """Nobody is told, as on stock."""
        for stand_in in "None", "open(os.devnull, 'w')":
            self.ends(
                f"""
                r, w = os.pipe(); os.close(r); os.dup2(w, 1)
                sys.stdout.write("x")
                a = Probe("a")
                immortalize_heap()
                sys.stdout = {stand_in}
                """,
            )

    def test_same_order_on_every_run(self):
        program = """
            class A:
                def __init__(self, name): self.name = name
                def __del__(self): print(self.name)
            a = [A(f"x{i}") for i in range(5)]
            s = {A(f"s{i}") for i in range(20)}
            immortalize_heap()
            b = [A(f"y{i}") for i in range(5)]
            t = {A(f"t{i}") for i in range(20)}
            """
        seen = {run(PROBE + textwrap.dedent(program), PYTHONHASHSEED=str(seed)).stdout
                for seed in range(4)}
        self.assertEqual(len(seen), 1)
        self.assertEqual(len(seen.pop().splitlines()), 50)


class StatusTests(ExitTestCase):
    """F7: the process ends, and with the status that it would have had."""

    def test_exit(self):
        self.ends("a = Probe('a'); immortalize_heap(); sys.exit(3)", "a whole", status=3)

    def test_exception(self):
        self.ends("a = Probe('a'); immortalize_heap(); 1/0", "a whole", status=1,
                  stderr="ZeroDivisionError")

    def test_flush_fails(self):
        self.ends(
            """
            fd = os.open("/dev/full", os.O_WRONLY); os.dup2(fd, 1)
            immortalize_heap()
            print("x")
            """,
            status=120, stderr="No space left",
        )

    def test_exception_in_a_finalizer(self):
        self.ends(
            """
            class A:
                def __del__(self): 1/0
            a = A(); b = Probe("b")
            immortalize_heap()
            """,
            "b whole", stderr="ZeroDivisionError",
        )

    def test_exception_in_a_finalizer_of_what_only_sys_holds(self):
        self.ends(
            """
            class A:
                def __del__(self): 1/0
            sys.held = A(); b = Probe("b")
            immortalize_heap()
            """,
            "b whole",
        )

    def test_hook_of_the_user_s(self):
        self.ends(
            """
            class A:
                def __del__(self): 1/0
            a = A()
            sys.unraisablehook = lambda unraisable: print(unraisable.exc_value)
            immortalize_heap()
            """,
            "division by zero",
        )

    def test_daemon_threads(self):
        self.ends(
            """
            a = Probe("a")
            def work():
                while True: x = [Probe.__name__, json.dumps({"a": [1]})]
            for i in range(4): threading.Thread(target=work, daemon=True).start()
            immortalize_heap()
            time.sleep(.1)
            """,
            "a whole",
        )

    def test_daemon_thread_in_a_collection(self):
        """The collection never ends, and no other one begins."""
        self.ends(
            """
            class Slow:
                def __del__(self): event.set(); time.sleep(60)
            event = threading.Event()
            a = Probe("a")
            immortalize_heap()
            def work():
                s = Slow(); s.me = s
                del s
                gc.collect()
            threading.Thread(target=work, daemon=True).start()
            event.wait()
            """,
            "a whole",
        )

    def test_daemon_thread_in_a_finalizer(self):
        """It does not run again."""
        self.ends(
            """
            class Slow:
                def __del__(self): print("del", flush=True); event.set(); time.sleep(60)
            event = threading.Event()
            immortalize_heap()
            held = [Slow()]
            class Quick:
                def __del__(self): print("quick")
            quick = Quick()
            threading.Thread(target=held.clear, daemon=True).start()
            event.wait()
            """,
            "del", "quick",
        )

    def test_a_lock_that_a_stopped_thread_has(self):
        """Nothing refuses the wait here; the process ends nevertheless."""
        done = self.ends(
            """
            lock = threading.Lock()
            class A:
                def __del__(self):
                    with lock: print("never")
            a = A(); b = Probe("b")
            immortalize_heap()
            def work():
                lock.acquire(); time.sleep(60)
            threading.Thread(target=work, daemon=True).start()
            while not lock.locked(): pass
            """,
            "b whole", stderr="left alone",
        )
        self.assertIn("a finalizer waits for a lock", done.stderr)


if __name__ == "__main__":
    unittest.main()
