"""What finalizers print and write at exit, and in which order."""

import os
import subprocess
import sys
import unittest
from test import support
from test.finalization_ways.case import ScriptTestCase
from test.finalization_ways.registry import PROBE
from test.finalization_ways.runner import (
    MODES, environment, in_parallel, run_python)

if not support.has_subprocess_support:
    raise unittest.SkipTest('test module requires subprocess')

LINE = 'p 1 exit whole\n'


class OutputTests(ScriptTestCase):

    def setUp(self):
        super().setUp()
        self.script = self.write('script.py',
                                 f"{PROBE}\np = Probe('p')\ndone()\n")

    def run_shell(self, redirection):
        """Run the script by the shell in all modes."""
        for mode, (options, args) in MODES.items():
            yield mode, subprocess.run(
                ['/bin/sh', '-c', 'exec "$0" "$@" ' + redirection,
                 sys.executable, '-s', *options, self.script, *args],
                env=environment(), cwd=self.directory, text=True,
                timeout=support.SHORT_TIMEOUT, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_file(self):
        path = os.path.join(self.directory, 'out.txt')
        with open(path, 'w') as out:
            process = run_python(self.script, stdout=out)
        self.assertEqual(process.returncode, 0)
        with open(path) as out:
            self.assertEqual(out.read(), LINE)

    def test_file_in_all_modes(self):
        self.check('''
            class Printer:
                def __del__(self):
                    print('end')
            printer = Printer()
            sys.stdout.write('begin ')
            ''', 'begin end')

    @unittest.skipUnless(os.name == 'posix', 'needs a shell')
    def test_closed_by_the_shell(self):
        for mode, process in self.run_shell('>&-'):
            with self.subTest(mode=mode):
                self.assertEqual(process.returncode, 0, process.stderr)

    @unittest.skipUnless(os.path.exists('/dev/full'), 'needs /dev/full')
    def test_full(self):
        for mode, process in self.run_shell('>/dev/full'):
            with self.subTest(mode=mode):
                self.assertEqual(process.returncode, 0, process.stderr)
                self.assertIn('OSError', process.stderr)

    @unittest.skipUnless(os.name == 'posix', 'needs a shell')
    def test_standard_error_as_output(self):
        for mode, process in self.run_shell('>&2'):
            with self.subTest(mode=mode):
                self.assertEqual(process.stderr, 'ran p\n' + LINE)

    @unittest.skipUnless(os.name == 'posix', 'needs pipes')
    def test_broken_pipe(self):
        for mode in MODES:
            r, w = os.pipe()
            os.close(r)
            process = self.run_script("p = Probe('p')", mode=mode, stdout=w)
            os.close(w)
            with self.subTest(mode=mode):
                self.assertEqual(process.returncode, 0, process.stderr)
                self.assertIn('BrokenPipeError', process.stderr)

    @unittest.skipUnless(os.name == 'posix', 'needs pipes')
    def test_broken_pipe_is_reported_once(self):
        for mode in MODES:
            r, w = os.pipe()
            os.close(r)
            process = self.run_script("p = Probe('p'); print('x')", mode=mode,
                                      stdout=w)
            os.close(w)
            with self.subTest(mode=mode):
                self.assertEqual(process.returncode, 120, process.stderr)
                self.assertEqual(process.errors.count('BrokenPipeError:'), 1,
                                 process.errors)

    def test_closed_stdout(self):
        for mode in MODES:
            process = self.run_script('''
                p = Probe('p')
                sys.stdout.close()
                ''', mode=mode)
            with self.subTest(mode=mode):
                self.assertEqual((process.returncode, process.stdout),
                                 (0, ''))
                self.assertIn('ValueError: I/O operation on closed file',
                              process.errors)

    def test_detached(self):
        self.check('''
            p = Probe('p')
            sys.stdout = io.TextIOWrapper(sys.stdout.detach(),
                                          encoding='ascii')
            ''', 'p 1 exit whole')

    def test_descriptor_closed(self):
        for mode in MODES:
            process = self.run_script("p = Probe('p'); os.close(1)",
                                      mode=mode)
            with self.subTest(mode=mode):
                self.assertEqual(process.returncode, 0, process.errors)
                self.assertIn('Bad file descriptor', process.errors)

    def test_stdout_of_a_user(self):
        # Only its flush() writes: it must be called after the finalizers.
        self.check('''
            class Buffered:
                def __init__(self):
                    self.text = ''

                def write(self, text):
                    self.text += text

                def flush(self):
                    text, self.text = self.text, ''
                    sys.__stdout__.write(text)
            sys.stdout = Buffered()
            p = Probe('p')
            ''', 'p 1 exit whole')

    def test_much(self):
        self.check('''
            class Printer:
                def __del__(self):
                    for i in range(5000):
                        print('x' * 99)
            printer, p = Printer(), Probe('p')
            ''', *['x' * 99] * 5000, 'p 1 exit whole')

    def test_standard_error(self):
        self.check('''
            class Printer:
                def __del__(self):
                    logging.warning('logged')
                    print('printed', file=sys.stderr, end='')
            printer = Printer()
            ''', errors=r'\AWARNING:root:logged\nprinted\Z')


class StandInTests(ScriptTestCase):
    """What has taken the place of sys.stdout or sys.stderr at exit."""

    DEAD = (
        'sys.X = None',
        'del sys.X',
        'sys.X = io.StringIO(); sys.X.close()',
        "sys.X = open('out.txt', 'w'); sys.X.close()",
        "sys.X = types.SimpleNamespace(closed=True)",
        'atexit.register(setattr, sys, "X", None)',
    )

    def test_cannot_take_what_is_printed(self):
        # The interpreter's own stream takes it.
        for stand_in in self.DEAD:
            with self.subTest(stand_in=stand_in):
                self.check("p = Probe('p')\n" +
                           stand_in.replace('X', 'stdout'), 'p 1 exit whole')

    def test_detached(self):
        # As ever, it was to be flushed, and could not be.
        self.check('''
            p = Probe('p')
            sys.stdout = io.TextIOWrapper(io.BytesIO())
            sys.stdout.detach()
            ''', 'p 1 exit whole', status=120, errors='has been detached')

    def test_cannot_take_reports(self):
        for stand_in in self.DEAD:
            with self.subTest(stand_in=stand_in):
                self.check('''
                    class Told:
                        def __del__(self): raise ValueError('told')
                    t = Told()
                    ''' + stand_in.replace('X', 'stderr'),
                    errors='ValueError: told')

    def test_takes_it(self):
        # As long as it can, it gets everything; also what it cannot pass on.
        self.check('''
            class Own:
                def __init__(self, out): self.out = out
                def write(self, text): self.out.write(f'<{text}>')
                def flush(self): self.out.flush()
                def __del__(self): self.out.write('own')
            p = Probe('p')
            sys.stdout = Own(sys.stdout)
            ''', '<p>< ><1>< ><exit>< ><whole><', '>own')
        self.check("p = Probe('p'); sys.stdout = io.StringIO()")

    def test_takes_what_comes_late(self):
        # From a finalizer that another one has made, and from a callback.
        for mode in MODES:
            with self.subTest(mode=mode):
                process = self.run_script('''
                    class Second:
                        def __del__(self): print('second')
                    class First:
                        def __del__(self):
                            global second
                            print('first')
                            second = Second()
                    _first = First()
                    ref = weakref.ref(_first, lambda r: print('called'))
                    sys.stdout = open('out.txt', 'w')
                    ''', mode=mode)
                self.assertEqual(process.errors, '')
                with open(os.path.join(process.cwd, 'out.txt')) as out:
                    self.assertEqual(out.read(), 'first\ncalled\nsecond\n')

    def test_nothing_to_put_back(self):
        for original in ('sys.__stdout__ = None', 'del sys.__stdout__',
                         'sys.__stdout__.close()', 'sys.__stdout__.detach()',
                         'os.close(1)'):
            with self.subTest(original=original):
                self.check("p = Probe('p'); sys.stdout = None; " + original)

    def test_in_a_subinterpreter(self):
        self.check('''
            from test import support
            support.run_in_subinterp("""if True:
                import sys
                class Printer:
                    def __del__(self): print('printed')
                printer = Printer()
                sys.stdout = None
                """)
            ''', 'printed')


    # What programs put in place of a stream that is broken.
    SHIELDS = (
        'class Shield:\n'
        '    def __init__(self, out): self.out = out\n'
        '    def __getattr__(self, name): return getattr(self.out, name)\n'
        '    def flush(self):\n'
        '        with contextlib.suppress(OSError): self.out.flush()\n'
        'sys.X = Shield(sys.X)',
        'sys.X = None', 'del sys.X', 'sys.X = open(os.devnull, "w")',
        'held = contextlib.redirect_X(io.StringIO()); held.__enter__()',
        # Its finalizer puts the broken stream back.
        'def work():\n'
        '    with contextlib.redirect_X(io.StringIO()): yield\n'
        'held = work(); next(held)',
    )

    def test_broken_behind_a_shield(self):
        pipe = os.pipe()
        self.addCleanup(os.close, pipe[1])
        os.close(pipe[0])
        for name in ('stdout', 'stderr'):
            for shield in self.SHIELDS:
                body = ('sys.X.write("x"); p = Probe("p")\n' + shield +
                        '\ndone(); sys.exit(1)').replace('X', name)
                for mode in MODES:
                    process = self.run_script(body, mode=mode,
                                              **{name: pipe[1]})
                    with self.subTest(shield=shield, mode=mode, name=name):
                        self.assertEqual((process.returncode, process.errors),
                                         (1, ''))


class ReportTests(ScriptTestCase):
    """Exceptions in finalizers are reported, where stock can."""

    def test_what_sys_holds(self):
        # Unpatched, these attributes are taken before sys.stderr is: by name,
        # or since they begin with an underscore, or came before it.
        early = ['path', 'argv', 'ps1', 'ps2', 'last_exc', 'last_type',
                 'last_value', 'last_traceback', 'path_hooks',
                 'path_importer_cache', 'meta_path', '__interactivehook__',
                 '_private', 'excepthook']
        late = ['another']
        for mode in MODES:
            process = self.run_script(f'''
                class Told:
                    def __init__(self, name): self.name = name
                    def __del__(self): raise ValueError(f'<{{self.name}}>')
                    def __call__(self, *args): raise ImportError
                    def find_spec(self, *args): return None
                for name in {early + late}:
                    held = getattr(sys, name, None)
                    if isinstance(held, list):
                        held.append(Told(name))
                    elif isinstance(held, dict):
                        held[name] = Told(name)
                    else:
                        setattr(sys, name, Told(name))
                del held
                ''', mode=mode)
            for name in early + late:
                with self.subTest(mode=mode, name=name):
                    self.assertEqual(process.errors.count(f'<{name}>'),
                                     int(name in early), process.errors)

    def test_of_an_exception_that_nobody_caught(self):
        # The traceback alone holds the object.
        for mode in MODES:
            with self.subTest(mode=mode):
                process = self.run_script('''
                    class Told:
                        def __del__(self): raise ValueError('told')
                    def fail():
                        local = Told()
                        1 / 0
                    fail()
                    ''', mode=mode)
                self.assertEqual(process.returncode, 1)
                self.assertEqual(process.errors.count('ZeroDivisionError'), 1)
                self.assertEqual(process.errors.count('ValueError: told'), 1,
                                 process.errors)


class OrderTests(ScriptTestCase):

    BODY = '''
        def crowd(name):
            return [Probe(f'{name}{i}') for i in range(5)]

        class C:
            members = crowd('class')

        user_module('user', 'from __main__ import crowd; u = crowd("user")')
        import user
        _b, a = crowd('private'), crowd('public')
        c = dict(enumerate(crowd('dict')))
        d = Probe('head', tail=Probe('tail', rest=a))
        ring = crowd('ring')
        for p in ring:
            p.ring = ring
        os.held = crowd('os')
        sys._held = crowd('sys')
        local = threading.local()
        local.held = crowd('local')
        gc.callbacks.append(lambda *args, p=Probe('callback'): None)
        '''

    def outputs(self, body, mode):
        def run(seed):
            process = self.run_script(body, mode=mode,
                                      env={'PYTHONHASHSEED': str(seed)})
            self.assertEqual(process.errors, '')
            return process.stdout
        return set(in_parallel(run, range(10)))

    def test_same_on_every_run(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                first, *other = self.outputs(self.BODY, mode)
                self.assertEqual(other, [])
                self.assertEqual(first.count('\n'), 48)

    def test_same_with_sets(self):
        # The order in a set depends on addresses and on the hash seed.
        body = '''
            names = {f'name{i}': i for i in range(20)}
            held = {Probe(name) for name in set(names)}
            '''
        body = body.replace('set(names)', 'names')
        first, *other = self.outputs(body, 'default')
        self.assertEqual(other, [])

    def test_same_with_a_large_set(self):
        # In several arenas, and where others were freed.
        body = '''
            class Other(Probe):
                def __del__(self):
                    pass
            gaps = [Other(str(i)) for i in range(4000)]
            del gaps[::3], gaps[1::5]
            held = {Probe(f'name{i}') for i in range(600)}
            '''
        first, *other = self.outputs(body, 'default')
        self.assertEqual(other, [])
        self.assertEqual(first.count('\n'), 600)

    def test_head_before_tail(self):
        process = self.run_script(self.BODY)
        lines = process.stdout.split()[::4]
        self.assertLess(lines.index('head'), lines.index('tail'))
        self.assertLess(lines.index('tail'), lines.index('public0'))
        self.assertLess(lines.index('public4'), lines.index('user0'))

    def test_verbose(self):
        def run(seed):
            process = self.run_script(self.BODY, '-v',
                                      env={'PYTHONHASHSEED': str(seed)})
            return process.stderr.splitlines()

        first, second = [[line for line in lines
                          if line.startswith('# finalize')]
                         for lines in in_parallel(run, (1, 2))]
        self.assertEqual(first, second)
        text = '\n'.join(first)
        places = [text.find(repr(name)) for name in
                  ('__main__', 'user', 'json', 'sys')]
        self.assertNotIn(-1, places, text)
        self.assertEqual(places, sorted(places), text)


if __name__ == '__main__':
    unittest.main()
