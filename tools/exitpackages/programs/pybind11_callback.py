"""A C++ destructor calls a Python function, which only C++ holds, with the program's globals."""

import gc
import os
import sys

import cppstream

names = ["global"]


class Service:
    def __init__(self, name: str) -> None:
        self.writer = cppstream.Writer(name)
        self.writer.on_close(self.closed)
        self.writer.write("x" * 1000)

    @staticmethod
    def closed(name: str) -> None:
        print("closed", name, names, os.path.basename("a/b"), flush=True)


class Application:
    pass


application = Application()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
if os.fork() == 0:
    application.service = Service("worker.txt")
    sys.exit(0)
os.wait()
print({name: os.path.getsize(name) for name in sorted(os.listdir())}, flush=True)
application.service = Service("parent.txt")
print("end", flush=True)
