"""sqlite3: connections with write-ahead logs are left by the parent, a worker and a thread."""

import gc
import os
import sqlite3
import sys
import threading


class Application:
    pass


def fill(name: str) -> sqlite3.Connection:
    found = sqlite3.connect(name, check_same_thread=False)
    found.execute("pragma journal_mode=wal")
    found.execute("create table t (x)")
    found.execute("insert into t values (1)")
    found.commit()
    return found


application = Application()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
if os.fork() == 0:
    application.db = fill("worker.db")
    application.cursor = application.db.execute("select x from t")
    sys.exit(0)
os.wait()
print(sorted(os.listdir()), flush=True)
application.db = fill("parent.db")
ready = threading.Event()


def thread() -> None:
    db = fill("thread.db")
    for _ in db.execute("select x from t"):
        ready.set()
        threading.Event().wait()


threading.Thread(target=thread, daemon=True).start()
ready.wait()
print("end", flush=True)
