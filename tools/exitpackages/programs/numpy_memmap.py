"""numpy: memory maps with changes are left, an array refers to itself, a worker has one too."""

import gc
import os
import sys

import numpy as np


class Application:
    pass


application = Application()
application.map = np.memmap("parent.bin", dtype="int64", mode="w+", shape=1000)
application.map[:] = 7
loop = np.empty(2, dtype=object)
loop[0] = loop
loop[1] = application
view = memoryview(application.map)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
if os.fork() == 0:
    application.other = np.memmap("worker.bin", dtype="int64", mode="w+", shape=1000)
    application.other[:] = 8
    sys.exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
application.map[1:] = 9
print("end", flush=True)
