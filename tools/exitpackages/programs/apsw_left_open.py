"""apsw: connections with write-ahead logs, hooks and a cursor are left open.

files: names
"""

import gc
import os
import sys

import apsw


class Application:
    pass


def fill(name: str) -> apsw.Connection:
    found = apsw.Connection(name)
    found.pragma("journal_mode", "wal")
    found.execute("create table t (x)")
    found.execute("insert into t values (1)")
    found.set_commit_hook(lambda: False)
    found.create_scalar_function("twice", lambda x: 2 * x)
    return found


application = Application()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
if os.fork() == 0:
    application.db = fill("worker.db")
    sys.exit(0)
os.wait()
print(sorted(os.listdir()), flush=True)
application.db = fill("parent.db")
rows = application.db.execute("select twice(x) from t union all select 1")
print(next(rows), "end", flush=True)
