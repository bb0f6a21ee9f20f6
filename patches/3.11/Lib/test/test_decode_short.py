"""Short ASCII is decoded a word at a time, wherever it begins."""

import codecs
import unittest


def decoded(data):
    """data as UTF-8 after the definition, strictly."""
    text, i = '', 0
    while i < len(data):
        for n in range(1, 5):
            piece = data[i:i + n]
            if len(piece) == n and n == (1 if piece[0] < 0x80 else
                                         2 if piece[0] < 0xe0 else
                                         3 if piece[0] < 0xf0 else 4):
                break
        bits = [b & 0x3f for b in piece[1:]]
        value = piece[0] & (0x7f, 0x1f, 0x0f, 0x07)[n - 1]
        for b in bits:
            value = value << 6 | b
        text += chr(value)
        i += n
    return text


class DecodeTests(unittest.TestCase):

    LETTERS = bytes(range(0x20, 0x7f)) * 2

    def everywhere(self, data):
        """data's UTF-8 decoding, from each place in a word."""
        room = memoryview(bytearray(data) + bytes(24))
        results = []
        for at in range(9):
            room[at:at + len(data)] = data
            text, n = codecs.utf_8_decode(room[at:at + len(data)])
            self.assertEqual(n, len(data))
            results.append(text)
        self.assertEqual(len(set(results)), 1)
        return results[0]

    def test_ascii(self):
        for size in range(70):
            data = self.LETTERS[size:2 * size]
            text = self.everywhere(data)
            self.assertEqual(list(map(ord, text)), list(data))
            self.assertTrue(text.isascii())
            self.assertEqual(data.decode(), text)
            self.assertEqual(data.decode('ascii'), text)
            self.assertEqual(text.encode(), data)

    def test_all_characters(self):
        for c in range(0x80):
            data = bytes([c]) * 13
            self.assertEqual(self.everywhere(data), chr(c) * 13)

    def test_one_that_is_not_ascii(self):
        for size in range(1, 45):
            for at in range(size):
                for other in ('\x80', '\xff', '\u20ac', '\U0001f40d'):
                    data = bytearray(self.LETTERS[:size])
                    data[at:at + 1] = other.encode()
                    with self.subTest(size=size, at=at, other=other):
                        text = self.everywhere(bytes(data))
                        self.assertEqual(text, decoded(data))
                        self.assertEqual(text[at], other)

    def test_errors(self):
        for size in range(1, 45):
            for at in range(size):
                data = bytearray(self.LETTERS[:size])
                data[at] = 0xff
                for encoding in ('utf-8', 'ascii'):
                    with self.assertRaises(UnicodeDecodeError) as caught:
                        bytes(data).decode(encoding)
                    self.assertEqual(caught.exception.start, at)
                    self.assertEqual(caught.exception.end, at + 1)
                    self.assertEqual(
                        bytes(data).decode(encoding, 'replace'),
                        ''.join(chr(b) if b < 0x80 else '\ufffd' for b in data))

    def test_cut_off(self):
        # The end of what is there, not of the buffer, is the end.
        for size in range(45):
            data = self.LETTERS[:size] + '\u20ac'.encode()[:2]
            self.assertEqual(codecs.utf_8_decode(data, 'strict', False),
                             (self.LETTERS[:size].decode('ascii'), size))


if __name__ == '__main__':
    unittest.main()
