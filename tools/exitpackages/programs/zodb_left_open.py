"""ZODB: a FileStorage, its connection and a transaction with changes are left.

files: names
"""

import gc
import os

import transaction
import ZODB
import ZODB.FileStorage
from BTrees.OOBTree import OOBTree
from persistent.mapping import PersistentMapping

storage = ZODB.FileStorage.FileStorage("data.fs")
db = ZODB.DB(storage)
connection = db.open()
root = connection.root()
root["tree"] = OOBTree({f"key{n}": PersistentMapping(value=n) for n in range(500)})
transaction.commit()
root["tree"]["more"] = PersistentMapping(value=1)
print(len(root["tree"]), flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
root["tree"]["late"] = PersistentMapping(value=2)
print("end", flush=True)
