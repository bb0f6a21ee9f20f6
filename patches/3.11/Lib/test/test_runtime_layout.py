"""Where the state of the runtime lies in memory."""

import sys
import unittest
from test.support import import_helper


class LayoutTests(unittest.TestCase):

    @unittest.skipUnless(sys.platform == 'linux',
                         'Py_ALIGNED() and .PyRuntime: GCC and Clang')
    def test_runtime_state_begins_at_a_cache_line(self):
        ctypes = import_helper.import_module('ctypes')
        runtime = ctypes.c_char.in_dll(ctypes.pythonapi, '_PyRuntime')
        self.assertEqual(ctypes.addressof(runtime) % 64, 0)


if __name__ == '__main__':
    unittest.main()
