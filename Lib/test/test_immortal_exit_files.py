"""A finalizer that waits, at exit, for a file of this process to be closed.

Files are closed after all other finalizers. An unpatched interpreter may close
them before, and ends.
"""

import sys
import unittest
from test import support
from test.immortal_exit_support import Case, ExitTestCase

if sys.platform != 'linux':
    raise unittest.SkipTest('nobody watches a finalizer')

# A child reads from a pipe to its end.
READS = """
    import os, sys, threading, time
    r, w = os.pipe()
    if not (pid := os.fork()):
        os.close(w)
        n = 0
        while data := os.read(r, 100):
            n += len(data)
        {then}
        os.write(1, b'read %d ' % n)
        os._exit(0)
    os.close(r)
    out = os.fdopen(w, "w")
    out.write('data')
    class Waiter:
        def __del__(self):
            {wait}
            os.write(1, b'waited')
    waiter = Waiter()
    # here
    os.write(1, b'end ')
    """


def reads(name, wait='os.waitpid(pid, 0)', then='pass', make='', **kwargs):
    """A Case: wait is for the child, which does then when it has read all."""
    program = READS.format(wait=wait, then=then)
    return Case(name, program.replace('    # here', f'    {make}\n    # here'),
                'end read 4 waited', **kwargs)


POPEN = """
    import os, subprocess, sys
    child = subprocess.Popen(
        [sys.executable, '-c', 'print(len(input()), flush=True)'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdin.write('data')
    class Waiter:
        def __del__(self):
            {wait}
            os.write(1, child.stdout.read().encode())
    waiter = Waiter()
    # here
    os.write(1, b'end ')
    """

# The child has locked a file until it has read all.
LOCKED = """
    import fcntl, os, tempfile
    file = tempfile.TemporaryFile()
    r, w = os.pipe()
    ready, ready_end = os.pipe()
    if not os.fork():
        os.close(w)
        own = os.open(f'/proc/self/fd/{file.fileno()}', os.O_RDWR)
        fcntl.flock(own, fcntl.LOCK_EX)
        os.write(ready_end, b'x')
        os.read(r, 1)
        os._exit(0)
    os.read(ready, 1)
    out = os.fdopen(w, 'w')
    class Waiter:
        def __del__(self):
            fcntl.flock(file, fcntl.LOCK_EX)
            os.write(1, b'locked')
    waiter = Waiter()
    # here
    os.write(1, b'end ')
    """

# The child waits for a lock that goes with the file.
HOLDS = """
    import fcntl, os, tempfile
    file = tempfile.TemporaryFile()
    fcntl.flock(file, fcntl.LOCK_EX)
    if not (pid := os.fork()):
        own = os.open(f'/proc/self/fd/{file.fileno()}', os.O_RDWR)
        file.close()
        fcntl.flock(own, fcntl.LOCK_EX)
        os._exit(0)
    class Waiter:
        def __del__(self):
            os.waitpid(pid, 0)
            os.write(1, b'waited')
    waiter = Waiter()
    # here
    os.write(1, b'end ')
    """

# The child ends by itself, later than pipes are closed.
LATE = """
    import os, select, signal, subprocess, sys, tempfile, time
    child = subprocess.Popen(
        [sys.executable, '-c', 'import time; time.sleep(8)'])
    log = tempfile.TemporaryFile('w')
    r, w = os.pipe()
    pipe = os.fdopen(w, 'w')
    class Waiter:
        def __del__(self):
            started = time.monotonic()
            {wait}
            print('ended' if time.monotonic() - started > 6 else 'early')
            log.write('written')
            log.flush()
            print(os.pread(log.fileno(), 100, 0).decode())
    waiter = Waiter()
    # here
    print('end', flush=True)
    """

# Code that runs when the modules of the program are let go of.
DESTRUCTOR = """
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
    # It does not hold this module, which holds the capsule.
    user = types.FunctionType(user.__code__, {}, 'user', user.__defaults__)
    call = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(user)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(call))
    capsule = new(1, None, ctypes.cast(call, ctypes.c_void_p))
    """

# For as long as anything is looked for, there are a pipe and a finalizer. What
# comes after that waits, in C code that does not begin again.
ROUNDS = """
    import ctypes, os, types
    class Again:
        def __del__(self):
            if len(held) < 16:
                held.append((os.fdopen(os.pipe()[1], 'w'), Again()))
    held = [Again()]
    def user(_, poll=ctypes.CDLL(None).poll, write=os.write):
        write(1, b'waited' if poll(None, 0, 6_500) == 0 else b'interrupted')
    # here
    os.write(1, b'end ')
    """ + DESTRUCTOR

# The finalizer drops files, but nobody knows that any more: of the others none
# is closed.
REPLACED = """
    import os, time, tracemalloc
    tracemalloc.start()
    pipe = os.fdopen(os.pipe()[1], 'w')
    class Waiter:
        def __init__(self): self.held = [open(os.devnull) for _ in range(200)]
        def __del__(self):
            tracemalloc.stop()
            self.held.clear()
            self.new = [b'%030d' % i for i in range(2000)]
            time.sleep(6)
            os.write(1, b'waited')
    # here
    waiter = Waiter()
    os.write(1, b'end ')
    """

# Whether SIGURG is ignored, and caught: as the program has it, while a
# finalizer may wait, and later. What is written in Python does not handle it
# any more by then, as ever.
SIGNAL = """
    import ctypes, os, signal, types
    pipe = os.fdopen(os.pipe()[1], 'w')
    def user(_, os=os, int=int):
        fd = os.open('/proc/self/status', os.O_RDONLY)
        for line in os.read(fd, 10_000).splitlines():
            if line[:7] in (b'SigIgn:', b'SigCgt:'):
                os.write(1, b'%d' % (int(line[7:], 16) >> 22 & 1))
        os.write(1, b' ')
        os.close(fd)
    class Teller:
        def __del__(self, user=user):
            user(0)
    {make}
    user(0)
    # here
    teller = Teller()
    """


def told(name, make, out):
    """A Case: make sets what SIGURG does."""
    return Case(name, SIGNAL.format(make=make) + DESTRUCTOR, out,
                modes=('default', 'off'), needs=('ctypes',))


@support.requires_fork()
class ReadsTests(ExitTestCase):
    """A child reads what is written to it, and ends when that ends."""

    cases = (
        reads('waitpid'),
        # What the finalizer can reach is another namespace.
        reads('waitpid_elsewhere', make='Waiter.__del__ = eval('
              '"lambda self: (waitpid(pid, 0), write(1, b\'waited\'))", '
              '{"waitpid": os.waitpid, "pid": pid, "write": os.write})'),
        reads('os_wait', 'os.wait()'),
        reads('polls', 'while not any(os.waitpid(pid, os.WNOHANG)): '
              'time.sleep(.1)'),
        Case('flock', LOCKED, 'end locked'),
        Case('popen_wait', POPEN.format(wait='child.wait()'), 'end 4'),
        Case('popen_wait_with_timeout',
             POPEN.format(wait='child.wait(30)'), 'end 4'),
        # Another thread does not matter.
        reads('thread', make='threading.Thread(target=time.sleep, '
              'args=(1000,), daemon=True).start()'),
        # It takes longer with files that feed nobody.
        Case('holds_a_lock', HOLDS, 'end waited', modes=('default',)),
    )
    workers = 8


class LateTests(ExitTestCase):
    """What ends by itself gets the time that it takes."""

    cases = (
        Case('waitpid', LATE.format(wait='os.waitpid(child.pid, 0)'),
             'end\nended\nwritten'),
        Case('wait', LATE.format(wait='child.wait(30)'),
             'end\nended\nwritten'),
        Case('select', LATE.format(wait='select.select([], [], [], 7)'),
             'end\nended\nwritten'),
        # C code that does not begin again: no file feeds another process.
        Case('usleep', LATE.replace("pipe = os.fdopen(w, 'w')", 'import ctypes')
             .format(wait='ctypes.CDLL(None).usleep(6_500_000)'),
             'end\nended\nwritten', needs=('ctypes',)),
        Case('another_allocator', REPLACED, 'end waited',
             needs=('_tracemalloc',)),
        Case('system', LATE.format(wait='os.system("sleep 7")'),
             'end\nended\nwritten'),
    )
    workers = 8


# Nobody reads from a pipe that is full, but for what {make} has made.
FULL = """
    import os, threading, time
    {make}
    w.write(b'x' * 65536)
    w.flush()
    w.write(b'more')
    # here
    os.write(1, b'end')
    """
PIPE = 'r, w = map(os.fdopen, os.pipe(), ("rb", "wb"))'


def full(name, make):
    """A Case: the other end is closed, which is told or not, as ever."""
    return Case(name, FULL.format(make=make), 'end',
                err='(?s)(.*BrokenPipeError.*)?')


class FullTests(ExitTestCase):
    """A file waits itself, to be written to a pipe."""

    cases = (
        full('pipe', PIPE),
        full('attributes', PIPE + '\n    class C: pass\n'
             '    c = C(); c.r, c.w = r, w'),
        full('reader_is_a_thread', PIPE + '\n'
             '    def read():\n'
             '        for line in r: time.sleep(1000)\n'
             '    threading.Thread(target=read, daemon=True).start()\n'
             '    w.write(b"line\\n"); w.flush(); time.sleep(.1)'),
        Case('socket', """
            import os, socket
            a, b = socket.socketpair()
            b.setblocking(False)
            try:
                while True:
                    b.send(bytes(4096))
            except BlockingIOError:
                pass
            b.setblocking(True)
            r, w = a.makefile('rb'), b.makefile('wb')
            w.write(b'more')
            # here
            os.write(1, b'end')
            """, err='(?s)(.*BrokenPipeError.*)?'),
        # Nobody is told while there is a reader, which takes its time.
        Case('slow_reader', """
            import os, time
            r, w = os.pipe()
            if not os.fork():
                os.close(w)
                time.sleep(7)
                with os.fdopen(r, 'rb') as r:
                    os.write(1, b'read %d' % len(r.read()))
                os._exit(0)
            r, w = os.fdopen(r, 'rb'), os.fdopen(w, 'wb')
            w.write(bytes(65536))
            w.flush()
            w.write(b'more')
            # here
            os.write(1, b'end ')
            """, 'end read 65540'),
    )
    workers = 8


# Somebody answers late, on the socket that the finalizer waits for.
ANSWER = """
    import os, select, socket, time
    a, b = socket.socketpair()
    if not os.fork():
        try:
            a.close()
            time.sleep(6.5)
            b.sendall(b'late\\n')
            time.sleep(.5)
            b.sendall(b'later\\n')
        finally:
            os._exit(0)
    b.close()
    class Client:
        def __del__(self, write=os.write):
            {use}
    client = Client()
    {make}
    del a
    # here
    os.write(1, b'end ')
    """
LINES = '\n            '.join((
    'for _ in range(2):', '    {wait}', '    write(1, self.f.readline())'))
FILE = 'client.fd = a.fileno(); client.f = a.makefile("rwb")'


def used(name, wait, make=FILE, use=LINES):
    """A Case: wait is for an answer."""
    return Case(name, ANSWER.format(use=use.format(wait=wait), make=make),
                'end late\nlater')


class UsedTests(ExitTestCase):
    """A file that the finalizer waits for itself stays open."""

    cases = (
        used('recv', 'pass'),
        used('timeout', 'pass',
             'a.settimeout(30); client.f = a.makefile("rwb")'),
        used('select', 'select.select([self.fd], [], [], 30)'),
        used('poll', 'p = select.poll()\n'
             '                p.register(self.fd, select.POLLIN); p.poll()'),
        used('epoll', 'e = select.epoll()\n'
             '                e.register(self.fd, select.EPOLLIN); e.poll()'),
        # It is not the finalizer's any more, but the call's.
        used('dropped', '', 'client.a = a',
             'write(1, self.__dict__.pop("a").recv(10) + b"later")'),
        Case('communicate', """
            import os, subprocess, sys
            child = subprocess.Popen(
                [sys.executable, '-c', 'import sys, time; time.sleep(6.5); '
                 'print(len(sys.stdin.read()))'],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            class Waiter:
                def __del__(self):
                    os.write(1, child.communicate(bytes(300_000))[0])
            waiter = Waiter()
            # here
            os.write(1, b'end ')
            """, 'end 300000'),
    )
    workers = 8


class SignalTests(ExitTestCase):
    """What interrupts a finalizer leaves everything else alone."""

    cases = (
        Case('rounds', ROUNDS, 'end waited', modes=('default', 'off'),
             needs=('ctypes',)),
        told('default', 'pass', '00 01 00'),
        told('ignored', 'signal.signal(signal.SIGURG, signal.SIG_IGN)',
             '10 10 10'),
        told('caught', 'signal.signal(signal.SIGURG, print)', '01 01 00'),
    )


if __name__ == '__main__':
    unittest.main()
