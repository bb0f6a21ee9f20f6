"""duckdb: a lazy relation over a Python object and a Python function are left."""

import gc
import os

import duckdb
import pyarrow as pa

rows = pa.table({"x": list(range(100))})
db = duckdb.connect("left.db")
db.create_function("twice", lambda x: 2 * x, ["BIGINT"], "BIGINT")
relation = db.sql("select sum(twice(x)) from rows")
print(relation.fetchall(), flush=True)
pending = db.sql("select x from rows")
reader = db.execute("select x from rows")
print(reader.fetchone(), flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
