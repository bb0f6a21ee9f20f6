"""Finalizers at exit: each runs once, whatever it is held by and does.

The ways to hold an object until then are in test.finalization_ways.
"""

import importlib.util
import os
import sys
import unittest
from test import support
from test.finalization_ways.case import ScriptTestCase
from test.finalization_ways.registry import load
from test.finalization_ways.runner import (
    MODES, content, open_packed, run_ways)
from test.support import os_helper

# How the report of an exception in a __del__ begins.
IGNORED = 'Exception ignored ' + (
    'in:' if sys.version_info < (3, 14) else 'while calling deallocator')

if not support.has_subprocess_support:
    raise unittest.SkipTest('test module requires subprocess')


# A child of a debug build takes three times as long: each way runs in one
# mode there, the modes in turn, unless this is 'all'.
ALL = (os.environ.get('TEST_IMMORTAL_WAYS') == 'all'
       or not hasattr(sys, 'gettotalrefcount'))


class WaysTests(unittest.TestCase):

    def check(self, mode):
        names = list(load())
        if not ALL:
            names = names[list(MODES).index(mode)::len(MODES)]
        for result in run_ways(names, mode=mode):
            with self.subTest(way=result.name):
                self.assertIn(result.verdict, ('whole', 'skipped'),
                              result.detail)

    def test_default(self):
        self.check('default')

    def test_immortalize(self):
        self.check('immortalize')

    def test_heap_off(self):
        self.check('off')


class JudgeTests(unittest.TestCase):

    def test_damaged_file(self):
        """A file that was cut off is said to be, and ends no battery."""
        suffixes = ['.gz', '.bz2', '.xz']
        if importlib.util.find_spec('_zstd'):
            suffixes.append('.zst')
        for suffix in suffixes:
            with self.subTest(suffix), os_helper.temp_dir() as directory:
                path = os.path.join(directory, 'out' + suffix)
                with open_packed(path, 'wt') as f:
                    f.write('text' * 100)
                self.assertEqual(content(path), 'text' * 100)
                os.truncate(path, os.path.getsize(path) - 1)
                self.assertRegex(content(path), r'\w+Error: ')


class OnceTests(ScriptTestCase):

    def test_immortal_object(self):
        self.check('''
            p = Probe('p')
            held = ({'key': Probe('q')},)
            done()
            for i in range(2):
                gc.immortalize_heap()
            assert gc.is_immortal(p) and gc.is_immortal(held[0]['key'])
            ''', 'p 1 exit whole', 'q 1 exit whole')

    def test_mortal_object(self):
        self.check('''
            done()
            gc.immortalize_heap()
            p = Probe('p')
            p.me = p
            assert not gc.is_immortal(p)
            OWN |= {'p'}
            ''', 'p 1 exit whole')

    def test_immortal_object_that_nothing_refers_to(self):
        self.check('''
            p = Probe('p')
            small = Bare()
            done()
            del p, small
            OWN -= {'p', 'small'}
            gc.collect()
            print('end')
            ''', 'end', 'p 1 exit whole', 'bare 1 exit whole',
            modes=['immortalize'])

    def test_immortal_garbage(self):
        self.check('''
            gc.disable()
            p = Probe('p')
            p.me = p
            del p
            gc.immortalize_heap()
            print('end')
            ''', 'p 1 early whole', 'end')

    def test_resurrected_before(self):
        self.check('''
            class Phoenix(Probe):
                def __del__(self):
                    super().__del__()
                    kept.append(self)
            kept = []
            Phoenix('p')
            cycle = Phoenix('q')
            cycle.me = cycle
            del cycle
            gc.collect()
            assert len(kept) == 2
            ''', 'p 1 early whole', 'q 1 early whole')

    def test_resurrected_at_exit(self):
        self.check('''
            class Phoenix(Probe):
                def __del__(self):
                    super().__del__()
                    kept.append(self)
                    setattr(os, self.name, self)
                    sys.modules[self.name] = self
            kept = []
            p, q = Phoenix('p'), Phoenix('q')
            q.me = q
            ''', 'p 1 exit whole', 'q 1 exit whole')

    def test_atexit_comes_first(self):
        for mode in MODES:
            process = self.run_script('''
                p = Probe('p')
                atexit.register(print, 'first')
                ''', mode=mode)
            self.assertEqual(process.stdout, 'first\np 1 exit whole\n')

    def test_weakref_finalize_not_at_exit(self):
        self.check('''
            p = Probe('p')
            weakref.finalize(p, print, 'not at exit').atexit = False
            ''', 'p 1 exit whole')

    def test_bad_finalizers(self):
        for statement, error in (
                ('raise ValueError("expected")', 'ValueError: expected'),
                ('1 / 0', 'ZeroDivisionError'),
                ('sys.exit(3)', 'SystemExit: 3'),
                ('raise KeyboardInterrupt', 'KeyboardInterrupt'),
                ('raise GeneratorExit', 'GeneratorExit'),
                ('self.__del__()', 'RecursionError')):
            with self.subTest(statement):
                self.check(f'''
                    class Bad:
                        def __del__(self):
                            {statement}
                    before, bad, after = Probe('p'), Bad(), Probe('q')
                    bad.me = bad
                    ''', 'p 1 exit whole', 'q 1 exit whole',
                    errors=rf'(?s)\A{IGNORED} <function Bad\.__del__ at '
                           rf'.*\n{error}')

    def test_unraisablehook(self):
        self.check('''
            def hook(unraisable):
                print(unraisable.exc_type.__name__,
                      ', '.join(problems()) or 'whole')
            sys.unraisablehook = hook

            class Bad:
                def __del__(self):
                    raise ValueError
            bad, p = Bad(), Probe('p')
            ''', 'ValueError whole', 'p 1 exit whole')

    def test_finalizer_that_never_ends(self):
        # Each makes the next one: this must stop some time.
        for holder in ("globals()['heir']", 'os.heir', 'Heir.heir',
                       "sys.modules['heir']"):
            with self.subTest(holder):
                process = self.run_script(f'''
                    class Heir:
                        def __del__(self):
                            {holder} = Heir()
                    heir, p = Heir(), Probe('p')
                    ''')
                self.assertEqual(process.stdout, 'p 1 exit whole\n')
                self.assertEqual(process.returncode, 0)

    def test_globals_change(self):
        self.check('''
            class Changer(Probe):
                def __del__(self):
                    global OWN
                    super().__del__()
                    OWN -= {'q', 'r'}
                    for number in range(1000):
                        globals()[f'name{number}'] = number
                    del globals()['q']
                    globals()['r'] = None
                    globals()['s'] = Probe('s')
            p = Changer('p')
            q, r, t = Probe('q'), Probe('r'), Probe('t')
            ''', *(f'{name} 1 exit whole' for name in 'pqrst'))

    def test_globals_cleared(self):
        self.check('''
            class Clearer(Probe):
                def __del__(self):
                    super().__del__()
                    kept = {name: globals()[name] for name in names}
                    globals().clear()
                    globals().update(kept)
                    globals()['OWN'] = frozenset()
            p = Clearer('p')
            q, r = Probe('q'), Probe('r')
            # What is not put back goes at once, and finds no globals.
            names = bound(globals()) - {'__file__', '__cached__'}
            ''', *(f'{name} 1 exit whole' for name in 'pqr'))

    def test_modules_change(self):
        user = "from __main__ import Probe; q = Probe('q')"
        other = "from __main__ import Probe; r = Probe('r')"
        self.check(f'''
            class Changer(Probe):
                def __del__(self):
                    super().__del__()
                    for number in range(1000):
                        sys.modules[f'name{{number}}'] = None
                    user_module('other', {other!r})
                    del sys.modules['user']
                    sys.modules['text'] = Probe('s')
            user_module('user', {user!r})
            p = Changer('p')
            ''', *(f'{name} 1 exit whole' for name in 'pqrs'))

    def test_modules_cleared(self):
        # The library is gone then, by the user's own doing.
        body = '''
            class Plain:
                def __del__(self, print=print):
                    print('ran')

            class Clearer:
                def __del__(self):
                    sys.modules.clear()
                    print('cleared')
            first, p, last = Plain(), Clearer(), Plain()
            '''
        self.check(body, 'ran', 'cleared', 'ran')

    def test_collector_off_or_debugging(self):
        self.check('''
            gc.disable()
            gc.set_threshold(0)
            p = Probe('p')
            p.me = p
            ''', 'p 1 exit whole')


if __name__ == '__main__':
    unittest.main()
