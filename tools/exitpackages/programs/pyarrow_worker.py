"""pyarrow: forked workers hang writers on their parent's objects and end with sys.exit()."""

import gc
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq


class Application:
    """What the parent loaded."""


application = Application()
registry: dict[str, object] = {}
table = pa.table({"x": list(range(1000))})
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
for number in range(2):
    if os.fork() == 0:
        application.buffered = pa.output_stream(f"buffered-{number}.bin", buffer_size=65536)
        application.buffered.write(b"z" * 1000)
        registry["packed"] = pa.output_stream(f"packed-{number}.gz", compression="gzip")
        registry["packed"].write(b"y" * 10_000)
        sink = pa.OSFile(f"rows-{number}.arrow", "wb")
        registry["ipc"] = pa.ipc.new_file(sink, table.schema)
        registry["ipc"].write_table(table)
        application.parquet = pq.ParquetWriter(f"rows-{number}.parquet", table.schema)
        application.parquet.write_table(table)
        sys.exit(number)
codes = sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2))
print(codes, {name: os.path.getsize(name) for name in sorted(os.listdir())}, flush=True)
