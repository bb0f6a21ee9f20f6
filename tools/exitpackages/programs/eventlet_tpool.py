"""eventlet's pool of real threads has work left when the program ends."""

import gc
import os
import time

import eventlet
from eventlet import tpool

print(tpool.execute(sum, [1, 2, 3]), flush=True)
waiting = eventlet.spawn(tpool.execute, time.sleep, 0.3)
eventlet.sleep(0.05)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
