"""Greenlets are suspended in try blocks with a finally that uses globals of the program.

venv: old
"""

import gc
import os

import greenlet

names = ["global"]


class Resource:
    def close(self, name: str) -> None:
        print("closed", name, names, os.path.basename("a/b"), flush=True)


def work(name: str) -> None:
    resource = Resource()
    try:
        greenlet.getcurrent().parent.switch(name)
    finally:
        resource.close(name)


suspended = {name: greenlet.greenlet(work) for name in ("one", "two")}
print([each.switch(name) for name, each in suspended.items()], flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
