"""pyarrow: buffered writers are held by objects that are there before the program begins."""

import codecs
import gc
import os
import sys

import pyarrow as pa


class Finder:
    """A finder with a log of its own, as import profilers have."""

    def __init__(self) -> None:
        self.log = pa.output_stream("finder.log", buffer_size=65536)
        self.log.write(b"x" * 1000)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        return None


class Codec:
    def __init__(self) -> None:
        self.log = pa.output_stream("codec.log", buffer_size=65536)
        self.log.write(b"x" * 1000)

    def __call__(self, name: str) -> None:
        return None


getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
sys.meta_path.append(Finder())
codecs.register(Codec())
os.environ.log = pa.output_stream("environ.log", buffer_size=65536)
os.environ.log.write(b"x" * 1000)
sys.stdout.log = pa.output_stream("stdout.log", buffer_size=65536)
sys.stdout.log.write(b"x" * 1000)
sys.path_hooks.append(Finder)
print("end", flush=True)
