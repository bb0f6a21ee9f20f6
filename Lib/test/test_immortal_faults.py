"""gc.immortalize_heap() where memory cannot be had.

Each position has a process of its own.  By default some of them are tried;
TEST_IMMORTAL_FAULTS=all tries each.
"""

import os
import platform
import subprocess
import sys
import textwrap
import unittest
from test import support
from test.immortal_exit_support import environment
from test.support import import_helper, os_helper

import_helper.import_module('_testcapi')
import_helper.import_module('_testimmortal')

ALL = os.environ.get('TEST_IMMORTAL_FAULTS') == 'all'

# Of the allocations of a call, so many are tried: each, or one of some.  The
# steps have no divisor in common with each other.
STEPS = {1: 1, 2: 1, 9: 1, None: 1} if ALL else {1: 7, 2: 11, 9: 13, None: 9}

# The system call's number.
MADVISE = {'x86_64': 28, 'aarch64': 233}

# A whole sweep, in seconds.
TIMEOUT = 1200 if ALL else 120

HEAP = """
    import _testcapi, gc, os, re, signal, sys
    {imports}
    class D:
        def __del__(self):
            os.write(1, b'.')
    class Node:
        pass
    held = [D() for i in range(10)]
    more = {{i: D() for i in range(5)}}, (D(), D(), D(), D(), D())
    nodes = [Node()]
    for i in range(1, 1500):
        node = Node()
        node.before = nodes[-1]
        node.data = i, str(i), (float(i), (f'node {{i}}',))
        nodes.append(node)
    # Half-used pools; garbage; a long chain of what is not tracked.
    half = [bytes(200) for i in range(2000)]
    del half[::2]
    for i in range(10):
        node = Node()
        node.me = node
    chain = ()
    for i in range(2000):
        chain = chain, f'link {{i}}'
    # Wider than the walk's stack is to begin with.
    wide = tuple([(f'wide {{i}}',) for i in range(2000)])
    gc.collect()
    namespace = {{}}
    exec('def f(x):\\n' + ' def g():\\n  return x, "a", (1.5, ("b",))\\n' * 9 +
         ' return g', namespace)
    def numbers():
        for i in (1, 2, 3):
            yield i, f'{{i}}'
    suspended = numbers()
    next(suspended)

    def use():
        "Allocate and free; fail if what is immortal was damaged."
        junk = [{{str(i): (i, [i])}} for i in range(500)]
        del junk
        gc.collect()
        assert all(node.data == (i, str(i), (float(i), (f'node {{i}}',)))
                   for i, node in enumerate(nodes[1:], 1))
        assert not any(map(any, half)) and len(half) == 1000
        assert namespace['f'](7)() == (7, 'a', (1.5, ('b',)))
    """

SWEEP = HEAP + """
    call = gc.immortalize_heap

    def within(obj):
        "What only obj holds, and no list of the collector's has."
        found, todo = [], [obj]
        while todo:
            obj = todo.pop()
            found.append(obj)
            if type(obj) is type(use.__code__):
                todo += [obj.co_consts, obj.co_names, obj.co_filename]
            elif type(obj) is tuple:
                todo += obj
        return found

    def mortal():
        "What is mortal, though something immortal holds it."
        found = [node.data for node in nodes[1:]]
        found += within((chain, wide, namespace['f'].__code__))[1:]
        return [repr(obj)[:60] for obj in found if not gc.is_immortal(obj)]

    def child(n):
        signal.alarm({alarm})
        failed = b'r'
        {fail}
        try:
            call()
        except MemoryError:
            failed = b'f'
        finally:
            {stop}
        use()
        call()
        assert not mortal(), mortal()[:5]
        for obj in held, held[0], nodes, nodes[-1], nodes[9].data[2][1]:
            assert gc.is_immortal(obj)
        assert not gc.is_immortal(sys.modules['__main__'])
        use()
        assert list(suspended) == [(2, '2'), (3, '3')]
        os.write(report[1], failed)
        sys.exit()

    def run(n):
        "Returns b'f' or b'r', whether the call failed, and what is wrong."
        pipes = [os.pipe() for _ in range(3)]
        pid = os.fork()
        if not pid:
            os.dup2(pipes[0][1], 1)
            os.dup2(pipes[1][1], 2)
            globals()['report'] = pipes[2]
            child(n)
        texts = []
        for end, other in pipes:
            os.close(other)
            with open(end, 'rb') as file:
                texts.append(file.read())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        dots, said, failed = texts
        # A collection that cannot tell its callbacks says so, as ever; with as
        # many words as there is memory for.
        said = re.sub(rb'(Exception ignored (on invoking gc callbacks'
                      rb'|in: <function callback).*\\n)?'
                      rb'(Traceback .*\\n(  .*\\n)+)?'
                      rb'((MemoryError|<unknown>).*\\n)?', b'', said)
        if ((status, bytes(sorted(dots)), said) != (0, {out!r}, b'')
                or failed not in (b'f', b'r')):
            wrong.append((n, status, dots, failed, said.decode()[-600:]))
        return failed

    {before}
    wrong = []
    n = 0
    outcomes = b''
    while len(wrong) < 5 and n < {positions}:
        outcomes += run(n)
        n += {step}
    # Of the positions of a sweep, those where the call failed, and the others.
    print(outcomes.count(b'f'), outcomes.count(b'r'), *wrong, sep='\\n')
    sys.stdout.flush()
    os._exit(bool(wrong))
    """


CALLBACK = """
    stream = [t.Writer(1, b'g')]
    errors = []
    def callback(phase, info):
        if phase == 'start':
            try:
                gc.immortalize_heap()
            except MemoryError as error:
                errors.append(error)
    def call():
        errors.clear()
        gc.callbacks.append(callback)
        try:
            gc.collect()
        finally:
            gc.callbacks.pop()
        if errors:
            raise errors[0]
    """


def sweep(case, positions, step, fail, stop='pass', *, imports='', before='',
          out=b'.' * 20):
    """Let the call fail at one position after the other, in a process each.

    fail, stop -- statements for a position n.
    before -- runs once, before the processes are forked.
    out -- what each of them writes at exit, its bytes sorted.

    Returns how many calls failed, and how many did not.
    """
    program = textwrap.dedent(SWEEP.format(
        imports=imports, before=before, out=out, fail=fail, stop=stop,
        positions=positions, step=step, alarm=60))
    done = subprocess.run(
        [sys.executable, '-c', program], text=True, errors='backslashreplace',
        env=environment(), timeout=TIMEOUT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    case.assertEqual(done.returncode, 0, done.stdout)
    failed, succeeded = done.stdout.split()
    return int(failed), int(succeeded)


@support.requires_fork()
class CallTests(unittest.TestCase):
    """Allocations of gc.immortalize_heap() fail: one, some, all from one on.

    The process then works as ever, a second call makes immortal what the
    first one has left, and each finalizer runs at exit.
    """

    def sweep(self, width, positions=260, **kwargs):
        end = f'n + {width}' if width else 0
        return sweep(self, positions, STEPS[width],
                     f'_testcapi.set_nomemory(n, {end})',
                     '_testcapi.remove_mem_hooks()', **kwargs)

    def test_all_from_one_on(self):
        failed, succeeded = self.sweep(None)
        # The sweep goes on to where nothing is left to fail.
        self.assertGreater(failed, 4)
        self.assertGreater(succeeded, 0)

    def test_one(self):
        failed, succeeded = self.sweep(1)
        self.assertGreater(succeeded, 0)

    def test_two(self):
        self.sweep(2)

    def test_some(self):
        self.sweep(9)

    def test_second_call(self):
        # There is a heap, sealed, with the gaps filled.
        for name in 'ssl', 'sqlite3':
            import_helper.import_module(name)
        self.sweep(1, imports='import ssl, sqlite3, datetime, decimal',
                   before='call(); most = [D() for i in range(10)]',
                   out=b'.' * 30)

    def test_what_works_in_its_deallocator(self):
        self.sweep(1, 400, imports='import _testimmortal as t',
                   before='streams = (t.Writer(1, b"g"), '
                   '[t.PlainWriter(1, b"p")], {1: t.writer_capsule(1, b"c")})',
                   out=b'.' * 20 + b'cgp')

    def test_call_in_a_collection(self):
        # It takes it that all is alive.
        self.sweep(1, imports='import _testimmortal as t', before=CALLBACK,
                   out=b'.' * 20 + b'g')


@support.requires_fork()
@unittest.skipUnless(sys.platform == 'linux', 'needs Linux')
class SystemTests(unittest.TestCase):
    """The system refuses memory, or does not take it back."""

    def test_address_space(self):
        # Of what the call allocates, n * 64 KiB.
        imports = """
    import resource
    def limit(n):
        size = resource.RLIM_INFINITY
        if n is not None:
            with open('/proc/self/statm') as file:
                size = (int(file.read().split()[0]) * resource.getpagesize()
                        + n * 65536)
        resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    """
        sweep(self, 32, 1 if ALL else 5, 'limit(n)', 'limit(None)',
              imports=imports)

    @unittest.skipUnless(platform.machine() in MADVISE, 'number not known')
    def test_no_memory_taken_back(self):
        import_helper.import_module('ctypes')
        imports = f"""
    import ctypes, errno, mmap, struct
    def refuse_madvise():
        program = ctypes.create_string_buffer(b''.join(
            struct.pack('=HBBI', *words) for words in (
                (0x20, 0, 0, 0),                        # the call's number
                (0x15, 0, 1, {MADVISE[platform.machine()]}),
                (0x06, 0, 0, 0x00050000 | errno.ENOMEM),
                (0x06, 0, 0, 0x7fff0000))))             # all others
        prctl = ctypes.CDLL(None).prctl
        prctl(38, 1, 0, 0, 0)                           # no new privileges
        refused = prctl(22, 2, struct.pack('HP', 4, ctypes.addressof(program)))
        try:
            mmap.mmap(-1, 4096).madvise(mmap.MADV_DONTNEED)
        except OSError:
            return
        os.kill(os.getpid(), signal.SIGKILL)
    """
        sweep(self, 1, 1, 'refuse_madvise()', imports=imports)


SITE = """
import _testcapi, os
_testcapi.set_nomemory({begin}, {end})
"""

# In all kinds of start: what is compiled and what is printed needs memory too.
STARTED = "import os; os.write(1, b'started')"


@support.requires_subprocess()
class StartTests(unittest.TestCase):
    """Allocations fail from the end of site on: in the call at start-up.

    A program starts without it as well.  If nothing can be allocated any more,
    the end is an exit status, and not a signal.
    """

    def run_at(self, begin, end):
        with open(os.path.join(self.folder, 'sitecustomize.py'), 'w') as file:
            file.write(SITE.format(begin=begin, end=end))
        done = subprocess.run(
            [sys.executable, '-B', '-c', STARTED], timeout=60, text=True,
            env={**environment(), 'PYTHONPATH': self.path},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        return done.returncode, done.stdout, done.stderr

    def setUp(self):
        self.folder = self.enterContext(os_helper.temp_dir())
        self.path = os.pathsep.join(
            [self.folder, *filter(None, [os.environ.get('PYTHONPATH')])])

    def positions(self, few, begin=0):
        """Through the rest of site, the call, the program and exit."""
        return range(begin, 2000, 1 if ALL else few)

    def test_one(self):
        for n in self.positions(97):
            status, out, err = self.run_at(n, n + 1)
            with self.subTest(n=n):
                self.assertIn(status, (0, 1, 120), err)
                self.assertTrue(status or out == 'started', err)

    def test_all_from_one_on(self):
        # Before that, CPython 3.11 goes on for ever to make an exception, as
        # it is and with an immortal heap.
        begin = 394 if sys.version_info < (3, 12) else 0
        for n in self.positions(197, begin):
            status, out, err = self.run_at(n, 0)
            with self.subTest(n=n):
                self.assertIn(status, (0, 1, 120), err)


if __name__ == '__main__':
    unittest.main()
