"""lmdb: environments, a write transaction and cursors are left open in the parent and a worker."""

import gc
import os
import sys

import lmdb


class Application:
    pass


application = Application()


def fill(name: str) -> None:
    application.env = lmdb.open(name, map_size=1 << 20)
    with application.env.begin(write=True) as begun:
        begun.put(b"key", b"value")
    application.write = application.env.begin(write=True)
    application.write.put(b"other", b"value")
    application.cursor = application.write.cursor()


getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
if os.fork() == 0:
    fill("worker.mdb")
    sys.exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
fill("parent.mdb")
print(application.cursor.first(), "end", flush=True)
