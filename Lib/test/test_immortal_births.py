"""Immortal reference counts, however they are represented: what is immortal from
birth, and what adds many references at once.

test_immortal_refcount is about the representation.
"""

import gc
import sys
import unittest
import weakref
from test import support
from test.immortal_support import isolated
from test.support import import_helper
from test.test_embed import EmbeddingTestsMixin

imm = import_helper.import_module('_testimmortal')

SINGLETONS = (None, True, False, Ellipsis, NotImplemented, (), '', b'')


def static_types():
    """All static types that are ready, found from object."""
    found, todo = {object}, [object]
    while todo:
        for cls in type.__subclasses__(todo.pop()):
            if cls not in found:
                found.add(cls)
                todo.append(cls)
    return [cls for cls in found if not cls.__flags__ & (1 << 9)]


class BirthTests(unittest.TestCase):

    def assertImmortal(self, obj):
        self.assertTrue(imm.is_immortal(obj), f'{obj!r} is mortal')

    def test_singletons(self):
        for obj in SINGLETONS:
            self.assertImmortal(obj)

    def test_small_ints_and_no_others(self):
        for i in range(-5, 257):
            self.assertImmortal(i)
        for i in (-6, 257, 10 ** 20):
            self.assertFalse(imm.is_immortal(int(str(i))), i)

    def test_latin1_characters_and_single_bytes(self):
        for i in range(256):
            self.assertImmortal(chr(i))
            self.assertImmortal(bytes([i]))
        self.assertFalse(imm.is_immortal(chr(256)))

    def test_static_types(self):
        types = static_types()
        self.assertGreater(len(types), 150)
        for cls in types:
            self.assertImmortal(cls)

    def test_static_type_of_an_extension(self):
        self.assertIn(imm.StaticType, static_types())
        self.assertImmortal(imm.StaticType)

    def test_heap_types_are_mortal(self):
        ref = weakref.ref(type('C', (), {}))
        gc.collect()
        self.assertIsNone(ref())

    def test_interned_strings_are_mortal(self):
        # gh-113993: immortal ones leak without bound.
        name = sys.intern(f'interned {id(self)} by this test')
        self.assertFalse(imm.is_immortal(name))
        before = sys.getallocatedblocks()
        for i in range(10 ** 4):
            sys.intern(f'interned {i} by this test')
        self.assertLess(sys.getallocatedblocks() - before, 5000)


# With 32 bits, what is compiled in as immortal has a count of its own.
STATIC_REFCNT = imm.REFCNT if sys.maxsize > 2 ** 32 else imm.refcnt(None)


class BulkTests(unittest.TestCase):

    def test_repeat_of_immortals(self):
        for obj in SINGLETONS:
            for seq in ([obj], (obj,), [obj, obj], (obj, obj)):
                holder = seq * 42
                self.assertEqual(imm.refcnt(obj), STATIC_REFCNT)
                del holder
                self.assertEqual(imm.refcnt(obj), STATIC_REFCNT)

    def test_repeat_of_mortals_counts(self):
        obj = object()
        before = imm.refcnt(obj)
        for seq, n in (([obj], 1), ((obj,), 1), ([obj, None, obj], 2),
                       ((None, obj), 1)):
            start = imm.refcnt(obj)
            holder = seq * 42
            self.assertEqual(imm.refcnt(obj), start + 42 * n)
            del holder
            self.assertEqual(imm.refcnt(obj), start)
        del seq
        self.assertEqual(imm.refcnt(obj), before)

    def test_in_place_repeat(self):
        obj = object()
        before = imm.refcnt(obj)
        holder = [obj, None]
        holder *= 42
        self.assertEqual(imm.refcnt(obj), before + 42)
        holder *= 0
        self.assertEqual(imm.refcnt(obj), before)
        self.assertEqual(imm.refcnt(None), STATIC_REFCNT)

    @support.bigmemtest(size=2 ** 31 + 10, memuse=8, dry_run=False)
    def test_repeat_beyond_31_bits(self, size):
        obj = object()
        before = imm.refcnt(obj)
        holder = [obj] * size
        self.assertEqual(imm.refcnt(obj), before + size)
        del holder
        self.assertEqual(imm.refcnt(obj), before)
        holder = (None,) * size
        self.assertEqual(imm.refcnt(None), imm.REFCNT)
        del holder


class ReinitTests(EmbeddingTestsMixin, unittest.TestCase):

    def test_run_main_five_times(self):
        out, err = self.run_embedded_interpreter('test_run_main_loop')
        self.assertEqual(len(out.splitlines()), 5)
        self.assertEqual(err, '')


class DebugTests(unittest.TestCase):

    @unittest.skipUnless(hasattr(sys, 'gettotalrefcount'), 'debug build only')
    @isolated
    def test_total_of_the_debug_build_forgets_what_becomes_immortal(self):
        for obj in (object(), sys.intern('a string interned by this test')):
            imm.incref(obj, 1000)
            before = sys.gettotalrefcount()
            imm.set_immortal(obj)
            lost = before - sys.gettotalrefcount()
            self.assertAlmostEqual(lost, 1000, delta=20)


if __name__ == '__main__':
    unittest.main()
