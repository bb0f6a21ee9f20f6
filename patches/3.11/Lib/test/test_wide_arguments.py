"""Instructions whose argument does not fit in their second byte, before and
after the code is specialized."""

import unittest


def build(lines):
    """The function f() with these lines."""
    namespace = {}
    exec('def f():\n' + '\n'.join(f'    {line}' for line in lines), namespace)
    return namespace['f']


class WideArgumentTests(unittest.TestCase):

    def check(self, n):
        """n constants and variables, and a jump back over all of it."""
        lines = ['found = []', 'for turn in range(12):']
        lines += [f'    v{i} = {i}.5' for i in range(n)]
        chosen = sorted({0, 1, 127, 128, 254, 255, 256, 257, n // 2, n - 1})
        for i in chosen:
            lines += [f'    if v{i} != {i}.5: return {i}',
                      f'    v{i} = -v{i} - 1.25',
                      f'    found.append(v{i})']
        lines += ['    if found[-1] == turn: continue', 'return found']
        f = build(lines)
        for _ in range(2):
            found = f()
            self.assertIsInstance(found, list, f'v{found} is wrong')
            turn = [-(i + .5) - 1.25 for i in chosen]
            self.assertEqual(found, turn * 12)
        self.assertGreater(len(f.__code__.co_consts), n)
        self.assertGreater(f.__code__.co_nlocals, n)

    def test_little_more_than_a_byte(self):
        self.check(258)

    def test_two_bytes(self):
        self.check(600)

    def test_three_bytes(self):
        self.check(70_000)


if __name__ == '__main__':
    unittest.main()
