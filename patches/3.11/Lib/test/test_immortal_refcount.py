"""Immortal reference counts: representation, births, and every path that
changes a count without going through Py_INCREF() and Py_DECREF()."""

import gc
import sys
import threading
import types
import unittest
import weakref
from test.immortal_support import isolated
from test.support import import_helper
from test.support.script_helper import assert_python_ok
from test.test_embed import EmbeddingTestsMixin, INIT_LOOPS

imm = import_helper.import_module('_testimmortal')

WORD = sys.maxsize.bit_length() + 1
# How far unaware code may move the count, in either direction.
DRIFT = 2 ** 58 if WORD == 64 else 2 ** 27

SINGLETONS = (None, True, False, Ellipsis, NotImplemented, (), '', b'')


def nested(code):
    """A code object, all it holds, and all that holds, and so on."""
    todo = [code]
    while todo:
        obj = todo.pop()
        yield obj
        if isinstance(obj, tuple):
            todo += obj
        elif isinstance(obj, types.CodeType):
            todo += [obj.co_consts, obj.co_names, obj.co_filename,
                     obj.co_name, obj.co_qualname, obj.co_linetable,
                     obj.co_exceptiontable]


class RepresentationTests(unittest.TestCase):

    def test_initial_value_leaves_the_two_highest_bits_free(self):
        self.assertEqual(imm.REFCNT, 1 << (WORD - 3))

    def test_initial_value_is_in_the_middle_of_the_range(self):
        self.assertLessEqual(imm.INCREF_LIMIT, imm.REFCNT - DRIFT)
        self.assertLess(imm.REFCNT + DRIFT, 1 << (WORD - 2))

    def test_field_is_one_word_of_unchanged_size(self):
        ctypes = import_helper.import_module('ctypes')
        # With Py_TRACE_REFS there are two pointers, too.
        words = 4 if hasattr(sys, 'getobjects') else 2
        self.assertEqual(object.__basicsize__, words * WORD // 8)
        obj = object()
        count = ctypes.c_ssize_t.from_address(id(obj) + self.offset())
        self.assertEqual(count.value, 1)
        none = ctypes.c_ssize_t.from_address(id(None) + self.offset())
        self.assertEqual(none.value, imm.REFCNT)

    @staticmethod
    def offset():
        # Py_TRACE_REFS puts its pointers first.
        return object.__basicsize__ - 2 * WORD // 8

    def test_getrefcount_returns_the_stored_count(self):
        self.assertEqual(sys.getrefcount(None), imm.REFCNT)
        self.assertEqual(imm.refcnt(None), imm.REFCNT)

    def test_incref_and_decref_store_nothing(self):
        for obj in SINGLETONS:
            with self.subTest(obj=obj):
                imm.incref(obj, 1000)
                self.assertEqual(imm.refcnt(obj), imm.REFCNT)
                imm.decref(obj, 3000)
                self.assertEqual(imm.refcnt(obj), imm.REFCNT)
                imm.decref_specialized(obj, 1000)
                self.assertEqual(imm.refcnt(obj), imm.REFCNT)

    def test_set_refcnt_leaves_immortals_alone(self):
        for n in (0, 1, -1, imm.REFCNT + 1):
            imm.set_refcnt(None, n)
            self.assertEqual(imm.refcnt(None), imm.REFCNT)

    def test_new_memory_is_not_immortal_whatever_was_there(self):
        for byte in (0, 1, 2, 0x20, 0x3f, 0x7f, 0xcd, 0xdd, 0xfd, 0xff):
            self.assertEqual(imm.init_over(byte), 1, hex(byte))

    def test_set_refcnt_on_memory_a_debug_allocator_filled(self):
        for byte in (0, 0xcb, 0xcd, 0xdb, 0xdd, 0xfb, 0xfd):
            self.assertEqual(imm.set_refcnt_over(byte), 1, hex(byte))

    @unittest.skipUnless(hasattr(sys, 'gettotalrefcount'), 'debug build only')
    def test_total_of_the_debug_build_does_not_count_immortals(self):
        before = sys.gettotalrefcount()
        imm.incref(None, 1000)
        holder = [None] * 1000
        self.assertLess(sys.gettotalrefcount() - before, 100)
        del holder
        imm.decref(None, 1000)
        self.assertLess(abs(sys.gettotalrefcount() - before), 100)

    @unittest.skipUnless(hasattr(sys, 'gettotalrefcount'), 'debug build only')
    def test_showrefcount(self):
        rc, out, err = assert_python_ok('-X', 'showrefcount', '-c', 'pass')
        line = err.decode().splitlines()[-1]
        self.assertEqual(line, '[0 refs, 0 blocks]')


class DriftTests(unittest.TestCase):
    """Code built with unpatched headers moves the counts of immortals."""

    @isolated
    def test_drift_changes_nothing(self):
        heap = object()
        imm.set_immortal(heap)
        for obj in (None, True, 7, 'a', (), int, NotImplemented, heap):
            for n in (DRIFT, -DRIFT):
                with self.subTest(obj=obj, n=n):
                    imm.drift(obj, imm.REFCNT + n - imm.refcnt(obj))
                    count = imm.refcnt(obj)
                    self.assertEqual(count, imm.REFCNT + n)
                    self.assertTrue(imm.is_immortal(obj))
                    imm.incref(obj, 100)
                    imm.decref(obj, 200)
                    imm.decref_specialized(obj, 100)
                    imm.set_refcnt(obj, 1)
                    imm.refcnt_add(obj, 2 ** 31 - 1)
                    self.assertEqual(imm.refcnt(obj), count)
                    holder = [obj] * 1000
                    gc.collect()
                    del holder
                    self.assertEqual(imm.refcnt(obj), count)

    @isolated
    def test_collector_keeps_a_drifted_container(self):
        for n in (DRIFT, -DRIFT, 2 ** (WORD - 3) - 1):
            cls = type('C', (), {})
            cls.attr = obj = [object()]
            obj.append(obj)
            ref = weakref.ref(cls)
            for each in (cls, obj):
                imm.set_immortal(each)
                imm.drift(each, n)
            del cls, obj, each
            gc.collect()
            self.assertIs(ref().attr[1], ref().attr)

    @isolated
    def test_count_that_leaves_the_mortal_range_is_never_a_free(self):
        obj = [1, 2, 3]
        start = imm.INCREF_LIMIT - 5
        imm.drift(obj, start - imm.refcnt(obj))
        imm.incref(obj, 10)
        limit = imm.refcnt(obj)
        # In assembly such a count is passed by already.
        self.assertEqual(limit, start if start > imm.limit()
                         else imm.INCREF_LIMIT)
        imm.decref(obj, 1000)
        self.assertEqual(imm.refcnt(obj), limit)
        # Unaware code gives back what aware code did not count.
        imm.drift(obj, -1000)
        imm.decref(obj, 1000)
        self.assertTrue(imm.is_immortal(obj))
        self.assertEqual(obj, [1, 2, 3])

    @isolated
    def test_bulk_add_saturates(self):
        for start, n in ((10, sys.maxsize), (imm.INCREF_LIMIT - 5, 50),
                         (imm.INCREF_LIMIT - 5, 2 ** 31 - 1)):
            obj = [1, 2, 3]
            imm.drift(obj, start - imm.refcnt(obj))
            imm.refcnt_add(obj, n)
            self.assertEqual(imm.refcnt(obj), imm.REFCNT)
        obj = [1, 2, 3]
        imm.drift(obj, imm.INCREF_LIMIT - 50 - imm.refcnt(obj))
        imm.refcnt_add(obj, 10)
        self.assertTrue(imm.INCREF_LIMIT - 50 < imm.refcnt(obj)
                        < imm.INCREF_LIMIT)


@unittest.skipUnless(WORD == 64, 'there are no counts in between')
class LimitTests(unittest.TestCase):
    """Whatever the machine code compares a count with (Include/immortal.h:
    the stack pointer) lies between the counts of mortals and of immortals."""

    # Nothing has so many references: they would take 32 GiB.
    MOST = 2 ** 32
    LEAST_IMMORTAL = imm.REFCNT - DRIFT

    def check(self):
        self.assertGreater(imm.limit(), self.MOST + 100)
        self.assertLess(imm.limit(), self.LEAST_IMMORTAL)
        obj = [1, 2, 3]
        for count in (100, 2 ** 31, self.MOST):
            imm.drift(obj, count - imm.refcnt(obj))
            before = imm.refcnt(obj)
            imm.incref(obj, 10)
            self.assertEqual(imm.refcnt(obj), before + 10)
            imm.decref(obj, 4)
            imm.decref_specialized(obj, 3)  # by two macros
            self.assertEqual(imm.refcnt(obj), before)
        mine = imm.refcnt(obj)
        holder = [obj] * 1000
        self.assertEqual(imm.refcnt(obj), mine + 1000)
        del holder
        self.assertEqual(imm.refcnt(obj), mine)

    @isolated
    def test_in_the_main_thread(self):
        self.check()

    @isolated
    def test_in_threads(self):
        default = threading.stack_size()
        failed = []

        def run():
            try:
                self.check()
            except BaseException as exc:
                failed.append(exc)

        for size in (default, 256 * 1024, 16 * 2 ** 20):
            threading.stack_size(size)
            threads = [threading.Thread(target=run) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        threading.stack_size(default)
        self.assertEqual(failed, [])

    @isolated
    def test_beyond_the_limit_nothing_is_stored(self):
        # No count gets there but by a leak of that size; whoever frees the
        # object then must not.
        obj = [1, 2, 3]
        imm.drift(obj, imm.INCREF_LIMIT - imm.refcnt(obj))
        imm.incref(obj, 10)
        imm.decref(obj, 1000)
        imm.decref_specialized(obj, 1000)
        self.assertEqual(imm.refcnt(obj), imm.INCREF_LIMIT)


class BirthTests(unittest.TestCase):

    def assertImmortal(self, obj):
        self.assertTrue(imm.is_immortal(obj), f'{obj!r} is mortal')

    def test_strings_of_the_runtime(self):
        for name in ('__init__', '__dict__', 'encoding'):     # _Py_ID()
            self.assertImmortal(sys.intern(str(name.encode(), 'ascii')))
        self.assertImmortal(compile('', '', 'exec').co_name)   # _Py_STR()

    def test_deep_frozen_code_and_all_it_holds(self):
        # These are frozen in every build, whatever the options.
        bootstrap = sys.modules['_frozen_importlib']
        seen = 0
        for function in (bootstrap._find_and_load_unlocked,
                         bootstrap._load_unlocked, bootstrap._handle_fromlist):
            for obj in nested(function.__code__):
                # Interning may have put an equal mortal string in its place.
                if not isinstance(obj, str) or imm.is_immortal(obj):
                    self.assertImmortal(obj)
                    seen += 1
        self.assertGreater(seen, 30)


class ReinitTests(EmbeddingTestsMixin, unittest.TestCase):
    """Static storage is initialised again by each Py_Initialize()."""

    CODE = '''if 1:
        import os, sys, time
        for obj in (sys.flags, sys.version_info, sys.hash_info,
                    time.gmtime(0), os.stat("."), sys.thread_info):
            assert tuple(obj) == obj, obj
            assert len(obj) == type(obj).n_sequence_fields, obj
            assert sys.getrefcount(type(sys.flags)) == sys.getrefcount(None)
        class Derived(OSError): pass
        print([None, True, 7, ""] * 2, time.gmtime(0).tm_year)
    '''

    def test_struct_sequences_in_every_round(self):
        out, err = self.run_embedded_interpreter('test_repeated_init_exec',
                                                 self.CODE)
        line = f'{[None, True, 7, ""] * 2} 1970'
        self.assertEqual(out.splitlines().count(line), INIT_LOOPS)


class BulkTests(unittest.TestCase):

    @unittest.skipIf(WORD < 64, 'the count has 32 bits only')
    @isolated
    def test_bulk_add_beyond_31_and_32_bits(self):
        for n in (2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1):
            obj = object()
            before = imm.refcnt(obj)
            imm.refcnt_add(obj, n)
            self.assertEqual(imm.refcnt(obj), before + n)
            imm.drift(obj, -n)


if __name__ == '__main__':
    unittest.main()
