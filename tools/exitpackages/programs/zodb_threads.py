"""ZODB: daemon threads have connections of their own, and one is in a transaction at the end.

files: names
"""

import gc
import os
import threading

import transaction
import ZODB
import ZODB.blob
from persistent.mapping import PersistentMapping

db = ZODB.DB("data.fs", blob_dir="blobs")
ready = threading.Barrier(3)
turn = threading.Lock()


def work(number: int) -> None:
    with turn, db.transaction() as connection:
        connection.root()[number] = PersistentMapping()
        connection.root()[f"blob{number}"] = ZODB.blob.Blob(b"content")
    connection = db.open()
    connection.root()[number]["x"] = 1
    stream = connection.root()[f"blob{number}"].open()
    ready.wait()
    threading.Event().wait()
    stream.close()


for number in range(2):
    threading.Thread(target=work, args=(number,), daemon=True).start()
ready.wait()
print("ready", flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
transaction.abort()
print("end", flush=True)
