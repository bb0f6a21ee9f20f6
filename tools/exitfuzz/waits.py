"""Finalizers that wait for what only a stopped daemon thread could end.

Each has module-level ``setup`` (a daemon thread and what it holds or serves) and the finalizer's
``act``. F7 and the first point of the issue: such a wait is not begun, the program ends as it does
on stock, and says no more on stderr.
"""

from __future__ import annotations

from dataclasses import dataclass

_HOLD = """\
def runNUM(ready):
    with {what}:
        ready.set()
        time.sleep(1000)
fz.started(runNUM)
"""
_QUEUE = """\
import queue
jobsNUM = queue.Queue({size})
def runNUM(ready):
    ready.set()
    while True:
        jobsNUM.get()
        jobsNUM.task_done()
"""
_SLEEP = "def runNUM(ready):\n    ready.set()\n    time.sleep(1000)\n"
_LOOP = """\
import asyncio
loopNUM = asyncio.new_event_loop()
async def oneNUM(): return 1
def runNUM(ready):
    loopNUM.call_soon(ready.set)
    loopNUM.run_forever()
fz.started(runNUM)
"""
_FUTURE = """\
from concurrent.futures import Future
doneNUM = Future()
def runNUM(ready):
    ready.set()
    time.sleep(1000)
    doneNUM.set_result(1)
fz.started(runNUM)
"""
_SERVE = """\
def runNUM(ready):
    ready.set()
    {wait}
    {answer}
fz.started(runNUM)
"""


@dataclass(frozen=True)
class Wait:
    """Setup and action."""

    setup: str
    act: str


def _held(make: str, what: str = "lockNUM", act: str = "with lockNUM:\n    pass") -> Wait:
    return Wait(f"lockNUM = {make}\n{_HOLD.format(what=what)}", act)


# Stock's atexit callback of logging would wait for the lock, too.
_LOGGED = """\
import logging
atexit.unregister(logging.shutdown)
handlerNUM = logging.StreamHandler()
logging.getLogger('waitNUM').addHandler(handlerNUM)
lockNUM = handlerNUM.lock
"""

WAITS = {
    "lock": _held("threading.Lock()"),
    "lock, acquire()": _held("threading.Lock()", act="lockNUM.acquire()"),
    "lock, try finally": _held(
        "threading.Lock()",
        act="lockNUM.acquire()\ntry:\n    pass\nfinally:\n    lockNUM.release()",
    ),
    "raw lock": _held("__import__('_thread').allocate_lock()"),
    "reentrant lock": _held("threading.RLock()"),
    "python's reentrant lock": _held("threading._PyRLock()"),
    "condition's lock": _held("threading.Condition()"),
    "semaphore": _held("threading.Semaphore(1)"),
    "bounded semaphore": _held("threading.BoundedSemaphore(1)"),
    "multiprocessing lock": _held("__import__('multiprocessing').Lock()"),
    "lock, with a timeout": _held("threading.Lock()", act="lockNUM.acquire(timeout=0.1)"),
    "lock, not blocking": _held("threading.Lock()", act="lockNUM.acquire(False)"),
    "lock, caught": _held(
        "threading.Lock()", act="try:\n    with lockNUM:\n        pass\nexcept Exception:\n    pass"
    ),
    "two locks": Wait(
        "lockNUM = threading.Lock()\notherNUM = threading.Lock()\n"
        + _HOLD.format(what="lockNUM"),
        "with otherNUM, lockNUM:\n    pass",
    ),
    "lock of a handler": Wait(
        _LOGGED + _HOLD.format(what="lockNUM"), "logging.getLogger('waitNUM').warning('log IDENT')"
    ),
    "lock of logging": Wait(
        "import logging\natexit.unregister(logging.shutdown)\n"
        + _HOLD.format(what="logging._lock"), "logging.getLogger('newNUM')"
    ),
    "queue.join()": Wait(
        _QUEUE.format(size="") + "fz.started(runNUM)\n", "jobsNUM.put(1)\njobsNUM.join()"
    ),
    "queue.put()": Wait(
        _QUEUE.format(size="1") + "fz.started(runNUM)\n", "jobsNUM.put(1)\njobsNUM.put(2)"
    ),
    "queue.get()": Wait(
        "import queue\nqNUM = queue.Queue()\n" + _SLEEP + "    qNUM.put(1)\nfz.started(runNUM)\n",
        "qNUM.get()",
    ),
    "simple queue": Wait(
        "import queue\nqNUM = queue.SimpleQueue()\n"
        + _SERVE.format(wait="time.sleep(1000)", answer="qNUM.put(1)"),
        "qNUM.get()",
    ),
    "python's simple queue": Wait(
        "import queue\nqNUM = queue._PySimpleQueue()\n"
        + _SERVE.format(wait="time.sleep(1000)", answer="qNUM.put(1)"),
        "qNUM.get()",
    ),
    "ask and be answered": Wait(
        "import queue\nqNUM, aNUM = queue.SimpleQueue(), queue.SimpleQueue()\n"
        + _SERVE.format(wait="qNUM.get()", answer="aNUM.put(1)"),
        "qNUM.put(1)\naNUM.get()",
    ),
    "event": Wait(
        "eNUM = threading.Event()\n" + _SERVE.format(wait="time.sleep(1000)", answer="eNUM.set()"),
        "eNUM.wait()",
    ),
    "stop and stopped": Wait(
        "stopNUM, eNUM = threading.Event(), threading.Event()\n"
        + _SERVE.format(wait="stopNUM.wait()", answer="eNUM.set()"),
        "stopNUM.set()\neNUM.wait()",
    ),
    "event, with a timeout": Wait(
        "eNUM = threading.Event()\n" + _SERVE.format(wait="time.sleep(1000)", answer="eNUM.set()"),
        "eNUM.wait(0.1)",
    ),
    "condition": Wait(
        "cNUM = threading.Condition()\n" + _SLEEP + "fz.started(runNUM)\n",
        "with cNUM:\n    cNUM.wait()",
    ),
    "condition, wait_for": Wait(
        "cNUM = threading.Condition()\n" + _SLEEP + "fz.started(runNUM)\n",
        "with cNUM:\n    cNUM.wait_for(lambda: False)",
    ),
    "semaphore at zero": Wait(
        "sNUM = threading.Semaphore(0)\n"
        + _SERVE.format(wait="time.sleep(1000)", answer="sNUM.release()"),
        "sNUM.acquire()",
    ),
    "barrier": Wait(
        "bNUM = threading.Barrier(2)\n"
        + _SERVE.format(wait="time.sleep(1000)", answer="bNUM.wait()"),
        "bNUM.wait()",
    ),
    "future": Wait(_FUTURE, "doneNUM.result()"),
    "wait for futures": Wait(_FUTURE, "from concurrent.futures import wait\nwait([doneNUM])"),
    "join": Wait(_SLEEP + "threadNUM = fz.started(runNUM)\n", "threadNUM.join()"),
    "join, with a timeout": Wait(_SLEEP + "threadNUM = fz.started(runNUM)\n", "threadNUM.join(0.1)"),
    "tell it to stop, join": Wait(
        "stopNUM = threading.Event()\n"
        + _SERVE.format(wait="stopNUM.wait()", answer="pass").replace(
            "fz.started", "threadNUM = fz.started"
        ),
        "stopNUM.set()\nthreadNUM.join()",
    ),
    "cancel a timer, join": Wait(
        "timerNUM = threading.Timer(1000, print)\ntimerNUM.daemon = True\ntimerNUM.start()\n"
        "time.sleep(0.01)\n" + _SLEEP + "fz.started(runNUM)\n",
        "timerNUM.cancel()\ntimerNUM.join()",
    ),
    "loop": Wait(_LOOP, "asyncio.run_coroutine_threadsafe(oneNUM(), loopNUM).result()"),
    "stop a loop": Wait(
        _LOOP.replace("fz.started", "threadNUM = fz.started"),
        "loopNUM.call_soon_threadsafe(loopNUM.stop)\nthreadNUM.join()",
    ),
    "import": Wait(
        "def runNUM(ready):\n    fz.ready = ready\n    import slow\nfz.started(runNUM)\n",
        "import slow",
    ),
    "pool": Wait(
        "from multiprocessing.pool import ThreadPool\npoolNUM = ThreadPool(1)\n" + _SLEEP
        + "fz.started(runNUM)\n",
        "poolNUM.apply(int)",
    ),
    "start a thread": Wait(
        _SLEEP + "fz.started(runNUM)\n",
        "try:\n    threading.Thread(target=int, daemon=True).start()\n"
        "except RuntimeError:\n    pass",
    ),
    "sqlite": Wait(
        "import sqlite3\ndbNUM = sqlite3.connect(':memory:', check_same_thread=False)\n"
        "def sleepNUM():\n    dbNUM.ready.set()\n    time.sleep(1000)\n"
        "class DbNUM(sqlite3.Connection):\n    pass\n"
        "dbNUM = sqlite3.connect(':memory:', check_same_thread=False, factory=DbNUM)\n"
        "dbNUM.create_function('f', 0, sleepNUM)\ndef runNUM(ready):\n    dbNUM.ready = ready\n"
        "    dbNUM.execute('select f()')\nfz.started(runNUM)\n",
        "dbNUM.execute('select 1')",
    ),
}

#: Threads that do something when they are stopped, without a finalizer that waits for them.
THREADS = {
    "in a finalizer": "def slowNUM(self):\n    volatile_rNUM.set()\n    time.sleep(1000)\n"
    "def runNUM(ready):\n    global volatile_rNUM\n    volatile_rNUM = ready\n"
    "    F(IDENT, slowNUM)\nfz.started(runNUM)",
    "in a collection": "def slowNUM(self):\n    volatile_rNUM.set()\n    time.sleep(1000)\n"
    "def runNUM(ready):\n    global volatile_rNUM\n    volatile_rNUM = ready\n"
    "    head = F(IDENT)\n    head.one = loop(IDENT, slowNUM)\n    head.me = head\n"
    "    head.two = loop(IDENT)\n    del head\n    gc.collect()\nfz.started(runNUM)",
    "in a generator's finally": "def slowNUM(self):\n    volatile_rNUM.set()\n"
    "    time.sleep(1000)\ndef runNUM(ready):\n    global volatile_rNUM\n"
    "    volatile_rNUM = ready\n    gen(IDENT, slowNUM)\nfz.started(runNUM)",
    "in a weak reference's callback": "def slowNUM(ref):\n    volatile_rNUM.set()\n"
    "    time.sleep(1000)\ndef runNUM(ready):\n    global volatile_rNUM\n"
    "    volatile_rNUM = ready\n    held = OBJ\n    one = P()\n    ref = weakref.ref(one, slowNUM)\n"
    "    del one\nfz.started(runNUM)",
    "importing": "def runNUM(ready):\n    fz.ready = ready\n    held = OBJ\n    import slow\n"
    "fz.started(runNUM)",
    "in a queue": "import queue\nqNUM = queue.Queue()\ndef runNUM(ready):\n    held = OBJ\n"
    "    ready.set()\n    qNUM.get()\nfz.started(runNUM)",
    "in a loop": "import asyncio\ndef runNUM(ready):\n    held = OBJ\n"
    "    loop = asyncio.new_event_loop()\n    loop.call_soon(ready.set)\n    loop.run_forever()\n"
    "fz.started(runNUM)",
    "in a pipe": "def runNUM(ready):\n    r, w = os.pipe()\n    held = OBJ\n    ready.set()\n"
    "    os.read(r, 1)\nfz.started(runNUM)",
    "in a child": "import subprocess\ndef runNUM(ready):\n    held = OBJ\n"
    "    child = subprocess.Popen(['sleep', '1'])\n    ready.set()\n    child.wait()\n"
    "fz.started(runNUM)",
    "allocating": "def runNUM(ready):\n    held = OBJ\n    ready.set()\n    while True:\n"
    "        [[] for _ in range(100)]\n        time.sleep(0.001)\nfz.started(runNUM)",
    "executor busy": "from concurrent.futures import ThreadPoolExecutor\n"
    "NAME = ThreadPoolExecutor(2)\nNAME.submit(time.sleep, 0.05)\nNAME.submit(CALL)",
    "not a daemon": "def runNUM(ready):\n    held = OBJ\n    ready.set()\n    time.sleep(0.05)\n"
    "NAME = fz.started(runNUM, daemon=False)",
    "barrier": "bNUM = threading.Barrier(3)\ndef runNUM(ready):\n    held = OBJ\n    ready.set()\n"
    "    bNUM.wait()\ndef tooNUM(ready):\n    held = OBJ\n    ready.set()\n    bNUM.wait()\n"
    "fz.started(runNUM)\nfz.started(tooNUM)",
    "holding a lock, reads a file": "def runNUM(ready):\n    held = OBJ\n"
    "    with open('main.py') as f:\n        f.readline()\n        ready.set()\n"
    "        time.sleep(1000)\nfz.started(runNUM)",
}
