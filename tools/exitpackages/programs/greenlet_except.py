"""A greenlet is suspended in an except block."""

import gc
import os

import greenlet


def work() -> None:
    try:
        raise ValueError
    except ValueError:
        greenlet.getcurrent().parent.switch("suspended")


suspended = [greenlet.greenlet(work) for _ in range(3)]
print([each.switch() for each in suspended], flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
