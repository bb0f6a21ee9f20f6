"""Workers of a fork server share what a module that it preloads made immortal.

docs/servers/multiprocessing.md has PRELOAD and MAIN; a test of the driver
compares them.
"""

import os
import struct
import sys
import unittest
from test import support
from test.support import os_helper, script_helper

# The module that the fork server imports last.
PRELOAD = """\
import gc
import catalogue    # whatever the workers need

gc.immortalize_heap()
"""

MAIN = """\
import multiprocessing

import work


if __name__ == "__main__":
    multiprocessing.set_forkserver_preload(["__main__", "preload"])
    with multiprocessing.get_context("forkserver").Pool(2) as pool:
        print(pool.map(work.do, range(8), chunksize=1))
"""

# Some 26 MB in small objects, and what a worker does with them: it reads each,
# and collects.
CATALOGUE = """\
ENTRIES = [[f'entry {i}', i + 10 ** 6] for i in range(200_000)]
"""

WORK = """\
import gc
import sys

def private_dirty():
    with open('/proc/self/smaps_rollup') as file:
        return sum(int(line.split()[1]) for line in file
                   if line.startswith('Private_Dirty:'))

def do(number):
    there = 'catalogue' in sys.modules
    import catalogue
    before = private_dirty()
    kept = []
    for entry in catalogue.ENTRIES:
        kept.append(entry)
    del kept, entry
    gc.collect()
    return there, gc.is_immortal(catalogue.ENTRIES), private_dirty() - before
"""


@support.requires_fork()
@unittest.skipUnless(sys.platform.startswith('linux'), 'reads /proc')
class ForkServerTests(unittest.TestCase):

    def run_pool(self, preload):
        with os_helper.temp_dir() as there:
            for name, source in (('preload', preload), ('main', MAIN),
                                 ('catalogue', CATALOGUE), ('work', WORK)):
                script_helper.make_script(there, name, source)
            rc, out, err = script_helper.assert_python_ok(
                os.path.join(there, 'main.py'), __isolated=False,
                PYTHONPATH=there)
        self.assertEqual(err, b'')
        return eval(out)

    @support.skip_if_sanitizer('its own memory is written to', address=True)
    def test_workers_share_what_was_preloaded(self):
        found = self.run_pool(PRELOAD)
        self.assertEqual([each[:2] for each in found], [(True, True)] * 8)
        # In KiB.  Measured: -8 to 12; without the call, 24,000 at first.
        self.assertLess(max(each[2] for each in found), 1024, found)

    @support.skip_if_sanitizer('its own memory is written to', address=True)
    def test_workers_write_to_what_is_not_immortal(self):
        # That the test before can fail.
        found = self.run_pool(PRELOAD.replace('gc.immortalize_heap()', ''))
        self.assertEqual([each[:2] for each in found], [(True, False)] * 8)
        least = struct.calcsize('P') * 1024
        self.assertGreater(max(each[2] for each in found), least, found)


if __name__ == '__main__':
    unittest.main()
