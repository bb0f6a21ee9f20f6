"""What a program sees of the package."""

import unittest

from child import ChildTestCase

KEYS = ["collected", "dropped_blocks", "filled", "frozen", "immortalized", "quiet_code",
        "released_bytes", "sealed_pools", "stranded_blocks", "stranded_bytes"]


class InterfaceTests(ChildTestCase):
    def test_import_does_nothing(self):
        self.check(
            """
            import atexit, threading
            class A: pass
            assert not gc.callbacks and gc.get_freeze_count() == 0
            assert not [name for name in sys.modules if "._heap_" in name]
            assert sys.getrefcount(A) < 100
            print(atexit._ncallbacks() - 0)
            """,
            "0",
            prelude="import gc, sys, immortal_heap\n",
        )

    def test_returns_what_was_done(self):
        self.check(
            """
            class A: pass
            held = [A() for i in range(100)]
            done = immortalize_heap()
            print(sorted(done))
            assert all(type(value) is int for value in done.values())
            assert done["frozen"] > 1000 and done["immortalized"] > done["frozen"]
            assert done["filled"] and done["quiet_code"] and done["sealed_pools"]
            assert all(map(is_immortal, held)) and is_immortal(A) and is_immortal(immortalize_heap)
            new = A()
            assert not is_immortal(new) and not is_immortal(sys.modules["__main__"])
            again = immortalize_heap()
            assert again["immortalized"] < 1000 and is_immortal(new)
            """,
            str(KEYS),
        )

    def test_parts_can_be_left_out(self):
        self.check(
            """
            done = immortalize_heap(fill=False, quiet=False, seal=False, trim=False)
            assert done["immortalized"]
            print(*(done[key] for key in
                  ("filled", "quiet_code", "sealed_pools", "stranded_bytes", "released_bytes")))
            """,
            "0 0 0 0 0",
        )

    def test_keywords_only(self):
        self.check(
            """
            for call in (lambda: immortalize_heap(True), lambda: immortalize_heap(typo=True)):
                try:
                    call()
                except TypeError:
                    print("TypeError")
            """,
            "TypeError", "TypeError",
        )

    def test_freeze(self):
        self.check(
            """
            assert immortal_heap.why_not() is None
            assert immortal_heap.freeze()["immortalized"]
            """
        )

    def test_freeze_where_it_cannot_be_done(self):
        self.check(
            """
            print(immortal_heap.freeze(), gc.get_freeze_count() > 1000)
            print(immortal_heap.why_not().split(":")[0])
            """,
            "{} True",
            "immortal_heap needs the allocator pymalloc and found malloc",
            stderr="RuntimeWarning: gc.freeze() was used instead: immortal_heap needs",
            PYTHONMALLOC="malloc",
        )

    def test_freeze_where_there_is_none(self):
        self.check(
            "print(immortal_heap.freeze())",
            "{}",
            stderr="RuntimeWarning: nothing was done: immortal_heap is for CPython and found pypy",
            prelude="import gc, sys; sys.implementation.name = 'pypy'; del gc.freeze\n"
                    "import immortal_heap\n",
        )

    def test_an_interpreter_with_functions_of_its_own(self):
        self.check(
            """
            print(immortal_heap.freeze(), immortal_heap.is_immortal(1), immortal_heap.why_not())
            print([name for name in sys.modules if "._heap_" in name])
            """,
            "{'own': ['fill', 'quiet', 'seal', 'trim']} own None", "[]",
            prelude="""\
import gc, sys
gc.immortalize_heap = lambda **parts: {'own': sorted(parts)}
gc.is_immortal = lambda obj: 'own'
import immortal_heap
""",
        )

    def test_audit_event(self):
        self.check(
            """
            seen = []
            sys.addaudithook(lambda event, args:
                             seen.append(event) if event.startswith("gc.immortal") else None)
            immortalize_heap()
            print(*seen)
            """,
            "gc.immortalize_heap",
        )

    def test_garbage_is_collected(self):
        self.check(
            """
            class A:
                def __del__(self): print("del")
            a = A(); a.me = a
            gc.disable()
            del a
            print(immortalize_heap()["collected"] > 0, gc.isenabled())
            """,
            "del", "True False",
        )


if __name__ == "__main__":
    unittest.main()
