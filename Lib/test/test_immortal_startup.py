"""The start-up heap: made immortal after site, before the first user code;
and the options that control it."""

import json
import os
import subprocess
import sys
import unittest
import zipfile
from test import immortal_walk
from test.support import os_helper, requires_subprocess
from test.support.script_helper import (assert_python_failure,
                                        assert_python_ok, make_script)

# What site runs last.  The list is reachable from sys, too; the rest only
# from __main__.
SITECUSTOMIZE = """\
import os, sys, __main__
pid = os.getpid()
sys.early = [{'key': (f'{pid} early',)}, object(), type('Early', (), {})]
__main__.early_shared = sys.early
__main__.early_main = [f'{pid} main', (pid + 0.5, f'{pid} tuple'), {pid: []}]
__main__.early_type = type('EarlyMain', (), {'attribute': [pid]})
__main__.early_object = __main__.early_type()
del pid
"""

# User code: what does it find?  json itself comes later than start-up.
PROBE = """\
import gc, os, sys, __main__
mine = ['user'.lower(), {str(os.getpid()): 1.5}]
def function():
    return mine
def immortal(*objects):
    answers = set(map(gc.is_immortal, objects))
    return answers.pop() if len(answers) == 1 else str(answers)
early = sys.early
found = {
    'standard library': immortal(
        sys.modules, sys, sys.__dict__, os, os.__dict__, os.path.join,
        os.path.join.__code__, os.path.join.__code__.co_consts,
        *os.path.join.__code__.co_consts, os.environ, sys.stdout),
    'site': immortal(
        sys.modules['sitecustomize'], sys.modules['sitecustomize'].__dict__,
        early, early[0], early[0]['key'], early[0]['key'][0], *early[1:]),
    'shared': immortal(__main__.early_shared),
    'only in __main__': immortal(
        __main__.early_main, *__main__.early_main,
        *__main__.early_main[1], *__main__.early_main[2].values(),
        __main__.early_type, __main__.early_type.__dict__['attribute'],
        __main__.early_object),
    '__main__': immortal(__main__, __main__.__dict__),
    'user': immortal(mine, mine[1], function, function.__code__,
                     sys._getframe().f_code),
}
import json
print('found', json.dumps(found))
"""

EXPECTED = {'standard library': True, 'site': True, 'shared': True,
            'only in __main__': False, '__main__': False, 'user': False}


class Environment(unittest.TestCase):
    """Children start without the variable, unless they say otherwise."""

    def setUp(self):
        env = self.enterContext(os_helper.EnvironmentVarGuard())
        env.unset('PYTHONIMMORTALHEAP')


@requires_subprocess()
class StartModeTests(Environment):

    def setUp(self):
        super().setUp()
        self.folder = self.enterContext(os_helper.temp_dir())
        self.site = os.path.join(self.folder, 'site')
        os.mkdir(self.site)
        make_script(self.site, 'sitecustomize', SITECUSTOMIZE)
        path = [self.site]
        if os.environ.get('PYTHONPATH'):
            path.append(os.environ['PYTHONPATH'])
        self.path = os.pathsep.join(path)

    def found(self, output):
        lines = [line for line in output.decode().splitlines()
                 if 'found {' in line]
        return [json.loads(line.partition('found ')[2]) for line in lines]

    def check(self, *args, expected=EXPECTED, runs=1, **env):
        rc, out, err = assert_python_ok(*args, PYTHONPATH=self.path, **env)
        self.assertEqual(self.found(out), [expected] * runs)

    def check_stdin(self, text, *args, runs=1, **env):
        # HOME: interactive mode may write a history file.
        env = {**os.environ, 'TERM': '', 'HOME': self.folder,
               'PYTHONPATH': self.path, **env}
        done = subprocess.run([sys.executable, *args], env=env,
                              input=text.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        out = done.stdout
        self.assertEqual(self.found(out), [EXPECTED] * runs, out.decode())
        self.assertEqual(done.returncode, 0)

    def test_command(self):
        self.check('-c', PROBE)

    def test_script(self):
        self.check(make_script(self.folder, 'script', PROBE))

    def test_module(self):
        make_script(self.site, 'probe_module', PROBE)
        self.check('-m', 'probe_module')

    def test_package(self):
        package = os.path.join(self.site, 'probe_package')
        os.mkdir(package)
        make_script(package, '__init__', '')
        make_script(package, '__main__', PROBE)
        self.check('-m', 'probe_package')

    def test_directory(self):
        folder = os.path.join(self.folder, 'application')
        os.mkdir(folder)
        make_script(folder, '__main__', PROBE)
        self.check(folder)

    def test_zip_file(self):
        name = os.path.join(self.folder, 'application.pyz')
        with zipfile.ZipFile(name, 'w') as archive:
            archive.writestr('__main__.py', PROBE)
        self.check(name)

    def test_stdin(self):
        self.check_stdin(PROBE)
        self.check_stdin(PROBE, '-')

    def test_interactive(self):
        statement = f'exec({PROBE!r})\n'
        startup = make_script(self.folder, 'startup', PROBE)
        self.check_stdin(statement, '-i')
        self.check_stdin(statement, '-i', runs=2, PYTHONSTARTUP=startup)

    def test_interactive_after_a_script(self):
        script = make_script(self.folder, 'script', PROBE)
        self.check_stdin(f'exec({PROBE!r})\n', '-i', script, runs=2)

    def test_switched_off(self):
        for args, env in ((('-X', 'immortal_heap=off'), {}),
                          ((), {'PYTHONIMMORTALHEAP': '0'})):
            rc, out, err = assert_python_ok(
                *args, '-c', PROBE, PYTHONPATH=self.path, **env)
            [found] = self.found(out)
            # Its code's constants have always been immortal.
            self.assertIsNot(found.pop('standard library'), True)
            self.assertEqual(set(found.values()), {False})

    def test_without_site_and_isolated(self):
        code = ('import gc, sys; print(gc.is_immortal(sys.modules), '
                'gc.is_immortal(sys.path), gc.is_immortal(["mine"]))')
        for args in (['-S'], ['-I'], ['-I', '-S'], ['-s', '-S', '-E']):
            rc, out, err = assert_python_ok(*args, '-c', code,
                                            __isolated=False)
            self.assertEqual(out.strip(), b'True True False', args)

    def test_sitecustomize_may_call_it_itself(self):
        make_script(self.site, 'sitecustomize', SITECUSTOMIZE
                    + 'import gc\ngc.immortalize_heap()\n')
        self.check('-c', PROBE, expected={**EXPECTED,
                                          'only in __main__': True})

    def test_everything_reachable_is_immortal(self):
        done = immortal_walk.report_startup()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


@requires_subprocess()
class OptionTests(Environment):

    CODE = 'import gc, sys; print(gc.is_immortal(sys.modules))'

    def check(self, expected, *args, **env):
        rc, out, err = assert_python_ok(*args, '-c', self.CODE,
                                        __isolated=False, **env)
        with self.subTest(args=args, env=env):
            self.assertEqual(out.strip().decode(), str(expected))

    def test_option(self):
        self.check(True)
        self.check(True, '-X', 'immortal_heap')
        for value, expected in (('on', True), ('1', True),
                                ('off', False), ('0', False)):
            self.check(expected, '-X', f'immortal_heap={value}')

    def test_variable(self):
        for value, expected in (('on', True), ('1', True), ('', True),
                                ('off', False), ('0', False)):
            self.check(expected, PYTHONIMMORTALHEAP=value)

    def test_option_wins_over_variable(self):
        self.check(True, '-X', 'immortal_heap', PYTHONIMMORTALHEAP='0')
        self.check(True, '-X', 'immortal_heap=on', PYTHONIMMORTALHEAP='off')
        self.check(False, '-X', 'immortal_heap=off', PYTHONIMMORTALHEAP='1')

    def test_ignored_environment(self):
        for args in (('-E',), ('-I',)):
            for value in ('0', 'bogus'):
                self.check(True, *args, PYTHONIMMORTALHEAP=value)
            self.check(False, *args, '-X', 'immortal_heap=0',
                       PYTHONIMMORTALHEAP='1')

    def check_error(self, name, value, *args, **env):
        with self.subTest(args=args, env=env):
            rc, out, err = assert_python_failure(
                *args, '-c', 'print("ran")', __isolated=False, **env)
            err = err.decode(errors='replace')
            self.assertEqual(rc, 1, err)
            self.assertEqual(out, b'')
            self.assertIn(f"{name}: expected on", err)
            self.assertRegex(err, r'\bon\b.*\boff\b')
            self.assertIn(f"found '{value}'", err)
            self.assertNotIn('Traceback', err)

    def test_errors(self):
        for value in ('bogus', '2', 'ON', 'onn', 'of', '00', '-1', 'on '):
            self.check_error('-X immortal_heap', value,
                             '-X', f'immortal_heap={value}')
            self.check_error('PYTHONIMMORTALHEAP', value,
                             PYTHONIMMORTALHEAP=value)
        self.check_error('-X immortal_heap', '', '-X', 'immortal_heap=')
        # A good one does not hide a bad one of higher rank.
        self.check_error('-X immortal_heap', 'x', '-X', 'immortal_heap=x',
                         PYTHONIMMORTALHEAP='1')

    @unittest.skipUnless(os_helper.FS_NONASCII, 'needs a non-ASCII argument')
    def test_error_with_a_value_that_is_not_ascii(self):
        value = os_helper.FS_NONASCII
        rc, out, err = assert_python_failure(
            '-X', f'immortal_heap={value}', '-c', '0', __isolated=False)
        self.assertEqual(rc, 1)
        self.assertIn(b'immortal_heap', err)

    def test_help_names_both(self):
        rc, out, err = assert_python_ok('--help-xoptions')
        self.assertIn(b'immortal_heap', out)
        rc, out, err = assert_python_ok('--help-env')
        self.assertIn(b'PYTHONIMMORTALHEAP', out)

    def test_explicit_call_works_when_start_up_did_nothing(self):
        code = ('import gc, sys\n'
                'assert not gc.is_immortal(sys.modules)\n'
                'counts = gc.immortalize_heap()\n'
                'print(gc.is_immortal(sys.modules), '
                'counts["immortalized"] > 5000)')
        rc, out, err = assert_python_ok('-c', code, PYTHONIMMORTALHEAP='0')
        self.assertEqual(out.strip(), b'True True')

    def test_option_is_listed(self):
        code = 'import sys; print(sys._xoptions["immortal_heap"])'
        rc, out, err = assert_python_ok('-X', 'immortal_heap=off', '-c', code)
        self.assertEqual(out.strip(), b'off')


if __name__ == '__main__':
    unittest.main()
