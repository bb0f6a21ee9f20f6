"""pyarrow: daemon threads are left amid a file that they write and a stream that they read."""

import gc
import os
import threading

import pyarrow as pa
import pyarrow.compute as pc

table = pa.table({"x": pa.chunked_array([pa.array(range(100_000))] * 4)})
ready = threading.Barrier(3)


def write() -> None:
    with pa.OSFile("left.arrow", "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
        ready.wait()
        threading.Event().wait()


def read() -> None:
    order = pc.sort_indices(table["x"])
    for batch in table.take(order[:1000]).to_reader(100):
        if batch.num_rows == 100:
            ready.wait()
            threading.Event().wait()


for work in (write, read):
    threading.Thread(target=work, daemon=True).start()
ready.wait(30)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
