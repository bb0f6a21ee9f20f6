"""eventlet: green threads of a patched program are suspended in sleeps, locks and queues."""

import eventlet

eventlet.monkey_patch()

import gc
import os
import queue
import threading

jobs: queue.Queue[int] = queue.Queue()
done: list[int] = []


def worker() -> None:
    try:
        while True:
            done.append(jobs.get())
    finally:
        done.append(-1)


pool = eventlet.GreenPool(10)
for _ in range(3):
    pool.spawn_n(worker)
    pool.spawn(eventlet.sleep, 60)
thread = threading.Thread(target=worker, daemon=True)
thread.start()
for number in range(5):
    jobs.put(number)
eventlet.sleep(0.05)
print(sorted(done), pool.running(), flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
