"""The dictionary of interned strings begins with the size that start-up
needs."""

import sys
import unittest
from test.support.script_helper import assert_python_ok


class InternedTests(unittest.TestCase):

    def test_it_still_grows(self):
        names = [sys.intern(f'interned {i}') for i in range(20_000)]
        for i, name in enumerate(names):
            self.assertIs(sys.intern(f'interned {i}'), name)

    def test_interned_strings_still_go_away(self):
        code = ('import sys\n'
                'for i in range(10):\n'
                '    before = sys.getallocatedblocks()\n'
                '    names = [sys.intern(f"name {i}") for i in range(3000)]\n'
                '    del names\n'
                'print(sys.getallocatedblocks() - before < 100)')
        rc, out, err = assert_python_ok('-c', code)
        self.assertEqual(out.strip(), b'True')


if __name__ == '__main__':
    unittest.main()
