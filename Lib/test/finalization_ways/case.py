"""Base of tests whose scripts begin like those of the ways."""

import os
import tempfile
import textwrap
import unittest
from test.finalization_ways.registry import PROBE
from test.finalization_ways.runner import MODES, in_parallel, run_python


class ScriptTestCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path

    def run_script(self, body, *options, mode='default', **kwargs):
        body = textwrap.dedent(body)
        if 'done()' not in body:
            body += '\ndone()\n'
        # A directory for each: several may run at a time.
        cwd = tempfile.mkdtemp(dir=self.directory)
        path = os.path.join(cwd, 'script.py')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'{PROBE}\n\n{body}')
        mode_options, args = MODES[mode]
        process = run_python('-W', 'ignore', '-X', 'faulthandler',
                             *mode_options, *options, path, *args,
                             cwd=cwd, **kwargs)
        process.cwd = cwd
        # Which finalizers ran is told apart from what they reported.
        process.errors = ''.join(
            line for line in (process.stderr or '').splitlines(keepends=True)
            if not line.startswith('ran '))
        return process

    def check(self, body, *lines, status=0, errors='', modes=MODES):
        """Run a script in all modes: these lines, in any order."""
        def run(mode):
            return mode, self.run_script(body, mode=mode)

        for mode, process in in_parallel(run, modes):
            with self.subTest(mode=mode):
                self.assertEqual(sorted(process.stdout.splitlines()),
                                 sorted(lines), process.stderr)
                self.assertEqual(process.returncode, status, process.stderr)
                if errors:
                    self.assertRegex(process.errors, errors)
                else:
                    self.assertEqual(process.errors, '')


# The recorder: the oldest of the user modules in all tests.
RECORDER = '''
class R:
    def __init__(self, name, *members):
        self.name, self.members = name, members

    def __del__(self):
        print(self.name)

r = R('rec.r')
'''

END = '''
if '--immortalize' in sys.argv:
    import gc
    gc.immortalize_heap()
'''


class OrderTestCase(ScriptTestCase):

    def setUp(self):
        super().setUp()
        self.module('rec', RECORDER)

    def module(self, name, source="r = R(__name__ + '.r')"):
        """Write a module, also one in a package."""
        path = name.replace('.', os.sep) + '.py'
        os.makedirs(os.path.dirname(os.path.join(self.directory, path)),
                    exist_ok=True)
        head = '' if name == 'rec' else 'from rec import R\n'
        self.write(path, head + textwrap.dedent(source))

    def sequences(self, main, modes=MODES):
        """Run a script; yield its mode and what it recorded."""
        self.write('main.py', f'import sys\nfrom rec import R\n'
                              f'{textwrap.dedent(main)}{END}')

        def run(mode):
            options, args = MODES[mode]
            process = run_python(*options, 'main.py', *args,
                                 cwd=self.directory)
            self.assertEqual(process.stderr, '')
            self.assertEqual(process.returncode, 0)
            return mode, process.stdout.splitlines()
        return in_parallel(run, modes)

    def check(self, main, *expected, modes=MODES):
        for mode, found in self.sequences(main, modes):
            with self.subTest(mode=mode):
                self.assertEqual(found, [*expected, 'rec.r'])
