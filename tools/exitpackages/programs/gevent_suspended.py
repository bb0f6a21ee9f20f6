"""gevent greenlets are suspended in except blocks, in finally blocks and in with statements."""

import contextlib
import gc
import os

import gevent
from gevent.event import Event
from gevent.lock import Semaphore

never = Event()
lock = Semaphore()


def in_except() -> None:
    try:
        raise ValueError("handled")
    except ValueError:
        never.wait()


def in_finally() -> None:
    try:
        pass
    finally:
        never.wait()


@contextlib.contextmanager
def manager():
    yield
    print("left", flush=True)


def in_with() -> None:
    with manager(), lock:
        never.wait()


def in_lock() -> None:
    with lock:
        print("never", flush=True)


group = [gevent.spawn(work) for work in (in_except, in_finally, in_with, in_lock)]
gevent.sleep(0.05)
print([bool(each) for each in group], flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
