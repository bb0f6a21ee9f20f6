"""A monkey-patched program with a pool, patched threads and a queue ends in the middle of work."""

from gevent import monkey

monkey.patch_all()

import gc
import os
import queue
import threading
import time

from gevent.pool import Pool

jobs: queue.Queue[int] = queue.Queue()
done: list[int] = []


def worker() -> None:
    while True:
        done.append(jobs.get())
        jobs.task_done()


class Service:
    """What applications do: tell the threads to stop and wait for the queue, in a finalizer."""

    def __init__(self) -> None:
        self.threads = [threading.Thread(target=worker, daemon=True) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def __del__(self) -> None:
        jobs.put(-1)
        jobs.join()
        print("served", flush=True)


service = Service()
pool = Pool(3)
for number in range(5):
    jobs.put(number)
jobs.join()
for _ in range(3):
    pool.spawn(time.sleep, 60)
time.sleep(0.05)
print(sorted(done), len(pool), flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
