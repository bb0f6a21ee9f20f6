"""Objects of each small size: their memory is cleared and copied by words.

Larger ones are left to memset() and memcpy(); sizes lie on both sides.  The
tests run with guards around blocks as well, which find out what is written
beyond one.
"""

import functools
import sys
import unittest
from test.support import cpython_only, import_helper, with_pymalloc
from test.support.script_helper import assert_python_ok

# 32 words are 256 bytes; the small-object allocator ends at 512.
SIZES = range(600)
COUNTS = range(80)


class ClearTests(unittest.TestCase):

    def test_bytes(self):
        for n in SIZES:
            # What is freed here is found again below.
            dirty = [b'\xff' * n for _ in range(3)]
            del dirty
            self.assertEqual([bytes(n) for _ in range(3)], [b'\0' * n] * 3)

    def test_lists(self):
        for n in COUNTS:
            dirty = [tuple(range(n)) for _ in range(3)]
            del dirty

            def items():
                # Its length cannot be told, so the list grows.
                yield from range(n)
            self.assertEqual(list(items()), list(range(n)))
            self.assertEqual([None] * n, [None for _ in range(n)])

    def test_instances(self):
        for n in COUNTS:
            slots = [f's{i}' for i in range(n)]
            cls = type('Slots', (), {'__slots__': slots})
            full = [cls() for _ in range(3)]
            for obj in full:
                for name in slots:
                    setattr(obj, name, obj)
            for obj in full:
                for name in slots:
                    delattr(obj, name)
            del full, obj
            for obj in [cls() for _ in range(3)]:
                self.assertEqual([name for name in slots if hasattr(obj, name)], [])

    def test_instances_of_any_number_of_items(self):
        class Tuple(tuple):
            pass
        for n in COUNTS:
            obj = Tuple(range(n))
            self.assertEqual(obj, tuple(range(n)))
            self.assertEqual(obj.__dict__, {})

    def test_dicts(self):
        for n in COUNTS:
            for key in str, int:
                dirty = {key(i): i for i in range(n)}
                del dirty
                made = {}
                self.assertNotIn(key(0), made)
                for i in range(n):
                    made[key(i)] = i
                    self.assertNotIn(key(i + 1), made)
                self.assertEqual(list(made.items()), [(key(i), i) for i in range(n)])
                self.assertEqual(dict.fromkeys(map(key, range(n))), dict.fromkeys(made))


class CopyTests(unittest.TestCase):

    def test_arguments(self):
        def everything(*args, **kwargs):
            return args, kwargs

        class C:
            def __init__(self, *args, **kwargs):
                self.got = args, kwargs

            def method(self, *args, **kwargs):
                return self, args, kwargs

        obj = C()
        for n in COUNTS:
            args = tuple(range(n))
            kwargs = {f'k{i}': i for i in args}
            self.assertEqual(C(*args).got, (args, {}))
            self.assertEqual(C(*args, **kwargs).got, (args, kwargs))
            # Called from C.
            call = functools.partial(obj.method)
            self.assertEqual(call(*args), (obj, args, {}))
            self.assertEqual(call(*args, **kwargs), (obj, args, kwargs))
            split = n // 3
            call = functools.partial(everything, *args[:split])
            self.assertEqual(call(*args[split:]), (args, {}))
            self.assertEqual(call(*args[split:], **kwargs), (args, kwargs))
            if n:
                columns = [(i,) for i in args]
                self.assertEqual(list(map(obj.method, *columns)), [(obj, args, {})])

    def test_frames_of_generators(self):
        for n in COUNTS:
            names = ', '.join(f'v{i}' for i in range(n))
            namespace = {}
            exec(f'def gen({names}):\n'
                 f'    yield [{names}]\n'
                 f'    yield [{names}]\n', namespace)
            values = [object() for _ in range(n)]
            self.assertEqual(list(namespace['gen'](*values)), [values, values])

    def test_arrays_that_grow_and_shrink(self):
        for n in SIZES:
            data = bytes(i % 251 for i in range(n))
            for m in n // 4, n // 2, n - 1, n, n + 1, n + 16, 2 * n, 3 * n:
                if m < 0:
                    continue
                grown = bytearray(data)
                grown.extend(b'\xff' * (m - n))
                del grown[m:]
                self.assertEqual(grown, (data + b'\xff' * (m - n))[:m])
        items = []
        for i in SIZES:
            items.append(i)
            self.assertEqual(items, list(range(i + 1)))
        while items:
            items.pop()
            self.assertEqual(items, list(range(len(items))))


@cpython_only
class CallocTests(unittest.TestCase):

    def test_sizes(self):
        ctypes = import_helper.import_module('ctypes')
        api = ctypes.pythonapi
        root = 1 << (sys.maxsize.bit_length() // 2)
        for prefix in 'PyMem_Raw', 'PyMem_', 'PyObject_':
            calloc = getattr(api, prefix + 'Calloc')
            free = getattr(api, prefix + 'Free')
            calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
            calloc.restype = free.restype = ctypes.c_void_p
            free.argtypes = [ctypes.c_void_p]
            with self.subTest(calloc=calloc.__name__):
                for n in (*SIZES, 1000, 100_000):
                    for nelem, elsize in (n, 1), (1, n), (n, 8), (n, 24), (n, 48):
                        block = calloc(nelem, elsize)
                        self.assertIsNotNone(block)
                        size = nelem * elsize
                        self.assertEqual(ctypes.string_at(block, size), bytes(size))
                        ctypes.memset(block, 0xff, size)
                        free(block)
                for none in (0, 0), (0, 8), (8, 0), (0, 4 * root), (4 * root, 0):
                    block = calloc(*none)
                    self.assertIsNotNone(block)
                    free(block)
                # Each product is too large; most fit again if cut off.
                for nelem, elsize in ((2 * root, root), (2 * root, 2 * root),
                                      (4 * root, root), (4 * root, 4 * root),
                                      (sys.maxsize, 2), (sys.maxsize + 1, 1),
                                      (sys.maxsize + 2, 2),
                                      (2 * sys.maxsize + 1, 48)):
                    self.assertIsNone(calloc(nelem, elsize))
                    self.assertIsNone(calloc(elsize, nelem))


@cpython_only
class GuardedTests(unittest.TestCase):

    @unittest.skipUnless(with_pymalloc(), 'needs pymalloc')
    def test_with_guards_around_blocks(self):
        for case in 'ClearTests', 'CopyTests', 'CallocTests':
            assert_python_ok('-m', 'unittest', '-q', f'test.test_words.{case}',
                             PYTHONMALLOC='pymalloc_debug', __isolated=False)


if __name__ == '__main__':
    unittest.main()
