"""gevent's native thread pool works while the program ends; a result is waited for."""

import gc
import os
import time

import gevent
from gevent import get_hub

pool = get_hub().threadpool
quick = pool.apply(sum, ([1, 2, 3],))
waiting = gevent.spawn(lambda: pool.spawn(time.sleep, 0.5).get())
gevent.sleep(0.05)
timer = get_hub().loop.timer(60)
timer.start(print, "never")
print(quick, bool(waiting), flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
