"""pyarrow: a Parquet writer, an IPC stream writer and compressed files are open at the end."""

import gc
import os

import pyarrow as pa
import pyarrow.parquet as pq

table = pa.table({"x": list(range(1000)), "s": [f"row {n}" for n in range(1000)]})
parquet = pq.ParquetWriter("rows.parquet", table.schema)
parquet.write_table(table)
sink = pa.OSFile("rows.arrow", "wb")
ipc = pa.ipc.new_stream(sink, table.schema)
ipc.write_table(table)
raw = pa.OSFile("raw.bin", "wb")
raw.write(b"x" * 1000)
packed = pa.output_stream("packed.gz", compression="gzip")
packed.write(b"y" * 10_000)
buffered = pa.output_stream("buffered.bin", buffer_size=65536)
buffered.write(b"z" * 1000)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
buffered.write(b"z" * 1000)
print("end", flush=True)
