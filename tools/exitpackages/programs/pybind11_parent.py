"""A C++ class bound by pybind11 writes its file in its destructor; the program leaves it open."""

import gc
import os

import cppstream


class Logger:
    def __init__(self, name: str) -> None:
        self.writer = cppstream.Writer(name)

    def log(self, text: str) -> None:
        self.writer.write(text)


logger = Logger("log.txt")
logger.log("x" * 1000)
loop = [Logger("cycle.txt")]
loop.append(loop)
loop[0].log("x" * 1000)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
