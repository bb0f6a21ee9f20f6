"""Names that C code and marshalled code give as characters: their interned
string is found without making another one."""

import marshal
import random
import string
import sys
import unittest
from test import support
from test.support import import_helper

ctypes = import_helper.import_module('ctypes')

intern_from_string = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_char_p)(
    ('PyUnicode_InternFromString', ctypes.pythonapi))


def made_anew(text):
    """A str equal to text that nobody else has, with no hash yet."""
    return ''.join(list(text))


def marshalled(chars, interned=True):
    """TYPE_SHORT_ASCII_INTERNED or TYPE_SHORT_ASCII, and TYPE_ASCII...."""
    if len(chars) < 256:
        return (b'Z' if interned else b'z') + bytes([len(chars)]) + chars
    return (b'A' if interned else b'a') + len(chars).to_bytes(4, 'little') + chars


class FromStringTests(unittest.TestCase):

    def check(self, text):
        chars = text.encode()
        name = intern_from_string(chars)
        self.assertEqual(name, text)
        self.assertEqual(len(name), len(text))
        self.assertIs(type(name), str)
        self.assertEqual(hash(name), hash(made_anew(text)))
        self.assertIs(intern_from_string(chars), name)
        self.assertIs(sys.intern(made_anew(text)), name)

    def test_known(self):
        for name in ('append', '__init__', 'sys', 'a', ''):
            with self.subTest(name=name):
                interned = sys.intern(name)
                self.assertIs(intern_from_string(name.encode()), interned)
                self.check(name)

    def test_new(self):
        for n in range(70):
            self.check(f'interned names {n}' + 'x' * n)

    def test_alike(self):
        # The same length, the same beginning, one character apart.
        for n in range(1, 40):
            for c in string.ascii_letters:
                self.check('y' * n + c)

    def test_not_ascii(self):
        for text in ('\xe9', 'na\xefve', '\u20ac', '\U0001f40d name',
                     'x' * 50 + '\xfc'):
            with self.subTest(text=text):
                self.check(text)

    def test_bytes_are_not_characters(self):
        # The bytes of '\xe9' as UTF-8 are the characters of another string.
        text = '\xe9 of latin1'
        other = sys.intern(text.encode().decode('latin1'))
        self.assertEqual(intern_from_string(text.encode()), text)
        self.assertIsNot(intern_from_string(text.encode()), other)
        with self.assertRaises(UnicodeDecodeError):
            intern_from_string(b'\xe9 of latin1')

    def test_after_interned_strings_went(self):
        # Deleted keys leave places in the dictionary that are to be passed by.
        rng = random.Random(1)
        names = {}
        for i in range(5000):
            text = f'here and gone {rng.randrange(500)}'
            if text in names and rng.random() < .5:
                del names[text]
            else:
                name = intern_from_string(text.encode())
                self.assertIs(names.setdefault(text, name), name)

    @support.cpython_only
    def test_references(self):
        name = sys.intern(made_anew('the references of a name'))
        before = sys.getrefcount(name)
        found = [intern_from_string(name.encode()) for _ in range(10)]
        self.assertEqual(sys.getrefcount(name), before + 10)
        del found
        self.assertEqual(sys.getrefcount(name), before)


class MarshalTests(unittest.TestCase):

    def test_interned(self):
        for text in ('append', 'x' * 40, 'y' * 300, 'a', '', 'marshalled'):
            with self.subTest(text=text):
                name = marshal.loads(marshalled(text.encode()))
                self.assertIs(name, sys.intern(made_anew(text)))
                self.assertEqual(hash(name), hash(made_anew(text)))
                self.assertIs(marshal.loads(marshalled(text.encode())), name)

    def test_not_interned(self):
        text = 'never to be interned, hopefully'
        first = marshal.loads(marshalled(text.encode(), interned=False))
        second = marshal.loads(marshalled(text.encode(), interned=False))
        self.assertEqual(first, text)
        self.assertIsNot(first, second)

    def test_references_to_an_interned_string(self):
        text = 'referred to from inside'
        chars = marshalled(text.encode())
        # A tuple of the string, with FLAG_REF, and TYPE_REF to it.
        data = b')\x02' + bytes([chars[0] | 0x80]) + chars[1:] + b'r\0\0\0\0'
        for _ in range(2):
            first, second = marshal.loads(data)
            self.assertEqual(first, text)
            self.assertIs(first, second)

    def test_what_is_not_ascii_after_all(self):
        # Nobody writes this; it has always been read as Latin-1.
        for interned in (True, False):
            text = marshal.loads(marshalled(b'caf\xe9', interned))
            self.assertEqual(text, 'caf\xe9')
            self.assertEqual(hash(text), hash(made_anew('caf\xe9')))

    def test_code(self):
        code = compile('def f(spam, *, ham=None): return spam.eggs(ham)',
                       'x.py', 'exec')
        copy = marshal.loads(marshal.dumps(code))
        self.assertEqual(copy, code)
        inner = next(c for c in copy.co_consts if hasattr(c, 'co_names'))
        for name in inner.co_names + inner.co_varnames:
            self.assertIs(name, sys.intern(made_anew(name)))



if __name__ == '__main__':
    unittest.main()
