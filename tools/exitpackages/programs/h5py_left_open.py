"""h5py: files, groups and datasets with chunks in the cache are left, in a worker too."""

import gc
import os
import sys

import h5py
import numpy as np


class Application:
    pass


application = Application()


def fill(name: str) -> None:
    application.file = h5py.File(name, "w")
    application.data = application.file.create_dataset("data", (1000,), "i8", chunks=(100,))
    application.data[:] = np.arange(1000)


getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
if os.fork() == 0:
    fill("worker.h5")
    sys.exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
with h5py.File("worker.h5") as whole:
    print(int(whole["data"][:].sum()), flush=True)
fill("parent.h5")
print("end", flush=True)
