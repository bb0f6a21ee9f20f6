"""Greenlets of a daemon thread, of a thread that is gone, and of a class are left suspended."""

import gc
import os
import threading

import greenlet

left: list[greenlet.greenlet] = []
ready = threading.Event()


def work() -> None:
    try:
        raise KeyError("handled")
    except KeyError:
        greenlet.getcurrent().parent.switch()


def gone() -> None:
    each = greenlet.greenlet(work)
    each.switch()
    left.append(each)


def daemon() -> None:
    each = greenlet.greenlet(work)
    each.switch()
    left.append(each)
    ready.set()
    threading.Event().wait()


class Holder:
    inner = greenlet.greenlet(work)


Holder.inner.switch()
thread = threading.Thread(target=gone)
thread.start()
thread.join()
threading.Thread(target=daemon, daemon=True).start()
ready.wait()
print(len(left), bool(Holder.inner), flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
