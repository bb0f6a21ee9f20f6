"""What gc.immortalize_heap() computes ahead, of what only this CPython stores."""

import gc
import os
import platform
import sys
import unittest
from test import support
from test.immortal_support import isolated
from test.support import import_helper
from test.support.script_helper import assert_python_ok
from test.test_immortal_shared import readable

# Many classes, and some objects of each.  Making more uses up the keys that a
# class's objects share.
CLASSES = """if 1:
    import gc, sys
    sys.path.insert(0, {directory!r})
    from test import test_immortal_shared as pages
    def made(n):
        class C:
            def __init__(self):
                self.a = self.b = n
        return C
    classes = [made(i) for i in range(1000)]
    for cls in classes:
        cls()
    def work():
        for cls in classes:
            obj = cls()
            obj.c = 1
            assert (obj.a, obj.b, obj.c) == (obj.b, obj.a, 1)
            del obj
    def few():
        for cls in classes:
            cls(), cls()
    {call}
    print(*pages.growth(1, few))
    work()
    """


@support.requires_fork()
@support.skip_if_sanitizer('its own memory is written to', address=True)
@unittest.skipUnless(sys.platform.startswith('linux') and readable(),
                     'needs /proc/PID/pagemap')
class SharedKeysTests(unittest.TestCase):

    def growth(self, call):
        directory = os.path.dirname(os.path.dirname(__file__))
        rc, out, err = assert_python_ok(
            '-c', CLASSES.format(directory=directory, call=call))
        return int(out.split()[1])

    def test_more_objects(self):
        least = self.growth('gc.immortalize_heap()')
        grown = self.growth('gc.immortalize_heap(fill=False)')
        more = 1_000_000
        if sys.maxsize < 2 ** 32:
            more = 400_000      # Keys are packed closer, too.
        elif platform.libc_ver()[0] != 'glibc':
            more = 700_000      # With musl: 835,000.
        self.assertGreater(grown, least + more)


@isolated
class SettledTests(unittest.TestCase):

    def test_attributes_that_come_late(self):
        class C:
            def __init__(self, n):
                self.n = n
        objs = [C(i) for i in range(3)]
        gc.immortalize_heap()
        for i in range(50):
            obj = C(i)
            for j in range(40):
                setattr(obj, f'late_{(i + j) % 45}', j)
            objs.append(obj)
        for i, obj in enumerate(objs[3:]):
            self.assertEqual(vars(obj), {'n': i} | {
                f'late_{(i + j) % 45}': j for j in range(40)})
        self.assertEqual([vars(obj) for obj in objs[:3]],
                         [{'n': i} for i in range(3)])

    def test_a_class_without_objects(self):
        class C:
            pass
        gc.immortalize_heap()
        # It learns as ever: all of these lie in the object itself.
        sizes = set()
        for i in range(5):
            obj = C()
            for name in 'abcdefgh':
                setattr(obj, name, i)
            sizes.add(sys.getsizeof(obj))
            self.assertEqual(vars(obj), dict.fromkeys('abcdefgh', i))


# Tuples in tuples, of objects whose hash is their address.
NESTED = """if 1:
    import gc, resource
    class Own:
        def __hash__(self):
            raise AssertionError('code runs')
    own = Own()
    {make}
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 30
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    print(gc.immortalize_heap()['filled'])
    """


class NestedTests(unittest.TestCase):
    """Each tuple is looked at once, however it can be reached."""

    def filled(self, make):
        import_helper.import_module('resource')
        rc, out, err = assert_python_ok('-c', NESTED.format(make=make))
        return int(out)

    def check(self, make, n):
        less = self.filled('')
        self.assertAlmostEqual(self.filled(make), less + n, delta=n / 10)

    def test_wide(self):
        self.filled('t = Own,\n'
                    '    for i in range(30): t = (t,) * 1000')

    def test_wide_and_never_filled(self):
        self.filled('t = Own, own\n'
                    '    for i in range(30): t = (t,) * 1000')

    def test_shared_and_never_filled(self):
        self.filled('t = *[Own] * 100_000, own\n'
                    '    many = [(Own, t) for i in range(100_000)]')

    def test_deep(self):
        self.check('t = Own,\n'
                   '    for i in range(50_000): t = t, Own', 50_000)

    def test_deep_and_untracked(self):
        self.check('t = 1.5,\n'
                   '    for i in range(50_000):\n'
                   '        t = t, i\n'
                   '        if not i % 1000: gc.collect()', 50_000)

    def test_shared(self):
        self.check('t = tuple([(Own, i) for i in range(50_000)])\n'
                   '    many = [(t, t, i) for i in range(50_000)]', 100_000)


if __name__ == '__main__':
    unittest.main()
