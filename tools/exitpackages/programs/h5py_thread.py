"""h5py: a daemon thread is left in the middle of its work on a file."""

import gc
import os
import threading

import h5py
import numpy as np

file = h5py.File("left.h5", "w")
data = file.create_dataset("data", (200, 1000), "i8", chunks=(1, 1000), compression="gzip")
data[:] = np.arange(1000)
begun = threading.Event()


def read() -> None:
    with h5py.File("thread.h5", "w") as own:
        own["data"] = data[:10]
        for _ in data:
            begun.set()
            threading.Event().wait()


threading.Thread(target=read, daemon=True).start()
begun.wait()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
