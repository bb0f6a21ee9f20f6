"""pyarrow: daemon threads sort in its thread pool and write a file while the program ends."""

import gc
import os
import threading

import pyarrow as pa
import pyarrow.compute as pc

rows = pa.chunked_array([pa.array(range(100_000))] * 4)
running = threading.Semaphore(0)


def compute() -> None:
    while True:
        pc.sort_indices(rows)
        running.release()


def write() -> None:
    with pa.OSFile(os.devnull, "wb") as sink:
        while True:
            sink.write(b"x" * 1_000_000)
            running.release()


threads = [threading.Thread(target=work, daemon=True) for work in (compute, write)]
for thread in threads:
    thread.start()
for _ in threads * 3:
    running.acquire()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
