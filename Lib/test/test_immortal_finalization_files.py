"""Files that are open at exit: each is closed once, with all that was written."""

import os
import sys
import unittest
from test import support
from test.finalization_ways.case import ScriptTestCase
from test.finalization_ways.runner import MODES, environment

if not support.has_subprocess_support:
    raise unittest.SkipTest('test module requires subprocess')


class FileTests(ScriptTestCase):

    @unittest.skipUnless(hasattr(os, 'wait4'), 'needs the time of a child')
    def test_many_in_memory_take_no_longer_than_other_objects(self):
        def seconds(source):
            path = self.write('many.py', source)
            times = []
            for attempt in range(3):
                pid = os.posix_spawn(sys.executable,
                                     [sys.executable, '-s', path],
                                     environment())
                _, status, usage = os.wait4(pid, 0)
                self.assertEqual(status, 0)
                times.append(usage.ru_utime + usage.ru_stime)
            return min(times)

        files = seconds('import io\n'
                        'kept = [io.BytesIO() for i in range(50_000)]\n')
        others = seconds('class Other:\n'
                         '    def __del__(self): pass\n'
                         'kept = [Other() for i in range(50_000)]\n')
        self.assertLess(files, 4 * others)

    def test_many(self):
        # Layers of a hundred files, made, held and let go in various ways.
        body = '''
            import random
            gc.disable()
            names = [str(number) for number in range(100)]
            shuffle = random.Random(7).shuffle
            held = []
            for name in names:
                raw = io.FileIO(name, 'w')
                buffer = io.BufferedWriter(raw)
                text = io.TextIOWrapper(buffer)
                layers = [raw, buffer, text]
                shuffle(layers)
                text.write(name * 500)
                if int(name) % 3:
                    raw.layers = layers
                if int(name) % 2:
                    held.append(layers)
                else:
                    setattr(os, 'layer' + name, layers)
            shuffle(held)
            del raw, buffer, text, layers
            '''
        for mode in MODES:
            process = self.run_script(body, mode=mode)
            self.assertEqual(process.errors, '')
            for name in map(str, range(100)):
                with (self.subTest(mode=mode, name=name),
                      open(os.path.join(process.cwd, name)) as f):
                    self.assertEqual(f.read(), name * 500)

    @support.requires_fork()
    def test_pair_of_buffers(self):
        # The text is written to buffers that nothing but the pair refers to.
        for mode in MODES:
            with self.subTest(mode=mode):
                process = self.run_script('''
                    import os, socket
                    pair = io.BufferedRWPair(io.FileIO('in', 'w+'),
                                             io.FileIO('out', 'w'))
                    text = io.TextIOWrapper(pair)
                    text.write('text')
                    a, b = socket.socketpair()
                    if not os.fork():
                        a.close()
                        with open('peer', 'wb') as peer:
                            while data := b.recv(9):
                                peer.write(data)
                        os._exit(0)
                    b.close()
                    file = a.makefile('rw')
                    file.write('line')
                    ''', mode=mode)
                self.assertEqual(process.errors, '')
                for name, text in ('out', 'text'), ('peer', 'line'):
                    with open(os.path.join(process.cwd, name)) as f:
                        self.assertEqual(f.read(), text)

    def test_closed_once(self):
        # A raw file's close() may close a descriptor that is another's by the
        # time of a second call.
        self.check('''
            class Raw(io.RawIOBase):
                def writable(self):
                    return True
                def write(self, data):
                    return len(data)
                def close(self):
                    print('raw', self.closed)
                    super().close()
            class Buffer(io.BufferedWriter):
                def close(self):
                    print('buffer', self.closed)
                    super().close()
            class Odd(Raw):
                @property
                def closed(self):
                    raise ValueError
            one = io.BufferedWriter(Raw())
            two = io.TextIOWrapper(Buffer(Raw()))
            two.write('data')
            ring = io.BufferedWriter(Raw())
            ring.raw.ring = ring
            del ring
            odd = io.BufferedWriter(Odd())
            ''', *['raw False'] * 3, 'buffer False')

    def test_resource_warning(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                process = self.run_script(
                    "f = open('name', 'w')\ng = open('name')\ng.me = g",
                    '-W', 'always::ResourceWarning', mode=mode)
                self.assertEqual(process.errors.count('unclosed file'), 2,
                                 process.errors)

    @unittest.skipUnless(os.path.exists('/dev/full'), 'needs /dev/full')
    def test_cannot_be_written(self):
        # Nothing but a file holds one of them.
        body = '''
            a = open('ok.txt', 'w')
            a.other = open('/dev/full', 'w')
            b = open('/dev/full', 'w')
            a.other.write('x')
            b.write('x')
            '''
        for mode in MODES:
            with self.subTest(mode=mode):
                process = self.run_script(body, mode=mode)
                told = (2 if sys.version_info >= (3, 13) or
                        hasattr(sys, 'gettotalrefcount') else 0)
                self.assertEqual(process.errors.count('OSError'), told,
                                 process.errors)
        process = self.run_script(body, '-X', 'dev')
        self.assertEqual(process.errors.count('OSError'), 2, process.errors)

    def test_somebody_has_a_view_of_a_file_s_memory(self):
        # Such a file cannot be closed: nothing is lost, and nothing is said.
        for mode in MODES:
            with self.subTest(mode=mode):
                process = self.run_script('''
                    class Own(io.BytesIO): pass
                    class Told:
                        def __del__(self): raise BufferError('told')
                    files = [io.BytesIO(b'1'), Own(b'2')]
                    views = [f.getbuffer() for f in files]
                    last = io.BytesIO(b'3')
                    view = last.getbuffer()
                    t = Told()
                    ''', mode=mode)
                self.assertEqual(process.errors.count('\nBufferError'), 1,
                                 process.errors)
                self.assertIn('BufferError: told', process.errors)

    def test_file_closed_in_a_finalizer(self):
        self.check('''
            class Closer(Probe):
                def __del__(self):
                    super().__del__()
                    self.f.write('the end')
                    self.f.close()
                    print(open('out.txt').read())
            f = open('out.txt', 'w')
            p = Closer('p', f=f)
            f.p = p
            ''', 'p 1 exit whole', 'the end')


if __name__ == '__main__':
    unittest.main()
