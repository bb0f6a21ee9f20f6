"""The order at exit of objects that refer to each other, and of changes.

What refers to an object is finalized before it, and an object that several
globals refer to with the last of them.
"""

import textwrap
import unittest
from test import support
from test.finalization_ways.case import OrderTestCase

if not support.has_subprocess_support:
    raise unittest.SkipTest('test module requires subprocess')


class ReferenceTests(OrderTestCase):

    def test_several_globals(self):
        # With the last of them: private names go before the others.
        self.check('''
            _early = R('last')
            first = R('first')
            late = _early
            _private = R('_private')
            module_r = R('shared with a module')
            second = R('second')
            import types
            module = types.ModuleType('module')
            module.r = module_r
            ''', '_private', 'first', 'last', 'second',
            'shared with a module')

    def test_referrers_first(self):
        self.check('''
            tail = R('tail')
            middle = R('middle', [tail])
            head = R('head', {'key': (middle,)})
            other = R('other')
            ''', 'head', 'middle', 'tail', 'other')

    def test_referrers_first_whatever_the_names(self):
        self.check('''
            _tail = R('tail')
            other = R('other')
            head = R('head', R('inner', _tail), _tail)
            ''', 'other', 'head', 'inner', 'tail')

    def test_long_chain(self):
        self.check('''
            chain = None
            for i in range(2000):
                chain = R(i, chain)
                if i % 100 == 0:
                    globals()[f'link{i}'] = chain
            ''', *map(str, range(1999, -1, -1)))

    def test_diamond(self):
        for mode, found in self.sequences('''
                bottom = R('bottom')
                left, right = R('left', bottom), R('right', bottom)
                top = R('top', left, right)
                '''):
            with self.subTest(mode=mode):
                self.assertEqual(found[0], 'top')
                self.assertCountEqual(found[1:3], ['left', 'right'])
                self.assertEqual(found[3:], ['bottom', 'rec.r'])

    def test_cycle_before_its_tail(self):
        for mode, found in self.sequences('''
                tail = R('tail')
                one = R('one')
                two = R('two', one, tail)
                one.members = [two]
                head = R('head', one)
                '''):
            with self.subTest(mode=mode):
                self.assertEqual(found[0], 'head')
                self.assertCountEqual(found[1:3], ['one', 'two'])
                self.assertEqual(found[3:], ['tail', 'rec.r'])

    def test_instance_before_its_class(self):
        self.check('''
            class C(R):
                member = R('member')
            c = C('c')
            ''', 'c', 'member')

    def test_closure_and_default(self):
        self.check('''
            def make(r):
                class Closure(R):
                    def method(self):
                        return r
                return Closure('closure')
            r = R('r')
            c = make(r)
            class Default(R):
                def method(self, r=c):
                    pass
            d = Default('default')
            ''', 'default', 'closure', 'r')

    def test_generator(self):
        self.check('''
            def generator(r):
                try:
                    yield
                finally:
                    print('finally', r.name)
            r = R('r')
            g = generator(r)
            next(g)
            ''', 'finally r', 'r')

    def test_across_modules(self):
        self.module('first', "r = R('first.r')")
        self.module('second', "import first\nr = R('second.r', first.r)")
        self.check('''
            import first, second
            first.late = R('first.late', second.r)
            r = R('main.r', second.r)
            ''', 'main.r', 'first.late', 'second.r', 'first.r')


class LibraryTests(OrderTestCase):

    SOURCE = '''
        import graphlib
        import math
        import array
        import codecs
        import os
        math.r = R('math')
        sys.r = R('sys')
        os._r = R('os._r')
        os.r = R('os')
        graphlib.r = R('graphlib')
        array.r = R('array')
        codecs.register(lambda name, r=R('C code'): None)
        r = R('main.r')
        '''

    def test_library(self):
        # Of C modules, those in the executable are not told by their age.
        for mode, found in self.sequences(self.SOURCE):
            with self.subTest(mode=mode):
                self.assertEqual(found[:5], ['main.r', 'rec.r', 'graphlib',
                                             'os._r', 'os'])
                self.assertCountEqual(found[5:8], ['array', 'math', 'sys'])
                self.assertLess(found.index('array'), found.index('math'))
                self.assertLess(found.index('math'), found.index('sys'))
                self.assertEqual(found[8:], ['C code'])

    def test_held_by_users_and_the_library(self):
        for mode, found in self.sequences('''
                import os
                shared = R('shared')
                os.r = R('os.r', shared)
                user = R('user', shared)
                '''):
            with self.subTest(mode=mode):
                self.assertEqual(found, ['user', 'rec.r', 'os.r', 'shared'])


class ChangeTests(OrderTestCase):
    """Finalizers that add and remove what there is to finalize."""

    def check(self, main, *expected):
        """The first of these in this order, the rest in any."""
        main = 'class Do(R):\n    def __del__(self):\n' \
               '        super().__del__()\n        self.members[0]()\n' \
               + textwrap.dedent(main)
        for mode, found in self.sequences(main):
            with self.subTest(mode=mode):
                self.assertEqual(found[0], expected[0])
                self.assertCountEqual(found, [*expected, 'rec.r'])

    def test_add_globals(self):
        self.check('''
            def add():
                for i in range(100):
                    globals()[f'_name{i}'] = R(f'new{i}')
            _do = Do('do', add)
            r = R('r')
            ''', 'do', 'r', *(f'new{i}' for i in range(100)))

    def test_remove_globals(self):
        self.check('''
            def remove():
                global r99
                r99 = None
                for i in range(99):
                    del globals()[f'r{i}']
            _do = Do('do', remove)
            for i in range(100):
                globals()[f'r{i}'] = R(f'r{i}')
            ''', 'do', *(f'r{i}' for i in range(100)))

    def test_add_modules(self):
        for name in ('first', 'late'):
            self.module(name)
        self.check('''
            import types
            import first
            def add():
                import late
                for i in range(100):
                    module = types.ModuleType(f'new{i}')
                    module.r = R(f'new{i}')
                    sys.modules[f'new{i}'] = module
            _do = Do('do', add)
            ''', 'do', 'first.r', 'late.r', *(f'new{i}' for i in range(100)))

    def test_remove_modules(self):
        self.module('second')
        for i in range(100):
            self.module(f'm{i}')
        self.check('''
            import second
            for i in range(100):
                __import__(f'm{i}')
            def remove():
                for i in range(100):
                    del sys.modules[f'm{i}']
            _do = Do('do', remove)
            ''', 'do', 'second.r', *(f'm{i}.r' for i in range(100)))

    def test_replace_modules(self):
        self.module('first')
        self.check('''
            import first
            def replace():
                sys.modules = dict(sys.modules, new=R('new'))
                del sys.modules['first']
            _do = Do('do', replace)
            ''', 'do', 'first.r', 'new')


if __name__ == '__main__':
    unittest.main()
