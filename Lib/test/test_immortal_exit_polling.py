"""Shutdown: waits with a timeout, sleeps, and whatever else is in a finalizer
that waits for a stopped daemon thread."""

import unittest
from test.immortal_exit_support import IGNORED, Case, ExitTestCase

REFUSED = 'PythonFinalizationError'

# A stopped thread, a finalizer that runs {take}, and one after it.
PROGRAM = """
    import asyncio, os, queue, sys, threading, time
    import concurrent.futures as futures
    event = threading.Event()
    done = []
    {make}
    class Finalized:
        def __del__(self):
            {take}
    class Later:
        def __del__(self):
            os.write(1, b'later')
    def work():
        while not done:
            time.sleep(1000)
    first = Finalized()
    second = Later()
    threading.Thread(target=work, daemon=True).start()
    time.sleep(.05)
    # here
    os.write(1, b'end ')
    """


def block(*lines):
    """Lines of __del__()."""
    return '\n            '.join(lines)


def waits(name, *take, make='', out='end later', told=REFUSED, **kwargs):
    """A Case whose finalizer does take."""
    return Case(name, PROGRAM.format(make=make, take=block(*take)), out, told,
                **kwargs)


class TimeoutTests(ExitTestCase):
    """Loops around waits with a timeout, and around sleeps, end."""

    workers = 16        # they sleep
    cases = (
        waits('sleep', 'while not done:', '    time.sleep(.1)'),
        waits('sleep_longer', 'while not done:', '    time.sleep(.6)'),
        waits('sleep_in_a_generator',
              'for _ in iter(lambda: time.sleep(.2), 1): pass'),
        waits('event', 'while not event.wait(1): pass'),
        waits('event_for_long', 'event.wait(3000) or event.wait(3000)'),
        waits('lock', 'lock = threading.Lock(); lock.acquire()',
              'while not lock.acquire(timeout=.7): pass'),
        waits('condition', 'c = threading.Condition()',
              'with c:',
              '    while not done: c.wait(.5)'),
        waits('condition_wait_for', 'c = threading.Condition()',
              'with c:',
              '    while not c.wait_for(lambda: done, 2): pass'),
        waits('semaphore', 's = threading.Semaphore(0)',
              'while not s.acquire(timeout=.9): pass'),
        waits('queue', 'q = queue.Queue()', 'while True:',
              '    try: q.get(timeout=.5)',
              '    except queue.Empty: pass'),
        waits('simple_queue', 'q = queue.SimpleQueue()', 'while True:',
              '    try: q.get(timeout=.5)',
              '    except queue.Empty: pass'),
        waits('future', 'f = futures.Future()', 'while True:',
              '    try: f.result(.5)',
              '    except TimeoutError: pass'),
        waits('futures_wait', 'f = futures.Future()',
              'while not futures.wait([f], .5).done: pass'),
        waits('multiprocessing_lock',
              'lock = multiprocessing.get_context("fork").Lock()',
              'lock.acquire()',
              'while not lock.acquire(timeout=.5): pass',
              make='import multiprocessing'),
        # What ends by itself has its usual result.
        waits('short', 'lock = threading.Lock(); lock.acquire()',
              'q = queue.Queue()',
              'found = [event.wait(.1), lock.acquire(timeout=.1)]',
              'try: q.get(timeout=.1)',
              'except queue.Empty: found.append(queue.Empty)',
              'os.write(1, str(found).encode())',
              out="end [False, False, <class '_queue.Empty'>]later",
              told=None),
        waits('without_waiting', 'lock = threading.Lock(); lock.acquire()',
              'found = [event.wait(0), lock.acquire(False),',
              '    lock.acquire(timeout=0)] * 1000',
              'os.write(1, str(len(found)).encode())',
              out='end 3000later', told=None),
        waits('nothing_to_wait_for', 'event.set(); lock = threading.RLock()',
              'f = futures.Future(); f.set_result(1); q = queue.Queue()',
              'q.put(1); q.get(); q.task_done(); q.join()',
              'with lock, lock: event.wait()',
              'futures.wait([f]); time.sleep(.01)',
              'os.write(1, str(f.result()).encode())',
              out='end 1later', told=None),
    )


class NestedTests(ExitTestCase):
    """What is around a wait."""

    cases = (
        waits('caught', 'try: event.wait()',
              'except RuntimeError: os.write(1, b"caught ")',
              'os.write(1, b"on ")', out='end caught on later', told=None),
        waits('finally', 'try: event.wait()',
              'finally: os.write(1, b"finally ")', out='end finally later'),
        waits('raised_from', 'try: event.wait()',
              'except RuntimeError as exc: raise ValueError("own") from exc',
              told='ValueError: own'),
        waits('raised_in_context', 'try: event.wait()',
              'except RuntimeError: raise ValueError("own")',
              told='ValueError: own'),
        waits('raised_in_finally', 'try: event.wait()',
              'finally: raise KeyError("own")', told='KeyError'),
        # An exception that has nothing to do with it is reported.
        waits('another', 'try: event.wait()',
              'except RuntimeError: pass', 'raise ValueError("own")',
              told=None, err=IGNORED + '.*ValueError: own'),
        waits('twice', 'for i in 1, 2:',
              '    try: event.wait()',
              '    except RuntimeError: os.write(1, b"%d " % i)',
              out='end 1 2 later', told=None),
        waits('context_manager', 'with waiting(): os.write(1, b"in ")',
              make='import contextlib\n'
                   '    @contextlib.contextmanager\n'
                   '    def waiting():\n'
                   '        try: yield\n'
                   '        finally: event.wait()',
              out='end in later'),
        waits('exit', 'with Waiting(): os.write(1, b"in ")',
              make='class Waiting:\n'
                   '        def __enter__(self): pass\n'
                   '        def __exit__(self, *args): event.wait()',
              out='end in later'),
        waits('exit_stack', 's = contextlib.ExitStack()',
              's.callback(os.write, 1, b"one ")', 's.callback(event.wait)',
              's.callback(os.write, 1, b"two ")', 's.close()',
              make='import contextlib', out='end two one later'),
        waits('generator', 'pass', out='end finally later',
              make='def generator():\n'
                   '        try: yield\n'
                   '        finally:\n'
                   '            os.write(1, b"finally ")\n'
                   '            event.wait()\n'
                   '    g = generator(); next(g)'),
        waits('callback', 'pass', out='end laterback ',
              make='import weakref\n'
                   '    class A: pass\n'
                   '    def back(ref):\n'
                   '        os.write(1, b"back ")\n'
                   '        event.wait()\n'
                   '    a = A(); a.me = a; r = weakref.ref(a, back); del a',
              told=None, any_order=True,
              modes=('default', 'off')),
        waits('in_a_property', 'Base().value', make='class Base:\n'
              '        value = property(lambda self: event.wait())'),
        waits('within_another', 'Inner(); os.write(1, b"on ")',
              make='class Inner:\n'
                   '        def __del__(self): event.wait()',
              out='end on later'),
        waits('asyncio_future', 'loop = asyncio.new_event_loop()',
              'try: loop.run_until_complete(asyncio.wrap_future('
              'futures.Future(), loop=loop))',
              'finally: loop.close()'),
        waits('asyncio_event', 'async def wait():',
              '    await asyncio.Event().wait()',
              'asyncio.run(wait())'),
    )


# A stopped thread was using an object that has a lock of its own.
USED = """
    import bz2, hashlib, hmac, lzma, os, threading, time, zlib
    import _blake2, _sha3
    class Finalized:
        def __del__(self):
            used.{method}(b'x')
            os.write(1, b'used ')
    class Later:
        def __del__(self):
            os.write(1, b'later')
    used = {make}
    data = {data}
    first = Finalized()
    second = Later()
    # here
    threading.Thread(target=used.{method}, args=(data,), daemon=True).start()
    time.sleep(.02)
    os.write(1, b'end ')
    """
MUCH = 'bytes(1 << 28)'
NOISE = 'os.urandom(1 << 20) * 50'


def used(name, make, method, data=MUCH, out='end later', told=REFUSED):
    """A Case: make.method(data) takes a while."""
    return Case(name, USED.format(make=make, method=method, data=data),
                out, told)


def hashed(name, make):
    """A Case: a hash gives its lock back before it asks for the GIL.

    So even a thread that will be stopped then ends the wait for it.
    """
    return used(name, make, 'update', out='end used later', told=None)


class OwnLockTests(ExitTestCase):
    """Objects that C code locks for itself."""

    cases = (
        used('zlib', 'zlib.compressobj(9)', 'compress', NOISE),
        used('bz2', 'bz2.BZ2Compressor()', 'compress', NOISE),
        used('lzma', 'lzma.LZMACompressor()', 'compress', NOISE),
        used('unzlib', 'zlib.decompressobj()', 'decompress',
             'zlib.compress(bytes(1 << 29), 1)'),
        used('unbz2', 'bz2.BZ2Decompressor()', 'decompress',
             'bz2.compress(os.urandom(1 << 22), 1) * 20'),
        used('unlzma', 'lzma.LZMADecompressor()', 'decompress',
             'lzma.compress(bytes(1 << 28), preset=0)'),
        hashed('sha512', 'hashlib.sha512()'),
        hashed('sha3', '_sha3.sha3_512()'),
        hashed('blake2', '_blake2.blake2b()'),
        hashed('hmac', 'hmac.new(b"key", digestmod="sha512")'),
    )


AFTERWARDS = '''
    import os, threading, time, weakref
    lock = threading.Lock()
    def hold():
        with lock:
            started.set()
            time.sleep(1000)
    started = threading.Event()
    threading.Thread(target=hold, daemon=True).start()
    started.wait()
    class Node: pass
    class Waits:
        def __del__(self):
            lock.acquire(timeout=.1)
    def wait(ref):
        lock.acquire(timeout=.1)
    def fail(ref):
        raise ValueError('told')
    {make}
    # here
    os.write(1, b'end')
    '''


class AfterwardsTests(ExitTestCase):
    """What comes after a finalizer that waited has not waited."""

    cases = (
        Case('flush', AFTERWARDS.format(make='full = os.open("/dev/full", 1)\n'
             '    class Prints(Waits):\n'
             '        def __del__(self):\n'
             '            super().__del__(); os.dup2(full, 1); print("x")\n'
             '    last = Prints()'), 'end', err='.*OSError.*'),
        Case('callback', AFTERWARDS.format(make='last, _node = Waits(), Node(); '
             'ref = weakref.ref(_node, fail)'), 'end',
             err='.*ValueError: told'),
        Case('callback_after_a_callback', AFTERWARDS.format(
             make='_one, _two = Node(), Node(); '
             'refs = [weakref.ref(_one, wait), weakref.ref(_two, fail), '
             'weakref.ref(_one, wait)]'), 'end',
             err='.*ValueError: told'),
    )


if __name__ == '__main__':
    unittest.main()
