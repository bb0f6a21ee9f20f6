"""What happens to a process and its workers from outside: signals, streams
that are closed, disks that are full.

TEST_IMMORTAL_SECONDS=60 keeps servers and storms going for so long.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import unittest
from random import Random
from test import support
from test.immortal_exit_support import MODES, environment, run
from test.support import os_helper

SECONDS = float(os.environ.get('TEST_IMMORTAL_SECONDS', 2))

if not support.has_fork_support or os.name != 'posix':
    raise unittest.SkipTest('needs fork')

HEAP = """
    import gc, os, select, signal, socket, struct, sys, time
    class D:
        def __del__(self):
            os.write(1, b'.')
    class Node:
        pass
    held = [D() for i in range(10)]
    nodes = [Node()]
    for i in range(1, {size}):
        node = Node()
        node.before = nodes[-1]
        node.data = i, str(i), [float(i)]
        nodes.append(node)
    def whole():
        return all(node.data == (i, str(i), [float(i)])
                   for i, node in enumerate(nodes[1:], 1))
    """

# A parent that forks workers again when they go; all answer on one socket.  A
# worker ends when its parent has, and then finalizes all it has.
SERVER = HEAP + """
    listener = socket.create_server(('127.0.0.1', 0), backlog=100)
    listener.setblocking(False)
    gc.immortalize_heap()
    parent = os.getpid()
    folder = sys.argv[1]

    def tell(name, text):
        with open(os.path.join(folder, 'new'), 'w') as file:
            file.write(text)
        os.replace(os.path.join(folder, 'new'), os.path.join(folder, name))

    def answer():
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return              # another worker was faster
        with connection:
            connection.settimeout(10)
            number = int.from_bytes(connection.recv(4), 'big')
            junk = [(str(i), [nodes[number]]) for i in range(100)]
            connection.sendall(nodes[number].data[1].encode())

    def work():
        global mine
        mine = D()
        while os.getppid() == parent:
            if select.select([listener], [], [], 0.1)[0]:
                answer()
        sys.exit()

    workers = set()
    tell('port', str(listener.getsockname()[1]))
    while True:
        while len(workers) < 3:
            pid = os.fork()
            if not pid:
                work()
            workers.add(pid)
        tell('workers', ' '.join(map(str, workers)))
        workers.discard(os.wait()[0])
    """

STORM = HEAP + """
    counts = {{signal.SIGTERM: 0, signal.SIGUSR1: 0}}
    made = []
    def handler(number, frame):
        counts[number] += 1
        made.append({{counts[number]: str(counts[number])}})
    for number in counts:
        signal.signal(number, handler)
    me = os.getpid()
    pid = os.fork()
    if not pid:
        try:
            while os.getppid() == me:
                for i in range(20):
                    os.kill(me, (signal.SIGTERM, signal.SIGUSR1)[i % 2])
                time.sleep(0.0005)
        finally:
            os._exit(0)
    calls = 0
    end = time.monotonic() + {seconds}
    while time.monotonic() < end or calls < 3:
        gc.immortalize_heap()
        calls += 1
        node = Node()
        node.before = nodes[-1]
        node.data = len(nodes), str(len(nodes)), [float(len(nodes))]
        nodes.append(node)
        handled = len(made)
        while time.monotonic() < end + 30 and len(made) == handled:
            pass
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert whole() and min(counts.values()) > calls, (counts, calls)
    assert sum(counts.values()) == len(made)
    assert all(text == {{n: str(n)}} for text in made for n in text)
    """

# Writes where nobody has closed anything.
STREAMS = """
    import gc, os, sys
    class D:
        def __del__(self):
            with open(sys.argv[1], 'a') as log:
                log.write('.')
    held = [D() for i in range(10)]
    {before}
    # here
    {after}
    """


def program(text, **kwargs):
    """A program of this file, with a heap of so many objects."""
    kwargs.setdefault('size', 3000)
    return textwrap.dedent(text.format(**kwargs))


def wait_for(happens):
    """Wait until something happens."""
    end = time.monotonic() + support.SHORT_TIMEOUT
    while not happens():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


class Server:
    """A server in a session of its own, and what a client wants of it."""

    def __init__(self, folder):
        self.folder = folder
        self.child = subprocess.Popen(
            [sys.executable, '-W', 'ignore', '-c', program(SERVER), folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=environment(),
            start_new_session=True)

    def told(self, name):
        path = os.path.join(self.folder, name)
        wait_for(lambda: os.path.exists(path))
        with open(path) as file:
            return list(map(int, file.read().split()))

    def ask(self, number):
        address = '127.0.0.1', *self.told('port')
        with socket.create_connection(address, 30) as connection:
            connection.sendall(number.to_bytes(4, 'big'))
            return connection.recv(100).decode()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.communicate()


class KillTests(unittest.TestCase):

    def setUp(self):
        self.folder = self.enterContext(os_helper.temp_dir())

    def test_workers_then_parent(self):
        random = Random(1)
        killed, lost, asked = set(), 0, 0
        end = time.monotonic() + SECONDS
        with Server(self.folder) as server:
            while time.monotonic() < end or len(killed) < 5:
                asked += 1
                if asked % 20 == 0:
                    victim = random.choice(server.told('workers'))
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victim, signal.SIGKILL)
                    killed.add(victim)
                number = random.randrange(1, 3000)
                try:
                    answer = server.ask(number)
                except OSError:
                    answer = ''
                lost += answer == ''
                self.assertIn(answer, ('', str(number)))
            # Only what a killed worker had begun is lost.
            self.assertLessEqual(lost, len(killed))
            wait_for(lambda: killed.isdisjoint(server.told('workers')))
            for number in range(1, 100):
                self.assertEqual(server.ask(number), str(number))
            server.child.kill()
            # Until none of them has the pipe any more.
            out, _ = server.child.communicate(timeout=support.SHORT_TIMEOUT)
            # Each of three has what it made, and what it got of its parent.
            self.assertEqual(out, '.' * 33)


class StormTests(unittest.TestCase):

    def test_signals_during_calls(self):
        ended = run(program(STORM, size=30_000, seconds=SECONDS))
        self.assertEqual(ended, (0, '.' * 10, ''))


class StreamTests(unittest.TestCase):
    """A process's streams are closed, or on a full disk, when it calls."""

    def setUp(self):
        self.folder = self.enterContext(os_helper.temp_dir())

    def check(self, redirection='', before='', after='', status=0):
        """Run a program in all modes: all is finalized."""
        for mode in MODES:
            log = os.path.join(self.folder, 'log')
            with open(log, 'w'):
                pass
            text = program(STREAMS, before=before, after=after)
            if mode == 'call':
                text = text.replace('# here', 'gc.immortalize_heap()')
            option = ['-X', 'immortal_heap=off'] if mode == 'off' else []
            done = subprocess.run(
                ['/bin/sh', '-c', 'exec "$0" "$@" ' + redirection,
                 sys.executable, *option, '-c', text, log], text=True,
                env=environment(), cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                timeout=support.SHORT_TIMEOUT)
            with self.subTest(mode=mode), open(log) as file:
                self.assertEqual((done.returncode, file.read()),
                                 (status, '.' * 10), done.stderr)

    def test_closed_by_the_shell(self):
        for closed in ('<&-', '>&-', '2>&-', '>&- 2>&-', '<&- >&- 2>&-'):
            with self.subTest(closed=closed):
                self.check(closed, after='print("text")')

    def test_closed_before(self):
        self.check(
            before='for f in sys.stdin, sys.stdout, sys.stderr: f.close()')

    def test_taken_away_before(self):
        self.check(before='sys.stdin = sys.stdout = sys.stderr = None')
        self.check(before='del sys.stdin, sys.stdout, sys.stderr')

    def test_descriptors_closed_before(self):
        self.check(before='print("text"); os.closerange(0, 3)', status=120)

    @unittest.skipUnless(os.path.exists('/dev/full'), 'needs /dev/full')
    def test_full(self):
        self.check('>/dev/full', before='print("text")', status=120)
        self.check('2>/dev/full', before='print("text", file=sys.stderr)',
                   status=120)
        self.check(before='file = open("/dev/full", "w"); file.write("text")')

    def test_no_more_than_a_page_in_a_file(self):
        # What is written by then is there; the rest is an error, as ever.
        limit = ('import resource; limit = resource.RLIMIT_FSIZE; '
                 'resource.setrlimit(limit, (4096, 4096)); ')
        self.check('>out', before=limit + 'print("x" * 6000, end="")',
                   status=120)
        with open(os.path.join(self.folder, 'out')) as file:
            self.assertEqual(file.read(), 'x' * 4096)


# Makes files, fills the disk but for three pages, and leaves to its finalizers
# what the files have in their buffers: two pages each.
FULL = """
    import gc, os, sys
    class D:
        def __init__(self, number):
            self.file = open(f'file{{number}}', 'w')
            self.file.write('x' * 5000)
        def __del__(self):
            os.write(2, b'.')
            self.file.close()
    held = [D(i) for i in range(10)]
    held[0].all = held
    room = os.statvfs('.').f_bavail
    with open('filler', 'wb') as filler:
        filler.write(bytes((room - 3) * os.statvfs('.').f_bsize))
    # here
    {after}
    """


class FullDiskTests(unittest.TestCase):
    """What is written at exit finds no room: unlike on /dev/full, files can be
    made, and are short."""

    def setUp(self):
        self.folder = self.enterContext(os_helper.temp_dir())
        done = self.on_disk('true')
        if done.returncode:
            self.skipTest(f'no disk for this test: {done.stderr.strip()}')

    def on_disk(self, command, *arguments):
        """Run a command of the shell where a disk of 256 KiB is, for it alone."""
        return subprocess.run(
            ['unshare', '--mount', '/bin/sh', '-c',
             f'mount -t tmpfs -o size=256k none "$0" && cd "$0" && {command}',
             self.folder, *arguments], text=True, env=environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=support.SHORT_TIMEOUT)

    def run_full(self, mode, after, redirection=''):
        """Run the program in a mode.  Returns its status, the sizes of its
        files in order, and what it wrote to stderr."""
        text = program(FULL, after=after)
        if mode == 'call':
            text = text.replace('# here', 'gc.immortalize_heap()')
        option = ['-X', 'immortal_heap=off'] if mode == 'off' else []
        done = self.on_disk(
            f'{{ "$@" {redirection}; echo $?; stat -c %s file*; }}',
            sys.executable, *option, '-c', text)
        status, *sizes = map(int, done.stdout.split())
        return status, sorted(sizes), done.stderr

    def test_finalizers(self):
        for mode in MODES:
            status, sizes, err = self.run_full(mode, '')
            with self.subTest(mode=mode):
                self.assertEqual(
                    (status, err.count('No space left on device')), (0, 9), err)
                # One has all, and one more what had room.
                self.assertEqual(sizes, [0] * 8 + [4096, 5000])

    def test_output(self):
        for mode in MODES:
            status, sizes, err = self.run_full(
                mode, 'print("x" * 15000)', '>file')
            with self.subTest(mode=mode):
                # Each finalizer ran, and found no room.
                self.assertEqual(
                    (status, err.count('No space left on device')), (120, 11),
                    err)
                self.assertEqual(sizes, [0] * 10 + [3 * 4096])

    def test_worker(self):
        after = """sys.unraisablehook = id
    if pid := os.fork():
        os.write(2, str(os.waitpid(pid, 0)[1]).encode())"""
        for mode in MODES:
            status, sizes, err = self.run_full(mode, after)
            with self.subTest(mode=mode):
                self.assertEqual((status, err), (0, '.' * 10 + '0' + '.' * 10))

    def test_room_again(self):
        # Whoever is finalized first makes room: nobody loses anything.
        after = """class E(D):
        def __del__(self):
            os.truncate('filler', 0)
            super().__del__()
    for d in held:
        d.__class__ = E"""
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.run_full(mode, after),
                                 (0, [5000] * 10, '.' * 10))


if __name__ == '__main__':
    unittest.main()
