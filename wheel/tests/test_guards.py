"""It refuses rather than guesses: what it found, and what to do."""

import unittest

from child import PRELUDE, ChildTestCase

REFUSED = """
try:
    immortalize_heap()
except RuntimeError as exc:
    print(type(exc).__name__)
    print(exc)
"""


class BuildTests(ChildTestCase):
    """An interpreter that it was not built for."""

    def refused(self, before, *words, instead="gc.freeze() works everywhere"):
        done = self.check_refused(before)
        for word in (*words, instead):
            self.assertIn(word, done[1])
        self.assertEqual(done[0], "UnsupportedInterpreter")

    def check_refused(self, before):
        from child import run
        done = run(REFUSED, prelude=before + PRELUDE)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout.splitlines()

    #: An interpreter says that it is another release.
    RELEASE = """
import sys
class V(tuple):
    major, minor, micro, releaselevel, serial = {0}
sys.version_info = V({0})
"""

    def test_another_release(self):
        self.refused(
            self.RELEASE.format((3, 14, 99, "final", 0)),
            "found 3.14.99", "is installed for CPython 3.14.", "immortal_heap-*.tar.gz",
        )

    def test_another_branch(self):
        for release, name in (
            ((3, 14, 4, "final", 0), "3.14.4"),
            ((3, 15, 0, "candidate", 2), "3.15.0rc2"),
            ((3, 13, 9, "final", 0), "3.13.9"),
        ):
            with self.subTest(name):
                self.refused(
                    self.RELEASE.format(release),
                    f"is for CPython 3.14.5 and later ones of that branch, and found {name}",
                )

    def test_free_threaded(self):
        self.refused("import sys; sys.abiflags = 't'\n", "needs the GIL", "free-threaded")

    def test_debug(self):
        self.refused("import sys; sys.abiflags = 'd'\n", "debug build")

    def test_another_implementation(self):
        self.refused("import sys; sys.implementation.name = 'pypy'\n", "CPython", "pypy", instead="")

    def test_another_system(self):
        self.refused("import sys; sys.platform = 'darwin'\n", "Linux", "darwin")

    #: Bytes of the table that the interpreter keeps for debuggers: its cookie, its version, and
    #: a size or a place in a structure.
    TABLE = """
import ctypes, struct
table = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
at = table + {offset}
number = ctypes.c_uint64.from_address(at)
number.value += {more}
"""

    def test_no_table(self):
        self.refused(self.TABLE.format(offset=0, more=1), "does not say how it was built")

    def test_another_version_in_the_table(self):
        self.refused(self.TABLE.format(offset=8, more=0x100), "built for CPython 3.")

    def test_another_layout(self):
        for offset in (24, 32, 48, 56):
            with self.subTest(offset=offset):
                self.refused(self.TABLE.format(offset=offset, more=8), "not laid out", "build it")

    def test_a_symbol_that_is_not_there(self):
        self.refused(
            "import importlib, sys\n"
            "real = importlib.import_module\n"
            "def fake(name, *rest):\n"
            "    if '._heap_' in name: raise ImportError('undefined symbol: _PyX')\n"
            "    return real(name, *rest)\n"
            "importlib.import_module = fake\n",
            "undefined symbol",
        )


class StateTests(ChildTestCase):
    """A process in which it cannot be done, or not now."""

    def refused(self, *words, **keywords):
        from child import run
        done = run(REFUSED, **keywords)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        kind, said = done.stdout.splitlines()
        self.assertEqual(kind, "RuntimeError")
        for word in (*words, "gc.freeze()"):
            self.assertIn(word, said)

    def test_allocators(self):
        for name in ("malloc", "debug", "pymalloc_debug", "malloc_debug", "mimalloc"):
            with self.subTest(name=name):
                found = {"debug": "pymalloc_debug"}.get(name, name)
                self.refused(f"found {found}:", "PYTHONMALLOC", PYTHONMALLOC=name)

    def test_tracemalloc(self):
        self.check(
            """
            import tracemalloc
            tracemalloc.start()
            try:
                immortalize_heap()
            except RuntimeError as exc:
                print("tracemalloc" in str(exc))
            tracemalloc.stop()
            print(immortalize_heap()["immortalized"] > 0)
            """,
            "True", "True",
        )

    def test_subinterpreter(self):
        self.check(
            """
            from concurrent import interpreters
            interp = interpreters.create()
            interp.exec("import immortal_heap\\n"
                        "try: immortal_heap.immortalize_heap()\\n"
                        "except RuntimeError as exc: print(exc)")
            interp.close()
            print(immortalize_heap()["immortalized"] > 0)
            """,
            "immortalize_heap() works in the main interpreter only: call it there, before "
            "subinterpreters are created",
            "True",
        )

    def test_during_a_collection(self):
        self.check(
            """
            class A:
                def __del__(self):
                    try:
                        immortalize_heap()
                    except RuntimeError as exc:
                        print("during a collection" in str(exc))
            a = A(); a.me = a
            del a
            gc.collect()
            print(immortalize_heap()["immortalized"] > 0)
            """,
            "True", "True",
        )

    def test_at_exit(self):
        self.check(
            """
            class A:
                def __del__(self):
                    try:
                        immortalize_heap()
                    except RuntimeError as exc:
                        print("finalizing" in str(exc))
            a = A()
            immortalize_heap()
            """,
            "True",
        )

    def test_types_of_io_replaced(self):
        self.check(
            """
            import _io
            class FileIO: pass
            _io.FileIO = FileIO
            try:
                immortalize_heap()
            except RuntimeError as exc:
                print("_io.FileIO replaced" in str(exc))
            """,
            "True",
        )


if __name__ == "__main__":
    unittest.main()
