"""duckdb: databases are left open by the parent, a worker, and a thread amid a result.

files: names
"""

import gc
import os
import sys
import threading

import duckdb


class Application:
    pass


def fill(name: str) -> duckdb.DuckDBPyConnection:
    found = duckdb.connect(name)
    found.execute("create table t as select range x from range(1000)")
    return found


application = Application()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
if os.fork() == 0:
    application.db = fill("worker.db")
    sys.exit(0)
os.wait()
print(sorted(os.listdir()), flush=True)
application.db = fill("parent.db")
cursor = application.db.cursor()
begun = threading.Event()


def thread() -> None:
    result = cursor.execute("select x from t")
    while result.fetchone():
        begun.set()
        threading.Event().wait()


threading.Thread(target=thread, daemon=True).start()
begun.wait()
print("end", flush=True)
