"""The order in which objects are finalized at exit.

User modules come newest first, __main__ being the newest; in each, private
globals, then the other ones, then modules.  The library follows, its pure
Python modules before those written in C.
"""

import unittest
from test import support
from test.finalization_ways.case import MODES, OrderTestCase

if not support.has_subprocess_support:
    raise unittest.SkipTest('test module requires subprocess')


class ModuleTests(OrderTestCase):

    def test_modules(self):
        for name in ('old', 'pkg.first', 'pkg.second', 'pkg.later',
                     'other.inner.deep', 'colorsys', 'new'):
            self.module(name)
        self.module('cycle1', "import cycle2; r = R('cycle1.r')")
        self.module('cycle2', "import cycle1; r = R('cycle2.r')")
        self.module('pkg.__init__', '''
            from . import first, second
            r = R('pkg.r')
            ''')
        self.module('imports', '''
            import imported
            r = R('imports.r')
            ''')
        self.module('imported')
        self.check(
            '''
            import types
            _r = R('main._r')
            import old
            import cycle1
            import pkg
            import colorsys
            import imports
            sys.modules['by hand'] = types.ModuleType('by hand')
            sys.modules['by hand'].r = R('by hand.r')
            sys.modules['object'] = R('object')
            sys.modules['wave'] = types.ModuleType('wave')
            sys.modules['wave'].r = R('wave.r')
            sys.modules['nothing'] = None
            import other.inner.deep
            import pkg.later
            import new
            r = R('main.r')
            ''',
            'main._r', 'main.r', 'new.r', 'pkg.later.r',
            'other.inner.deep.r', 'wave.r', 'object', 'by hand.r',
            'imports.r', 'imported.r', 'colorsys.r', 'pkg.r',
            'pkg.second.r', 'pkg.first.r', 'cycle1.r', 'cycle2.r', 'old.r')

    def test_reimported(self):
        for name in ('first', 'second', 'third'):
            self.module(name)
        self.check(
            '''
            import first, second, third
            import importlib
            sys.modules['first'] = sys.modules.pop('first')
            ''',
            'first.r', 'third.r', 'second.r')

    def test_two_names(self):
        # A module with two names comes with the older of them.
        for name in ('first', 'second'):
            self.module(name)
        self.check(
            '''
            import first, second
            sys.modules['newest'] = first
            ''',
            'second.r', 'first.r')

    def test_other_name(self):
        self.module('first')
        self.module('second')
        self.check(
            '''
            import first, second
            second.__name__ = 'json'
            second.__file__ = None
            first.__spec__ = first.__loader__ = None
            del first.__name__
            ''',
            'second.r', 'first.r')

    def test_imported_by_name(self):
        self.module('first', "r, s = R('first.r'), R('first.s')")
        self.module('second', "from first import r as borrowed, s\n"
                              "r = R('second.r')")
        self.check(
            '''
            from first import s
            from second import borrowed
            _r = R('main._r', borrowed)
            ''',
            'main._r', 'second.r', 'first.r', 'first.s')

    def test_function_in_an_older_module(self):
        # What its globals are is not what a function refers to.
        self.module('first', "registry = []; r = R('first.r')")
        self.check(
            '''
            import atexit
            import first
            def function():
                return r
            first.registry.append(function)
            first.registry.append(sys.modules['__main__'])
            sys.function = function
            r = R('main.r')
            ''',
            'main.r', 'first.r')

    def test_modules_replaced(self):
        self.module('first')
        self.module('second')
        self.check(
            '''
            import types
            import first
            class Modules(dict):
                pass
            sys.modules = Modules(sys.modules)
            import second
            sys.modules['by hand'] = types.ModuleType('by hand')
            sys.modules['by hand'].r = R('by hand.r')
            ''',
            'by hand.r', 'second.r', 'first.r')

    def test_main_not_in_modules(self):
        # Its dictionary dies with the script's last line, unless a frame that
        # runs was made immortal.  Nothing tells then that it was a module's.
        self.module('first')
        for mode, found in self.sequences(
                '''
                import first
                r = R('main.r')
                del sys.modules['__main__']
                ''', MODES):
            with self.subTest(mode=mode):
                if mode == 'immortalize':
                    expected = ['first.r', 'rec.r', 'main.r']
                else:
                    expected = ['main.r', 'first.r', 'rec.r']
                self.assertEqual(found, expected)


class NameTests(OrderTestCase):

    SOURCE = '''
        import sys
        import types
        b = R('b')
        _x = R('_x')
        none = _none = None
        __x = R('__x')
        module = types.ModuleType('module')
        module.r = R('module')
        _module = types.ModuleType('_module')
        _module.r = R('_module')
        globals()[''] = R('empty')
        __x__ = R('__x__')
        globals()[1] = R('number')
        globals()[b'_y'] = R('bytes')
        a = R('a')
        _ = R('_')
        B = R('B')
        __builtin = R('__builtin')
        sys_ = sys
        globals()[('_',)] = R('tuple')
        '''
    EXPECTED = ('_x', '__x', '__x__', '_', '__builtin',
                'b', 'empty', 'number', 'bytes', 'a', 'B', 'tuple',
                'module', '_module')

    def test_names_of_main(self):
        self.check(self.SOURCE, *self.EXPECTED)

    def test_names_of_a_module(self):
        self.module('user', self.SOURCE)
        self.check("import user; r = R('main.r')", 'main.r', *self.EXPECTED)

    def test_dict_order_is_that_of_insertion(self):
        self.check('''
            for name in 'dacb':
                globals()[name] = R(name)
            a, d = d, a
            del c
            c = R('c again')
            ''', 'c', 'a', 'd', 'b', 'c again')

    def test_string_subclass_as_a_key(self):
        self.check('''
            class S(str):
                pass
            r = R('r')
            globals()[S('_s')] = R('_s')
            ''', '_s', 'r')


if __name__ == '__main__':
    unittest.main()
