"""What a finalizer does besides reporting: bodies of functions of one argument, ``self``.

``self`` is None in a generator's ``finally``. NUM is replaced by a number of its own. Those in
ENDS end by themselves on any interpreter, so that patched must bring them to their end.
"""

from __future__ import annotations

ENDS = {
    "print": "print('out', os.getpid(), 'too IDENT')",
    "import": "import sched, html\nassert sched.scheduler and html.escape('<') == '&lt;'",
    "import own": "import latecomer\nassert latecomer.VALUE == 42",
    "write": "volatile_fNUM = open('late', 'a')\nvolatile_fNUM.write('late IDENT\\n')\n"
    "volatile_fNUM.close()",
    "log": "import logging\nlogging.getLogger('nNUM').warning('log IDENT')",
    "free lock": "with freeNUM:\n    pass",
    "lock with a timeout": "busyNUM.acquire(timeout=0.05)",
    "event with a timeout": "threading.Event().wait(0.05)",
    "queue": "import queue\nq = queue.Queue()\nq.put(1)\nq.get()\nq.task_done()\nq.join()",
    "queue with a timeout": "import queue\ntry:\n    queue.Queue().get(timeout=0.05)\n"
    "except queue.Empty:\n    pass",
    "event that is set": "event = threading.Event()\nevent.set()\nevent.wait()",
    "join of an ended thread": "endedNUM.join()",
    "future that is done": "from concurrent.futures import Future\nf = Future()\n"
    "f.set_result(1)\nf.result()",
    "fork": "pid = os.fork()\nif pid == 0:\n    os._exit(0)\nos.waitpid(pid, 0)",
    "subprocess": "import subprocess\nsubprocess.run(['true'], check=True)",
    "resurrect": "fz.KEEP.append(self)",
    "collect": "gc.collect()",
    "immortalize": "fz.immortalize()",
    "new object": "fz.KEEP.append(F('IDENT-new'))",
    "new garbage": "loop('IDENT-new')",
    "new generator": "volatile_NUM = gen('IDENT-new')",
    "change globals": "global volatileNUM\nvolatileNUM = None",
    "delete a global": "globals().pop('volatileNUM', None)",
    "delete from sys.modules": "sys.modules.pop('json', None)",
    "pop its own module": "sys.modules.pop(__name__, None)",
    "sleep": "time.sleep(0.05)",
    "atexit": "atexit.register(print, 'out', os.getpid(), 'late IDENT')",
    "weak reference": "volatile = weakref.ref(P(), id)",
    "temporary file": "import tempfile\nwith tempfile.TemporaryFile() as f:\n    f.write(b'x')",
    "run a loop": "import asyncio\nasync def nothing():\n    await asyncio.sleep(0)\n"
    "asyncio.run(nothing())",
    "caught": "try:\n    raise KeyError\nexcept KeyError:\n    pass",
}

#: Those that take the lock of the logging module, if only by importing what makes a logger.
USES_LOGGING = frozenset({"log", "future that is done", "run a loop"})

#: Those that raise, on purpose: the oracle knows these lines by the word before the id.
RAISES = {
    "raise": "raise ValueError('purpose: IDENT')",
    "raise SystemExit": "raise SystemExit('purpose: IDENT')",
    "raise KeyboardInterrupt": "raise KeyboardInterrupt('purpose: IDENT')",
    "start a thread": "import _thread\n_thread.start_new_thread(int, ())",
}

#: What an action needs at module level.
SETUP = {
    "free lock": "freeNUM = threading.Lock()\n",
    "lock with a timeout": "busyNUM = threading.Lock()\nbusyNUM.acquire()\n",
    "join of an ended thread": "endedNUM = threading.Thread(target=id, args=[1])\n"
    "endedNUM.start()\nendedNUM.join()\n",
    "change globals": "volatileNUM = 1\n",
    "delete a global": "volatileNUM = 1\n",
}
