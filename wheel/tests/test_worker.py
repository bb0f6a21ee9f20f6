"""How forked processes end: they do not copy what they share."""

import os
import tempfile
import textwrap
import unittest

from child import run
from probe import PROBE, ExitTestCase


class WorkerTests(ExitTestCase):
    """F6: a forked process that ends does not copy what it shares."""

    def faults(self, before):
        # No class: a function would keep the namespace, and so the lists, from being freed.
        done = run(textwrap.dedent(f"""
            import resource
            held = [[i] for i in range(200_000)]
            {before}
            pid = os.fork()
            if pid == 0:
                sys.exit(0)
            _, status, usage = os.wait4(pid, 0)
            assert status == 0
            os.write(1, b"%d\\n" % usage.ru_minflt)
            os._exit(0)
            """))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return int(done.stdout)

    def test_page_faults(self):
        frozen = self.faults("gc.collect(); gc.freeze()")
        immortal = self.faults("immortalize_heap()")
        self.assertGreater(frozen, 5000)
        self.assertLess(immortal, 1500)

    def test_finalizers_in_both(self):
        self.ends(
            """
            a = Probe("inherited")
            immortalize_heap()
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                b = Probe("worker's")
            else:
                os.waitpid(pid, 0)
            """,
            "inherited whole", "worker's whole", "inherited whole",
        )

    def test_multiprocessing(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "program.py")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(PROBE.replace("import json", "import os, sys, json") + """
import multiprocessing, immortal_heap
def work(n): return n * 2
if __name__ == "__main__":
    a = Probe("a")
    immortal_heap.immortalize_heap()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(work, range(4)))
""")
            self.ends(f"import runpy; runpy.run_path({path!r}, run_name='__main__')",
                      "[0, 2, 4, 6]", "a whole")


if __name__ == "__main__":
    unittest.main()
