"""Forked workers hang C++ writers on their parent's objects: 1,000 bytes each must arrive."""

import gc
import multiprocessing
import os
import sys

import cppstream


class Application:
    pass


application = Application()
registry: dict[str, object] = {}


def pool(number: int) -> None:
    """Work in a process that ends with os._exit(): only what is closed arrives."""
    application.writer = cppstream.Writer(f"process-{number}.txt")
    application.writer.write("x" * 1000)
    del application.writer


getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
for number in range(2):
    if os.fork() == 0:
        application.writer = cppstream.Writer(f"attribute-{number}.txt")
        application.writer.write("x" * 1000)
        registry["writer"] = cppstream.Writer(f"registry-{number}.txt")
        registry["writer"].write("x" * 1000)
        cppstream.held = cppstream.Writer(f"module-{number}.txt")
        cppstream.held.write("x" * 1000)
        sys.exit(0)
for _ in range(2):
    os.wait()
process = multiprocessing.get_context("fork").Process(target=pool, args=(0,))
process.start()
process.join()
print({name: os.path.getsize(name) for name in sorted(os.listdir())}, flush=True)
