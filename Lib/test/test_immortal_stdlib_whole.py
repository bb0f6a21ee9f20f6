"""While the objects of a script are finalized, the library is as it was."""

import importlib.util
import pkgutil
import sys
import unittest
from test import support
from test.finalization_ways.runner import MODES, in_parallel, run_python

if not support.has_subprocess_support:
    raise unittest.SkipTest('test module requires subprocess')

# These show something, or start a program, when they are imported.
SHOWN = {'antigravity', 'this', 'idlelib.idle'}
NAMES = sorted(sys.stdlib_module_names - SHOWN)

SCRIPT = r'''
import atexit
import importlib
import sys


class Watch:
    """Compare all modules with what they were after atexit."""

    def begin(self):
        self.modules = {name: (module, dict(vars(module)))
                        for name, module in sys.modules.items()
                        if module is not None and name != '__main__'}

    def __del__(self):
        watched = 0
        for name, (module, names) in self.modules.items():
            if sys.modules.get(name) is not module:
                print('lost', name, 'not in sys.modules')
                continue
            now = dict(vars(module))
            lost = [key for key in names
                    if key not in now or now[key] is not names[key]]
            lost += now.keys() - names.keys()
            if lost:
                print('lost', name, *map(ascii, lost))
            watched += 1
        print('watched', watched)


watch = Watch()
# Registered first, so called last: handlers may set what they like.
atexit.register(watch.begin)
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except (ImportError, SystemExit) as e:
        print('skip', name, str(e).splitlines()[0])
    else:
        print('imported', name)
if sys.argv[1] == 'immortalize':
    import gc
    gc.immortalize_heap()
'''


# What modules write when they are imported where others are missing.
NOT_THERE = (
    "** IDLE can't import Tkinter.\n"
    'Your Python may not be configured for Tk. **\n',
    "ctypes isn't available; iOS system calls will not be available\n",
)


def submodules():
    """Yield the modules in the library's packages, without tests."""
    for package in NAMES:
        spec = importlib.util.find_spec(package)
        path = spec.submodule_search_locations if spec else None
        for info in pkgutil.iter_modules(path or [], package + '.'):
            last = info.name.rpartition('.')[2]
            if (last not in ('__main__', 'test', 'tests', 'idle_test')
                    and info.name not in SHOWN):
                yield info.name


class WholeTests(unittest.TestCase):

    def run_batch(self, mode, names):
        options, args = MODES[mode]
        return names, run_python('-W', 'ignore', *options, '-c', SCRIPT,
                                 mode, *names)

    def check(self, mode, names, size):
        batches = [names[i:i + size] for i in range(0, len(names), size)]
        imported = 0
        for names, process in in_parallel(
                lambda names: self.run_batch(mode, names), batches):
            lines = [line.split(' ', 2)
                     for line in process.stdout.splitlines()]
            with self.subTest(mode=mode, modules=' '.join(names)):
                self.assertEqual(
                    [line for line in lines if line[0] == 'lost'], [])
                err = process.stderr
                for text in NOT_THERE:
                    err = err.replace(text, '')
                self.assertEqual(err, '')
                self.assertEqual(process.returncode, 0)
                watched = [line for line in lines if line[0] == 'watched']
                self.assertEqual(len(watched), 1)
                self.assertGreater(int(watched[0][1]), 20)
                self.assertEqual([line[1] for line in lines if
                                  line[0] in ('imported', 'skip')], names)
            imported += sum(line[0] == 'imported' for line in lines)
            for _, name, why in (line for line in lines
                                 if line[0] == 'skip'):
                with self.subTest(module=name):
                    self.skipTest(f'{name}: {why}')
        return imported

    def test_each_alone(self):
        self.assertGreater(self.check('default', NAMES, 1), 200)

    def test_immortalize(self):
        self.assertGreater(self.check('immortalize', NAMES, 20), 200)

    def test_heap_off(self):
        self.assertGreater(self.check('off', NAMES, 20), 200)

    def test_submodules(self):
        names = sorted(submodules())
        self.assertGreater(len(names), 300)
        self.check('default', names, 40)


if __name__ == '__main__':
    unittest.main()
