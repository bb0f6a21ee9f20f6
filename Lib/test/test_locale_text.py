"""Text is encoded to the locale's encoding in one piece, with the same result
as character by character."""

import locale
import unittest
from test.support import import_helper

_testinternalcapi = import_helper.import_module('_testinternalcapi')

LOCALES = ('C', 'C.UTF-8', 'en_US.UTF-8', 'fr_FR.ISO8859-1', 'ja_JP.EUC-JP',
           'zh_CN.GBK', 'ja_JP.SJIS')
TEXTS = ('', 'a', '/usr/lib/python', 'caf\xe9', '\xa5\\', '\u20ac', '\u3042' * 9,
         '\U0001f40d', 'a\U0001f40d\u3042' * 50, '\x7f\x80\xff', 'x' * 5000,
         'x' * 5000 + '\u20ac', '\udc80', 'a\udcffb', '\ud800', 'a\ud800b',
         '\udfff', 'end\udc7f', '\udd00', '\U0010ffff')


def encode(text, errors):
    try:
        return _testinternalcapi.EncodeLocaleEx(text, 1, errors)
    except RuntimeError as error:
        return str(error)


class EncodeTests(unittest.TestCase):

    def check(self, text, errors):
        """Compare with the text's characters, each on its own."""
        expected = b''
        for i, char in enumerate(text):
            piece = encode(char, errors)
            if isinstance(piece, str):
                expected = piece.replace('pos=0', f'pos={i}')
                break
            expected += piece
        self.assertEqual(encode(text, errors), expected, (text, errors))

    def test_whole_and_in_parts(self):
        self.addCleanup(locale.setlocale, locale.LC_CTYPE,
                        locale.setlocale(locale.LC_CTYPE))
        for name in LOCALES:
            try:
                locale.setlocale(locale.LC_CTYPE, name)
            except locale.Error:
                continue
            for text in TEXTS:
                for errors in 'strict', 'surrogateescape':
                    with self.subTest(locale=name, text=text, errors=errors):
                        self.check(text, errors)


if __name__ == '__main__':
    unittest.main()
