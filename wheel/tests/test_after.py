"""A program goes on after the call, as without it."""

import unittest

from child import ChildTestCase

class LibraryTests(ChildTestCase):
    def test_tracemalloc(self):
        self.check(
            """
            import tracemalloc
            immortalize_heap()
            tracemalloc.start()
            held = [bytes(1000) for i in range(100)]
            size, _ = tracemalloc.get_traced_memory()
            held = None
            after, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            held = [str(i) for i in range(1000)]
            print(size > 100_000, after < 50_000)
            """,
            "True True",
        )

    def test_faulthandler(self):
        done = self.check(
            """
            import faulthandler
            immortalize_heap()
            faulthandler.dump_traceback()
            """,
            stderr="<string>",
        )
        self.assertIn("most recent call first", done.stderr)

    def test_gc_functions(self):
        self.check(
            """
            class A: pass
            immortalize_heap()
            for i in range(3):
                gc.freeze(); gc.unfreeze(); gc.collect()
                gc.disable(); gc.enable()
                a = A(); a.me = a
                del a
                assert gc.collect() >= 1
                gc.get_objects(); gc.get_referrers(A); gc.get_stats()
            A().x = 1
            print(is_immortal(A))
            """,
            "True",
        )

    def test_classes_change(self):
        """What is immortal can be changed, and finds what it was changed to."""
        self.check(
            """
            class A:
                x = 1
                def f(self): return self.x
            class B(A): pass
            b = B()
            held = {"k": [1]}
            for i in range(50): b.f()
            immortalize_heap()
            print(b.f())
            A.x = 2
            print(b.f())
            A.f = lambda self: -self.x
            b.x = 3
            print(b.f())
            B.__bases__ = (type("Z", (), {"f": lambda self: "Z"}),)
            print(b.f())
            held["k"].append(2); held["j"] = held.pop("k"); held.update(a=1)
            print(held)
            for i in range(1000): held[str(i)] = [i]
            for i in range(1000): del held[str(i)]
            print(len(held))
            """,
            "1", "2", "-3", "Z", "{'j': [1, 2], 'a': 1}", "2",
        )

    def test_strings_interned_later(self):
        self.check(
            """
            a = "".join(["not interned", " before"])
            immortalize_heap()
            b = sys.intern(a)
            print(b is sys.intern("not interned" + " before"), is_immortal(b))
            """,
            "True True",
        )

    def test_subinterpreters_later(self):
        self.check(
            """
            from concurrent import interpreters
            immortalize_heap()
            for i in range(3):
                interp = interpreters.create()
                interp.exec("import json, decimal, asyncio; a = [json.dumps([1])] * 1000")
                interp.close()
            immortalize_heap()
            print("end")
            """,
            "end",
        )


class SealedTests(ChildTestCase):
    """Memory that is sealed, opened by what is freed there, and sealed again."""

    def test_much_comes_and_goes(self):
        self.check(
            """
            import random
            random.seed(1)
            class A:
                def __init__(self, n): self.n, self.d, self.s = n, {"a": n}, str(n) * (n % 20)
            held = [A(i) for i in range(20_000)]
            for round_ in range(8):
                immortalize_heap()
                for i in range(30_000):
                    at = random.randrange(len(held))
                    held[at] = A(i) if i % 3 else bytes(i % 600)
                if round_ % 2: gc.collect()
            print(len(held))
            """,
            "20000",
        )

    def test_what_was_sealed_is_freed(self):
        """Buffers that an immortal object owns are blocks of sealed pools."""
        self.check(
            """
            lists = [[None] * (i % 60 + 1) for i in range(30_000)]
            dicts = [{k: k for k in range(i % 12 + 1)} for i in range(10_000)]
            arrays = [bytearray(i % 500 + 1) for i in range(10_000)]
            for round_ in range(6):
                immortalize_heap()
                for held in (lists, dicts, arrays):
                    for each in held: each.clear()
                for i, each in enumerate(lists): each.extend(range(i % 60 + round_))
                for i, each in enumerate(dicts): each.update({k: k for k in range(i % 9 + round_)})
                for i, each in enumerate(arrays): each.extend(bytes(i % 300 + round_))
                assert all(len(x) == i % 60 + round_ for i, x in enumerate(lists))
                assert all(list(x) == list(range(i % 9 + round_)) for i, x in enumerate(dicts))
                assert all(bytes(x) == bytes(i % 300 + round_) for i, x in enumerate(arrays))
                gc.collect()
            print("end")
            """,
            "end",
        )

    def test_no_more_than_so_much_is_lost(self):
        self.check(
            """
            held = [[str(i)] for i in range(100_000)]
            del held[::2]
            done = immortalize_heap()
            size = int(open("/proc/self/statm").read().split()[1]) * 4096
            print(done["stranded_bytes"] < size * 3 // 100 + 2 * (256 << 10))
            """,
            "True",
        )


class ThreadsTests(ChildTestCase):
    WORK = """
        import threading, json, time
        def work():
            while not stop:
                x = [json.dumps({"a": [i, str(i)]}) for i in range(20)]
                done.append(tuple(map(json.loads, x))[:1])
                def g(): yield from x
                list(g()); set(x); frozenset(x); tuple(g()); dict.fromkeys(g()); "".join(x)
                if len(done) > 1000: done.clear()
        stop, done = [], []
        threads = [threading.Thread(target=work) for i in range(4)]
        for thread in threads: thread.start()
        """

    def test_threads_at_work_during_the_call(self):
        import textwrap
        self.check(
            textwrap.dedent(self.WORK) + textwrap.dedent("""
            for i in range(20):
                immortalize_heap()
                time.sleep(.01)
            stop.append(1)
            for thread in threads: thread.join()
            print("end")
            """),
            "end",
        )

    def test_fork_from_a_thread(self):
        import textwrap
        self.check(
            textwrap.dedent(self.WORK) + textwrap.dedent("""
            immortalize_heap()
            import warnings; warnings.simplefilter("ignore")
            statuses = []
            def fork():
                pid = os.fork()
                if pid == 0:
                    x = [str(i) for i in range(1000)]
                    gc.collect()
                    immortalize_heap()
                    os._exit(7)
                statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            for i in range(5):
                thread = threading.Thread(target=fork); thread.start(); thread.join()
            stop.append(1)
            for thread in threads: thread.join()
            print(statuses)
            """),
            "[7, 7, 7, 7, 7]",
        )


class ForkTests(ChildTestCase):
    """What it is for."""

    def growth(self, how):
        from child import run
        done = run(f"""
            import json
            class Node: pass
            held = []
            for i in range(60_000):
                n = Node(); n.a = str(i); n.b = [i + 1000, (i, float(i))]; held.append(n)
            def read():
                for n in held: len(n.a) + n.b[0] + n.b[1][0]
                return json.dumps([n.b for n in held[:100]])
            for i in range(3): read()
            {how}
            def private():
                text = open("/proc/self/smaps_rollup").read()
                return int(text.split("Private_Dirty:")[1].split()[0])
            pid = os.fork()
            if pid == 0:
                before = private()
                for i in range(3): read(); gc.collect()
                print(private() - before, flush=True)
                os._exit(0)
            os.waitpid(pid, 0)
            """.replace("\n            ", "\n"))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return int(done.stdout)

    def test_memory_stays_shared(self):
        frozen = self.growth("gc.collect(); gc.freeze()")
        immortal = self.growth("immortalize_heap()")
        self.assertGreater(frozen, 10_000)
        self.assertLess(immortal, 1_000, "KiB")


if __name__ == "__main__":
    unittest.main()
