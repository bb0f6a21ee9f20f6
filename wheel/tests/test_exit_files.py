"""Files that a stopped thread is at work with, when a process ends whose heap is immortal."""

import os
import tempfile
import textwrap
import unittest

from child import run

#: Writes a file that nobody flushes, beside what a daemon thread is at work with.
BUSY = """
import threading, time
written = open({!r}, "w")
written.write("data")
pipe, other = os.pipe()
def stuck(function, *args):
    threading.Thread(target=function, args=args, daemon=True).start()
    time.sleep(0.2)
{}
immortalize_heap()
sys.exit(3)
"""


class BusyFileTests(unittest.TestCase):
    """A file that a stopped thread has locked is let be, as on stock; the others are closed."""

    def check(self, code):
        with tempfile.TemporaryDirectory() as home:
            path = os.path.join(home, "written")
            done = run(BUSY.format(path, textwrap.dedent(code)))
            self.assertEqual((done.returncode, done.stdout, done.stderr), (3, "", ""))
            with open(path, encoding="ascii") as file:
                self.assertEqual(file.read(), "data")

    def test_reading_text(self):
        self.check("file = os.fdopen(pipe); stuck(file.readline)")

    def test_reading_bytes_in_a_loop(self):
        self.check("""
            def loop():
                for line in os.fdopen(pipe, "rb"): pass
            stuck(loop)
        """)

    def test_writing(self):
        self.check("file = os.fdopen(other, 'w'); stuck(file.write, 'x' * 10**6)")

    def test_writing_through_another_file(self):
        self.check("""
            import gzip, random
            file = gzip.GzipFile(fileobj=os.fdopen(other, "wb"), mode="wb")
            stuck(file.write, random.Random(1).randbytes(10**6))
        """)

    def test_attributes_that_refer_to_one_another(self):
        self.check("""
            dicts = [{} for _ in range(20)]
            for d in dicts: d.update(enumerate(dicts))
            written.tree = dicts[0]
        """)

    def test_an_attribute_that_is_not_needed(self):
        self.check("""
            file = os.fdopen(pipe); stuck(file.readline)
            written.other, written.more = file, {"file": file}
        """)

    def test_a_socket(self):
        self.check("""
            import socket
            one, two = socket.socketpair()
            file = one.makefile(); stuck(file.readline)
        """)

    def test_a_server_with_an_idle_client(self):
        self.check("""
            import http.server, socket
            server = http.server.ThreadingHTTPServer(
                ("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            client = socket.create_connection(server.server_address)
            time.sleep(0.5)
        """)


if __name__ == "__main__":
    unittest.main()
