"""C++ writers are held by objects that are there before the program begins."""

import codecs
import gc
import os
import sys

import cppstream


class Finder:
    def __init__(self, name: str) -> None:
        self.writer = cppstream.Writer(name)
        self.writer.write("x" * 1000)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        return None

    def __call__(self, name: str) -> None:
        if name.startswith("/"):
            raise ImportError(name)


getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
sys.meta_path.append(Finder("meta_path.txt"))
sys.path_hooks.append(Finder("path_hooks.txt"))
codecs.register(Finder("codecs.txt"))
os.environ.writer = Finder("environ.txt")
sys.stdout.writer = Finder("stdout.txt")
os.writer = Finder("os.txt")
print("end", flush=True)
