"""Immortal reference counts: what it takes here for an object to become
immortal, what unaware code may do to it, and every path that changes a count
without going through Py_INCREF() and Py_DECREF()."""

import gc
import sys
import threading
import unittest
import weakref
from test import support
from test.immortal_support import isolated
from test.support import import_helper
from test.support.script_helper import assert_python_ok

imm = import_helper.import_module('_testimmortal')

WORD = sys.maxsize.bit_length() + 1
# How far unaware code may move the count, in either direction.
DRIFT = 2 ** 30 if WORD == 64 else 2 ** 28
if WORD == 64 and hasattr(sys, 'gettotalrefcount'):
    # A debug build takes the last counts of the word for ones below zero.
    DRIFT -= 2 ** 20

SINGLETONS = (None, True, False, Ellipsis, NotImplemented, (), '', b'')


class RepresentationTests(unittest.TestCase):

    @unittest.skipIf(WORD < 64, 'has a layout of its own')
    def test_it_is_upstreams(self):
        # Wheels for cp314 inline it.
        self.assertEqual(imm.REFCNT, 3 << 30)
        self.assertEqual(imm.INCREF_LIMIT, 3 << 30)
        self.assertEqual(sys.getrefcount(None), imm.REFCNT)

    @isolated
    def test_functions_agree(self):
        for obj in (object(), [1, 2], 'mortal %s' % sys.maxsize, 10 ** 20,
                    type('C', (), {}), lambda: None):
            self.assertFalse(gc.is_immortal(obj))
            self.assertFalse(sys._is_immortal(obj))
            imm.set_immortal(obj)
            self.assertTrue(gc.is_immortal(obj))
            self.assertTrue(sys._is_immortal(obj))
            self.assertTrue(imm.is_immortal(obj))

    @isolated
    def test_capi_agrees(self):
        testcapi = import_helper.import_module('_testcapi')
        obj = [1]
        self.assertFalse(testcapi.is_immortal(obj))
        imm.set_immortal(obj)
        self.assertTrue(testcapi.is_immortal(obj))

    @unittest.skipIf(WORD < 64, 'there is no flag')
    @isolated
    def test_the_flag_says_the_same(self):
        # The evaluation stack looks at the flag, in the word's upper half.
        ctypes = import_helper.import_module('ctypes')
        obj = [1]

        def flags():
            at = id(obj) + object.__basicsize__ - 16
            return ctypes.c_uint64.from_address(at).value >> 48
        before = flags()
        self.assertEqual(before & 1, 0)
        imm.set_immortal(obj)
        self.assertEqual(flags(), before | 1)

    def test_incref_and_decref_store_nothing(self):
        for obj in SINGLETONS:
            with self.subTest(obj=obj):
                before = imm.refcnt(obj)
                imm.incref(obj, 1000)
                imm.decref(obj, 3000)
                imm.decref_specialized(obj, 1000)
                self.assertEqual(imm.refcnt(obj), before)

    @unittest.skipUnless(hasattr(sys, 'gettotalrefcount'), 'debug build only')
    def test_showrefcount(self):
        rc, out, err = assert_python_ok('-I', '-X', 'showrefcount', '-c', 'pass')
        line = err.decode().splitlines()[-1]
        self.assertEqual(line, '[0 refs, 0 blocks]')


class StringTests(unittest.TestCase):
    """A string is immortal, and need not be interned."""

    def names(self):
        for i in range(3):
            yield ''.join(['a name of ', str(i), ' by ', str(id(self))])

    @isolated
    def test_interned_later(self):
        for name in self.names():
            imm.set_immortal(name)
            self.assertFalse(sys._is_interned(name))
            again = sys.intern(name)
            self.assertIs(again, name)
            self.assertTrue(sys._is_interned(name))
            self.assertIs(sys.intern(''.join([name])), name)
            self.assertTrue(imm.is_immortal(name))

    @isolated
    def test_interned_before(self):
        for name in self.names():
            name = sys.intern(name)
            self.assertFalse(imm.is_immortal(name))
            imm.set_immortal(name)
            self.assertIs(sys.intern(''.join([name])), name)
            del name
            gc.collect()

    @isolated
    def test_an_equal_one_is_interned(self):
        for name in self.names():
            mortal = sys.intern(''.join([name]))
            imm.set_immortal(name)
            self.assertIs(sys.intern(name), mortal)

    @isolated
    def test_used_as_names_in_code(self):
        # To charge it for each of its references took the compiler minutes.
        name = 'name_%d' % id(self)
        imm.set_immortal(name)
        namespace = {}
        exec(f'{name} = 1\ndef f(): return {name}', namespace)
        self.assertEqual(namespace['f'](), 1)


class DriftTests(unittest.TestCase):
    """Code built with the headers of 3.11 and before moves the counts."""

    @isolated
    def test_drift_changes_nothing(self):
        heap = object()
        imm.set_immortal(heap)
        for obj in (None, True, 7, 'a', (), int, NotImplemented, heap):
            for n in (DRIFT - 10000, -DRIFT + 10000):
                with self.subTest(obj=obj, n=n):
                    imm.drift(obj, imm.REFCNT + n - imm.refcnt(obj))
                    self.assertTrue(imm.is_immortal(obj))
                    holder = [obj] * 1000
                    gc.collect()
                    del holder
                    imm.decref(obj, 1000)
                    self.assertTrue(imm.is_immortal(obj))
            imm.drift(obj, imm.REFCNT - imm.refcnt(obj))

    @isolated
    def test_collector_keeps_a_drifted_container(self):
        for n in (DRIFT - 100, -DRIFT + 100):
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


class ConstantTests(unittest.TestCase):

    @isolated
    def test_specialized_while_it_was_mortal(self):
        namespace = {}
        exec("def f():\n    x = 1234.5678\n    return x", namespace)
        f = namespace['f']
        f()
        value = f.__code__.co_consts[-1]
        self.assertIsInstance(value, float)
        self.assertFalse(imm.is_immortal(value))
        imm.set_immortal(value)
        for i in range(1000):
            f()
        self.assertEqual(imm.refcnt(value), imm.REFCNT)


@support.requires_subprocess()
class ThreadTests(unittest.TestCase):

    @isolated
    def test_counts_in_threads(self):
        obj = [1, 2, 3]
        imm.set_immortal(obj)
        before = imm.refcnt(obj)

        def run():
            for i in range(1000):
                [obj] * 10
        threads = [threading.Thread(target=run) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(imm.refcnt(obj), before)


if __name__ == '__main__':
    unittest.main()
