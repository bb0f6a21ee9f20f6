"""Shutdown: a wait that only a stopped daemon thread could end is not begun.

On an unpatched interpreter these programs end at once and are silent: few of
their finalizers run there.
"""

import functools
import sys
import unittest
from test.immortal_exit_support import Case, ExitTestCase

REFUSED = 'PythonFinalizationError'

# A daemon thread holds what hold() makes it hold. {take} is what a finalizer
# does with it.
HELD = """
    import os, sys, threading, time
    {make}
    class Finalized:
        def __del__(self):
            {take}
            os.write(1, b'not reached')
    class Later:
        def __del__(self):
            os.write(1, b'later')
    first = Finalized()
    second = Later()
    started = threading.Event()
    def work():
        {hold}
            started.set()
            time.sleep(1000)
    threading.Thread(target=work, daemon=True).start()
    started.wait()
    time.sleep(.05)
    # here
    os.write(1, b'end ')
    """


def held(name, make, hold, take, **kwargs):
    """A Case: a thread enters the context hold, a finalizer does take."""
    return Case(name, HELD.format(make=make, hold=hold, take=take),
                'end later', told=REFUSED, **kwargs)


def block(name, make, take, **kwargs):
    """A Case: nobody is left who would end what take waits for."""
    return held(name, make, 'if True:', take, **kwargs)


def plain(name, program, out='end later', told=REFUSED, **kwargs):
    """A Case of its own."""
    return Case(name, program, out, told, **kwargs)


# logging.shutdown() takes the lock, too: as the interpreter exits, before
# threads are stopped.
LOGGING = """
    import atexit, os, threading, time
    go = threading.Event()
    started = threading.Event()
    atexit.register(lambda: (go.set(), started.wait()))
    import logging
    logging.basicConfig()
    handler = logging.getLogger().handlers[0]
    def work():
        go.wait()
        with {lock}:
            started.set()
            time.sleep(1000)
    threading.Thread(target=work, daemon=True).start()
    class Finalized:
        def __del__(self):
            {take}
            os.write(1, b'not reached')
    class Later:
        def __del__(self):
            os.write(1, b'later')
    first = Finalized()
    second = Later()
    # here
    os.write(1, b'end ')
    """

# Another process can end a wait.
PROCESS = """
    import multiprocessing, os, threading, time
    context = multiprocessing.get_context('fork')
    lock = context.Lock()
    started = context.Event()
    class Finalized:
        def __del__(self):
            lock.acquire()
            os.write(1, b'acquired')
    first = Finalized()
    if os.fork() == 0:
        lock.acquire()
        started.set()
        time.sleep(.5)
        lock.release()
        os._exit(0)
    started.wait()
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    # here
    os.write(1, b'end ')
    """

IMPORT_LOCK = """
    import _imp, os, threading, time
    class Finalized:
        def __del__(self):
            import colorsys
            os.write(1, b'imported')
    first = Finalized()
    started = threading.Event()
    def work():
        _imp.acquire_lock()
        started.set()
        time.sleep(1000)
    threading.Thread(target=work, daemon=True).start()
    started.wait()
    # here
    os.write(1, b'end ')
    """


# Where it has a lock, which later versions have not.
CACHED_PROPERTY = () if not hasattr(functools.cached_property(len), 'lock') else (
    held('cached_property',
         'import functools\n'
         '    class Slow:\n'
         '        @functools.cached_property\n'
         '        def value(self):\n'
         '            started.set(); time.sleep(1000)\n'
         '    slow = Slow()',
         'while slow.value:', 'Slow().value'),
)

# Since 3.14, an unpatched interpreter refuses to join a thread at exit.
JOINED = 'end later' if sys.version_info >= (3, 14) else 'end stopped later'


class LockTests(ExitTestCase):
    """What a stopped thread holds."""

    cases = (
        held('lock', 'lock = threading.Lock()', 'with lock:',
             'lock.acquire()'),
        held('lock_with', 'lock = threading.Lock()', 'with lock:',
             'with lock: pass'),
        held('rlock', 'lock = threading.RLock()', 'with lock:',
             'lock.acquire()'),
        held('python_rlock', 'lock = threading._PyRLock()', 'with lock:',
             'with lock: pass'),
        held('condition', 'lock = threading.Condition()', 'with lock:',
             'with lock: pass'),
        held('semaphore', 'lock = threading.Semaphore()', 'with lock:',
             'lock.acquire()'),
        held('bounded_semaphore', 'lock = threading.BoundedSemaphore(2)',
             'with lock, lock:', 'with lock: pass'),
        held('queue_mutex', 'import queue; q = queue.Queue()',
             'with q.mutex:', 'q.put(1)'),
        # A module can be imported all the same.
        plain('import_lock', IMPORT_LOCK, 'end imported', told=None),
        plain('logging_handler', LOGGING.format(
            lock='handler.lock', take='logging.error("never written")')),
        plain('logging_lock', LOGGING.format(
            lock='logging._lock', take='logging.getLogger("a").setLevel(0); '
            'logging.StreamHandler()')),
        held('module_lock', 'import importlib._bootstrap as b',
             'with b._ModuleLockManager("colorsys"):',
             'import colorsys'),
        held('multiprocessing_lock',
             'import multiprocessing; '
             'lock = multiprocessing.get_context("fork").Lock()',
             'with lock:', 'lock.acquire()'),
        held('multiprocessing_rlock',
             'import multiprocessing; '
             'lock = multiprocessing.get_context("fork").RLock()',
             'with lock:', 'with lock: pass'),
        plain('multiprocessing_lock_of_another', PROCESS, 'end acquired',
              told=None),
        *CACHED_PROPERTY,
        held('generator_context',
             'import contextlib\n'
             '    lock = threading.Lock()\n'
             '    @contextlib.contextmanager\n'
             '    def locked():\n'
             '        with lock:\n'
             '            yield',
             'with locked():', 'with locked(): pass'),
        held('exit_stack',
             'import contextlib; lock = threading.Lock()',
             'with lock:',
             'contextlib.ExitStack().enter_context(lock)'),
    )


class NobodyLeftTests(ExitTestCase):
    """What a stopped thread would have done."""

    cases = (
        block('event', 'event = threading.Event()', 'event.wait()'),
        block('condition', 'c = threading.Condition()',
              'c.acquire(); c.wait()'),
        block('condition_wait_for', 'c = threading.Condition()',
              'c.acquire(); c.wait_for(lambda: False)'),
        block('semaphore', 's = threading.Semaphore(0)', 's.acquire()'),
        block('barrier', 'b = threading.Barrier(2)', 'b.wait()'),
        block('queue_get', 'import queue; q = queue.Queue()', 'q.get()'),
        block('queue_put', 'import queue; q = queue.Queue(1); q.put(1)',
              'q.put(2)'),
        block('queue_join', 'import queue; q = queue.Queue(); q.put(1)',
              'q.join()'),
        block('lifo_queue', 'import queue; q = queue.LifoQueue()', 'q.get()'),
        block('priority_queue', 'import queue; q = queue.PriorityQueue()',
              'q.get()'),
        block('simple_queue', 'import queue; q = queue.SimpleQueue()',
              'q.get()'),
        block('python_simple_queue',
              'import queue; q = queue._PySimpleQueue()', 'q.get()'),
        block('future_result',
              'import concurrent.futures as f; future = f.Future()',
              'future.result()'),
        block('future_exception',
              'import concurrent.futures as f; future = f.Future()',
              'future.exception()'),
        block('futures_wait',
              'import concurrent.futures as f; future = f.Future()',
              'f.wait([future])'),
        block('as_completed',
              'import concurrent.futures as f; future = f.Future()',
              'list(f.as_completed([future]))'),
        held('lock_twice', 'lock = threading.Lock()', 'if True:',
             'lock.acquire(); lock.acquire()'),
    )


THREADS = """
    import os, threading, time
    class Finalized:
        def __del__(self):
            self.stop()
            os.write(1, b'stopped ')
        {methods}
    class Later:
        def __del__(self):
            os.write(1, b'later')
    first = Finalized()
    second = Later()
    first.start()
    time.sleep(.1)
    # here
    os.write(1, b'end ')
    """


def threads(name, start, stop, out='end later', **kwargs):
    """A Case of an object that has a thread, and waits for it."""
    methods = (f'def start(self):\n            {start}\n'
               f'        def stop(self):\n            {stop}')
    return Case(name, THREADS.format(methods=methods), out, **kwargs)


class ThreadTests(ExitTestCase):
    """What waits until a thread has ended, or for what it was told to do."""

    cases = (
        threads('stop_by_event',
                'self.end = threading.Event(); self.ended = threading.Event()'
                '\n            def run(end=self.end, ended=self.ended): '
                'end.wait(); ended.set()'
                '\n            threading.Thread(target=run, daemon=True)'
                '.start()',
                'self.end.set(); self.ended.wait()', told=REFUSED),
        # A thread that was stopped has ended; or join() is refused.
        threads('join', 'self.thread = threading.Thread('
                'target=time.sleep, args=(1000,), daemon=True); '
                'self.thread.start()', 'self.thread.join()', JOINED),
        threads('queue_listener',
                'import logging.handlers as h, queue; '
                'self.listener = h.QueueListener(queue.Queue()); '
                'self.listener.start()', 'self.listener.stop()', JOINED),
        threads('coroutine_in_a_thread',
                'import asyncio; self.loop = asyncio.new_event_loop(); '
                'threading.Thread(target=self.loop.run_forever, '
                'daemon=True).start()',
                'import asyncio; c = asyncio.sleep(0); '
                'asyncio.run_coroutine_threadsafe(c, self.loop).result()',
                err=".*coroutine 'sleep' was never awaited.*|",
                told=REFUSED),
        threads('workers_of_a_queue',
                'import queue; self.jobs = queue.Queue()\n'
                '            def run(jobs=self.jobs):\n'
                '                while True: jobs.get(); jobs.task_done()\n'
                '            [threading.Thread(target=run, daemon=True)'
                '.start() for _ in range(4)]',
                '[self.jobs.put(i) for i in range(9)]; self.jobs.join()',
                told=REFUSED),
    )


# A wait is refused, then something that an unpatched interpreter refuses as
# well, and reports.
UPSTREAM = """
    import os, sys, threading, time
    class Waits:
        def __del__(self):
            try:
                locked.acquire()
            finally:
                os.write(1, b'refused ')
    class Starts:
        def __del__(self):
            {start}
            os.write(1, b'not reached')
    locked = threading.Lock()
    first = Waits()
    second = Starts()
    started = threading.Event()
    def work():
        with locked:
            started.set()
            time.sleep(1000)
    threading.Thread(target=work, daemon=True).start()
    started.wait()
    # here
    os.write(1, b'end ')
    """


def upstream(name, start, error):
    """A Case: start raises error, which is reported."""
    return Case(name, UPSTREAM.format(start=start), 'end refused',
                err=f'(?s)Exception ignored.*{error}[^\n]*')


@unittest.skipIf(sys.version_info < (3, 12),
                 'these are not refused, or with an exception of ours')
class UpstreamTests(ExitTestCase):
    """What an unpatched interpreter reports is reported after a refused wait."""

    cases = (
        upstream('fork', 'os.fork() or os._exit(0)',
                 "PythonFinalizationError: can't fork"),
        upstream('subprocess', 'import subprocess; '
                 'subprocess.run([sys.executable, "-V"], preexec_fn=int)',
                 "PythonFinalizationError: preexec_fn not supported"),
        upstream('thread', 'threading.Thread(target=int).start()',
                 "PythonFinalizationError: can't create new thread"),
    )


if __name__ == '__main__':
    unittest.main()
