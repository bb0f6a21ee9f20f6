"""Finalizers at exit, however the interpreter was started and ends."""

import os
import signal
import textwrap
import unittest
import zipfile
from test import support
from test.finalization_ways.case import ScriptTestCase
from test.finalization_ways.registry import PROBE
from test.finalization_ways.runner import MODES, run_python
from test.support import import_helper

if not support.has_subprocess_support:
    raise unittest.SkipTest('test module requires subprocess')


class StartTests(ScriptTestCase):
    """However the interpreter was started."""

    LINE = 'p 1 exit whole\n'

    def setUp(self):
        super().setUp()
        self.source = f"{PROBE}\np = Probe('p')\ndone()\n"
        self.write('script.py', self.source)

    def check(self, *args, status=0, **kwargs):
        process = run_python('-W', 'ignore', *args, cwd=self.directory,
                             **kwargs)
        self.assertEqual(process.stdout, self.LINE, process.stderr)
        self.assertEqual(process.returncode, status, process.stderr)
        return process

    def test_command(self):
        self.check('-c', self.source)

    def test_standard_input(self):
        self.check('-', input=self.source)

    def test_module(self):
        self.check('-m', 'script')

    def test_isolated(self):
        for option in ('-I', '-S', '-E', '-O', '-P', '-B', '-u', '-b'):
            with self.subTest(option):
                self.check(option, 'script.py')

    def test_developer_mode(self):
        self.check('-X', 'dev', 'script.py')

    def test_directory_and_archive(self):
        archive = os.path.join(self.directory, 'app.zip')
        with zipfile.ZipFile(archive, 'w') as z:
            z.writestr('__main__.py', self.source)
        self.check(archive)
        os.mkdir(os.path.join(self.directory, 'app'))
        self.write('app/__main__.py', self.source)
        self.check('app')

    def test_no_frozen_modules(self):
        self.check('-X', 'frozen_modules=off', 'script.py')

    def test_switch_by_environment(self):
        process = self.check('script.py', env={'PYTHONIMMORTALHEAP': '0'})
        self.assertNotIn('Traceback', process.stderr)

    def test_interactive(self):
        self.check('-i', '-q', 'script.py', input='q = p\n')

    def test_startup_file(self):
        path = self.write('startup.py', self.source)
        self.check('-i', '-q', input='q = p\n',
                   env={'PYTHONSTARTUP': path})

    def test_exit_status(self):
        for end, status in (('sys.exit(7)', 7), ('raise SystemExit', 0),
                            ('raise ValueError', 1), ('sys.exit("no")', 1)):
            with self.subTest(end):
                self.write('script.py', self.source + end)
                self.check('script.py', status=status)

    @unittest.skipUnless(os.name == 'posix', 'needs signals')
    def test_interrupted(self):
        self.write('script.py', self.source + 'raise KeyboardInterrupt')
        self.check('script.py', status=-signal.SIGINT)

    def test_os_exit(self):
        self.write('script.py', self.source + 'os._exit(7)')
        process = run_python('script.py', cwd=self.directory)
        self.assertEqual((process.returncode, process.stdout), (7, ''))

    def test_sitecustomize(self):
        self.write('sitecustomize.py', textwrap.dedent('''
            import os
            import sys
            def held():
                try:
                    yield
                finally:
                    import colorsys
                    import __main__
                    print('site', __main__.__name__, os.getcwd() != '',
                          None not in (sys.path, sys.meta_path))
            generator = held()
            next(generator)
            '''))
        process = run_python('-c', 'print("user")', cwd=self.directory,
                             env={'PYTHONPATH': self.directory})
        self.assertEqual(process.stdout, 'user\nsite __main__ True True\n')


class CollectionTests(ScriptTestCase):

    def test_due_while_finalizers_are_looked_for(self):
        # Whatever is allocated then, by looking for the raw stream of an
        # unbuffered file, must not start a collection: it would take away the
        # list that is being searched, and the search not end.
        self.write('script.py', textwrap.dedent("""\
            import gc, io, sys
            sys.__stdin__ = io.TextIOWrapper(io.BytesIO())
            gc.collect()
            gc.disable()
            files = [open(__file__, 'rb') for _ in range(20)]
            gc.set_threshold(gc.get_count()[0] + int(sys.argv[1]))
            gc.enable()
            """))
        for more in range(60):
            with self.subTest(more=more):
                process = run_python('-W', 'ignore', 'script.py', str(more),
                                     cwd=self.directory)
                self.assertEqual(process.stderr, '')
                self.assertEqual(process.returncode, 0)


@support.requires_fork()
class ForkTests(ScriptTestCase):

    def test_fork(self):
        for how in ('pass', 'sys.exit()', 'os._exit(0)'):
            lines = ['p 1 exit whole'] * (1 if '_exit(' in how else 2)
            with self.subTest(how):
                self.check(f'''
                    p = Probe('p')
                    p.me = p
                    small = Bare()
                    del small
                    done()
                    sys.stdout.flush()
                    pid = os.fork()
                    if pid:
                        os.waitpid(pid, 0)
                    else:
                        {how}
                    OWN |= {{'pid'}}
                    ''', 'bare 1 early whole', *lines)

    def test_forked_from_an_immortal_heap(self):
        self.check('''
            p = Probe('p')
            done()
            gc.immortalize_heap()
            for i in range(3):
                if os.fork() == 0:
                    q = Probe('q')
                    sys.exit()
                os.wait()
            ''', *['p 1 exit whole'] * 4, *['q 1 exit whole'] * 3)


class SubinterpreterTests(ScriptTestCase):

    def test_destroyed(self):
        import_helper.import_module('_xxsubinterpreters')
        self.write('sub.py', f"{PROBE}\np = Probe('p')\np.me = p\n"
                             "_q = Probe('q')\nos.r = Probe('r')\n")
        self.check('''
            import _xxsubinterpreters as interpreters
            main = Probe('main')
            done()
            for i in range(2):
                other = interpreters.create()
                interpreters.run_string(other, open('../sub.py').read())
                interpreters.destroy(other)
                del other
            del i
            print('end')
            ''', *['p 1 exit whole', 'q 1 exit whole',
                   'r 1 exit whole'] * 2, 'end', 'main 1 exit whole')

    def test_ends_before_the_main_interpreter(self):
        import_helper.import_module('_testcapi')
        self.write('sub.py', f"{PROBE}\np = Probe('p')\n"
                             "sys.p = Probe('q')\ndone()\n")
        self.check('''
            import _testcapi
            main = Probe('main')
            status = _testcapi.run_in_subinterp(open('../sub.py').read())
            print('end', status)
            ''', 'p 1 exit whole', 'q 1 exit whole', 'end 0',
            'main 1 exit whole', modes=['default', 'off'])

    def test_files(self):
        import_helper.import_module('_testcapi')
        for mode in MODES:
            process = self.run_script('''
                import _testcapi
                _testcapi.run_in_subinterp("""if True:
                    f = open('out.txt', 'w')
                    f.write('all')
                    f.buffer.raw.wrapper = f
                    """)
                ''', mode=mode)
            with (self.subTest(mode=mode),
                  open(os.path.join(process.cwd, 'out.txt')) as f):
                self.assertEqual(f.read(), 'all')


if __name__ == '__main__':
    unittest.main()
