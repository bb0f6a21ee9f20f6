"""coverage is started inside the program, saves by itself at exit, and workers are measured too.

files: names
"""

import gc
import os
import sys
import threading

import coverage

measured = coverage.Coverage(data_file="data.coverage", data_suffix=None, auto_data=True)
measured.start()


class Resource:
    def __del__(self) -> None:
        print("finalized", flush=True)


def work() -> None:
    ready.set()
    threading.Event().wait()


ready = threading.Event()
threading.Thread(target=work, daemon=True).start()
ready.wait()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
if os.fork() == 0:
    resource = Resource()
    sys.exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
resource = Resource()
print("end", flush=True)
