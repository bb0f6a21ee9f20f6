"""Held by threads that have ended, that run, and that never began."""

import threading
from test.finalization_ways.probe import Probe, report
from test.finalization_ways.registry import way


@way('thread-local of the main thread')
def local():
    local = threading.local()
    local.p = Probe('p')


@way('thread-local in a cycle', anytime=True)
def local_cycle():
    local = threading.local()
    local.p = Probe('p', local=local)
    del local


@way('thread-local of a daemon thread')
def local_of_daemon():
    def run():
        local.p = Probe('p')
        started.set()
        threading.Event().wait()
    local, started = threading.local(), threading.Event()
    threading.Thread(target=run, daemon=True).start()
    started.wait()


@way('thread-local of a dead thread', anytime=True)
def local_of_dead():
    def run():
        local.p = Probe('p')
    local = threading.local()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@way('thread-local subclass', 'p', 'q')
def local_subclass():
    class Local(threading.local):
        p = Probe('p')

        def __del__(self):
            report('q')
    local = Local()


@way('stack of a daemon thread')
def daemon_stack():
    def run():
        p = Probe('p')
        started.set()
        threading.Event().wait()
    started = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    started.wait()


@way('stack of a daemon thread that spins')
def daemon_spins():
    def run():
        p = Probe('p')
        started.set()
        while True:
            pass
    started = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    started.wait()


@way('generator on the stack of a daemon thread')
def daemon_generator():
    def generator():
        try:
            yield
        finally:
            report('p')

    def run():
        for item in generator():
            started.set()
            threading.Event().wait()
    started = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    started.wait()


@way('global set by a daemon thread')
def daemon_global():
    def run():
        global p
        p = Probe('p')
        started.set()
        threading.Event().wait()
    started = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    started.wait()


@way('thread that was never started', 'p', 'q')
def never_started():
    first = threading.Thread(target=Probe('p').method)
    second = threading.Thread(target=print, args=[Probe('q')])


@way('timer')
def timer():
    timer = threading.Timer(3600, print, [Probe('p')])
    timer.daemon = True
    timer.start()


@way('thread that ends after the main thread')
def outlives():
    def run():
        p = Probe('p')
        threading.main_thread().join()
        held.append(p)
    held = []
    threading.Thread(target=run).start()


@way('stack of a thread that ends at exit', anytime=True)
def ends_at_exit():
    def run():
        p = Probe('p')
        threading.main_thread().join()
    threading.Thread(target=run).start()


@way('raw thread', needs=['_thread'])
def raw_thread():
    import _thread

    def run(p):
        lock.release()
        blocked.acquire()
    lock, blocked = _thread.allocate_lock(), _thread.allocate_lock()
    lock.acquire(), blocked.acquire()
    _thread.start_new_thread(run, (Probe('p'),))
    lock.acquire()


@way('executor', 'p', 'q')
def executor():
    from concurrent.futures import ThreadPoolExecutor
    executor = ThreadPoolExecutor(1)
    executor.p = Probe('p')
    future = executor.submit(lambda: Probe('q'))
    future.result()


@way('initializer of an executor')
def executor_initializer():
    from concurrent.futures import ThreadPoolExecutor
    executor = ThreadPoolExecutor(1, initializer=Probe('p').method)
    executor.submit(print, end='')


@way('future nobody asked for')
def future():
    from concurrent.futures import ThreadPoolExecutor
    future = ThreadPoolExecutor(1).submit(Probe, 'p')


@way('future that failed')
def future_failed():
    from concurrent.futures import ThreadPoolExecutor

    def fail():
        p = Probe('p')
        raise ValueError
    future = ThreadPoolExecutor(1).submit(fail)


@way('context variable of a daemon thread')
def context_of_daemon():
    import contextvars

    def run():
        variable.set(Probe('p'))
        started.set()
        threading.Event().wait()
    variable, started = contextvars.ContextVar('name'), threading.Event()
    threading.Thread(target=run, daemon=True).start()
    started.wait()


@way('exception handled in a daemon thread')
def exception_of_daemon():
    def run():
        try:
            raise ValueError(Probe('p'))
        except ValueError:
            started.set()
            threading.Event().wait()
    started = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    started.wait()


@way('made in a thread')
def made_in_thread():
    def run():
        held.append(Probe('p'))
    held = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@way('exit in a function of a daemon thread')
def thread_exit():
    import sys

    def run():
        p = Probe('p')
        held.append(sys._getframe())
        sys.exit()
    held = []
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()


@way('multiprocessing pool of threads', anytime=True)
def thread_pool():
    from multiprocessing.pool import ThreadPool
    pool = ThreadPool(1)
    pool.p = Probe('p')
    pool.apply(print, kwds={'end': ''})
