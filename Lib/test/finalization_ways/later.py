"""Ways to hold an object that 3.11 has not got: they are skipped there.

Syntax that it does not know is in strings.
"""

import sys
from test.finalization_ways.probe import DATA, Probe, done
from test.finalization_ways.registry import file_way, way

SINCE_3_14 = ['annotationlib']


@way('interpolation of a template string', needs=SINCE_3_14)
def template_string():
    p = Probe('p')
    template = eval("t'{p}'")
    del p


@way('template string in a cycle', needs=SINCE_3_14)
def template_cycle():
    def make():
        p = Probe('p')
        p.template = eval("t'a {p} b'")
    done()
    make()


@way('annotation that only a finalizer asks for', 'p', 'q', needs=SINCE_3_14)
def annotation_asked_for():
    class Asks(Probe):
        def __del__(self):
            assert function.__annotations__['argument'] is Later
            super().__del__()
    def function(argument: Later):
        pass
    asks = Asks('p')
    class Later:
        q = Probe('q')


@way('value of a type alias', needs=SINCE_3_14)
def type_alias():
    exec("type Alias = Probe('p')")
    Alias.__value__


@way('default of a type parameter', needs=SINCE_3_14)
def type_parameter():
    exec("class Generic[T = Probe('p')]: pass")
    Generic.__type_params__[0].__default__


@way('extra local variable of a frame', needs=SINCE_3_14)
def extra_local():
    def generator():
        yield
    suspended = generator()
    next(suspended)
    suspended.gi_frame.f_locals['extra'] = Probe('p')


@way('callback of sys.monitoring', needs=SINCE_3_14)
def monitoring():
    class Tool(Probe):
        def called(self, code, offset):
            pass
    sys.monitoring.use_tool_id(4, 'ways')
    sys.monitoring.register_callback(4, sys.monitoring.events.PY_START,
                                     Tool('p').called)
    sys.monitoring.set_events(4, sys.monitoring.events.PY_START)


@way('exception group that is being handled', needs=SINCE_3_14)
def group():
    try:
        raise ExceptionGroup('several', [ValueError(Probe('p'))])
    except* ValueError as e:
        kept = e


@way('context variable of a thread that inherits it', needs=SINCE_3_14)
def inherited_context():
    import contextvars, threading, time
    variable = contextvars.ContextVar('variable')
    variable.set(Probe('p'))
    threading.Thread(target=time.sleep, args=(1000,), daemon=True,
                     context=contextvars.copy_context()).start()


@way('daemon thread in a lock that the script holds', needs=SINCE_3_14)
def waiting_thread():
    import threading, time
    lock = threading.Lock()
    lock.acquire()
    def wait(p):
        started.set()
        lock.acquire()
    started = threading.Event()
    threading.Thread(target=wait, args=(Probe('p'),), daemon=True).start()
    started.wait()
    time.sleep(.1)


@way('releases a lock that a stopped thread waits for', needs=SINCE_3_14)
def released_to_thread():
    import threading, time
    lock = threading.Lock()
    lock.acquire()
    class Releases(Probe):
        def __del__(self):
            lock.release()
            super().__del__()
    threading.Thread(target=lock.acquire, daemon=True).start()
    time.sleep(.1)
    p = Releases('p')


@way('attribute of an interpreter', needs=['concurrent.interpreters'])
def interpreter():
    from concurrent import interpreters
    class Holder:
        pass
    holder = Holder()
    holder.interpreter = interpreters.create()
    holder.interpreter.exec('import json')
    holder.p = Probe('p')


@way('queue between interpreters', needs=['concurrent.interpreters'])
def interpreter_queue():
    from concurrent import interpreters
    p = Probe('p')
    p.queue = interpreters.create_queue()
    p.queue.put('text')


@way('executor of interpreters', needs=['concurrent.interpreters'])
def interpreter_pool():
    from concurrent.futures import InterpreterPoolExecutor
    pool = InterpreterPoolExecutor(2)
    pool.p = Probe('p')
    assert list(pool.map(abs, [-1, -2, -3])) == [1, 2, 3]


@file_way('file: zstd', 'out.zst', needs=['_zstd'])
def zstd():
    from compression import zstd
    f = zstd.open('out.zst', 'wt')
    f.write(DATA)


@file_way('file: zstd in a cycle', 'out.zst', needs=['_zstd'])
def zstd_cycle():
    from compression import zstd
    f = zstd.open('out.zst', 'wt')
    f.write(DATA)
    f.buffer._fp.raw.text = f
    done()
    del f


@file_way('file: of a path, by its raw file', needs=SINCE_3_14)
def path_raw():
    import pathlib
    path = pathlib.Path('out.txt')
    f = path.open('w')
    f.write(DATA)
    f.buffer.raw.path = path
    assert path.info.exists()
    path = f.buffer.raw
    del f
