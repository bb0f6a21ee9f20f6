"""Unpacking, and storing what was unpacked, where some of the objects are
immortal: nothing is lost, nothing is freed too early, and finalizers see what
they would see if each object was counted alone.  Holds in an unpatched
interpreter as well."""

import itertools
import sys
import unittest
from test.test_immortal_borrow import WARM, function

KINDS = 'immortal', 'mortal'
TARGETS = ('a, b', 'a, b, c', 'a, b, c, d', 'a, a', 'a, a, b', 'a, b, b',
           'a, b, a', 'a, a, a', 'a, a, a, b', '(a, b), c', 'a, *b')


class Mortal:
    """Equal to nothing but itself, and counted."""


def make(kind, number):
    return number if kind == 'immortal' else Mortal()


def unpacker(targets, before):
    """A function that unpacks a into the targets, which are bound to the
    items of b before; returns what they are then."""
    names = sorted({*targets} & {*'abcd'})
    body = ['items, old = a, b', 'del a, b']
    if before:
        body += [f'{name} = old[{i}]' for i, name in enumerate(names)]
    body += ['del old', f'{targets} = items', f'return {", ".join(names)},']
    return function('\n'.join(body))


def expected(code, items):
    found = {}
    exec(code, {'items': items}, found)
    return tuple(found[name] for name in sorted(found))


class UnpackTests(unittest.TestCase):
    def check(self, targets, kinds, old_kinds):
        for sequence in tuple, list:
            unpack = unpacker(targets, old_kinds is not None)
            never_specialised = compile(f'{targets} = items', '', 'exec')
            for i in range(WARM):
                items = [make(kind, n) for n, kind in enumerate(kinds)]
                if '(' in targets:
                    items = [tuple(items[:2]), *items[2:]]
                old = [make(kind, 100 + n)
                       for n, kind in enumerate(old_kinds or ())]
                want = expected(never_specialised, items)
                everything = [thing for thing in (*items, *old)
                              if isinstance(thing, Mortal)]
                counts = [*map(sys.getrefcount, everything)]
                found = unpack(sequence(items), old)
                self.assertEqual(found, want)
                del found
                self.assertEqual([*map(sys.getrefcount, everything)], counts)

    def test_all_kinds(self):
        for targets in TARGETS:
            n = len({*targets} & {*'abcd'})
            size = targets.count(',') + 1
            for kinds in itertools.product(KINDS, repeat=size):
                with self.subTest(targets=targets, kinds=kinds):
                    self.check(targets, kinds, None)
                    for old_kinds in itertools.product(KINDS, repeat=n):
                        self.check(targets, kinds, old_kinds)

    def test_finalizer_sees_what_was_stored(self):
        # The first target's old value goes when only that one has been
        # stored; items of a list may go with it.
        for first, second in itertools.product(KINDS, repeat=2):
            for sequence in tuple, list:
                for i in range(WARM):
                    seen = []

                    class Finalized:
                        def __del__(self):
                            where = sys._getframe(1).f_locals
                            seen.append((where['x'], where['y']))
                            if sequence is list:
                                items.clear()

                    def unpack(items, y):
                        x = Finalized()
                        x, y = items
                        return x, y

                    items = sequence([make(first, 1), make(second, 2)])
                    one, two = items
                    self.assertEqual(unpack(items, 7), (one, two))
                    self.assertEqual(seen, [(one, 7)])
                    if sequence is list:
                        self.assertEqual(items, [])

    def test_nothing_to_unpack(self):
        f = function('() = a\n[] = a\nreturn b')
        for i in range(WARM):
            for empty in (), []:
                self.assertEqual(f(empty, i), i)
                with self.assertRaises(ValueError):
                    f((1,), i)

    def test_wrong_sizes(self):
        f = function('x, y, z = a\nreturn x, y, z')
        for i in range(WARM):
            for sequence in tuple, list:
                self.assertEqual(f(sequence('xyz')), ('x', 'y', 'z'))
                for wrong in 'xy', 'wxyz', '':
                    with self.assertRaises(ValueError):
                        f(sequence(wrong))


if __name__ == '__main__':
    unittest.main()
