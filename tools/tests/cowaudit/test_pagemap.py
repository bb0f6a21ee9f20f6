"""pagemap: maps and page tables, made up and our own."""

from __future__ import annotations

import subprocess
import sys

import cowaudit.audit
from cowaudit import pagemap

PAGE = pagemap.PAGE

MAPS = """\
55d0c8a00000-55d0c8a21000 r--p 00000000 08:01 393 /usr/bin/python3.11
55d0c8c00000-55d0c8c45000 rw-p 00200000 08:01 393 /usr/bin/python3.11
55d0c8c45000-55d0c8c90000 rw-p 00000000 00:00 0
55d0c9000000-55d0c9400000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000100000 rw-s 00000000 00:01 12 /memfd:a name with blanks (deleted)
7fff00000000-7fff00021000 rw-p 00000000 00:00 0 [stack]
7fff00030000-7fff00034000 r--p 00000000 00:00 0 [vvar]
"""

LOOK_AT_ONESELF = f"""
import sys
sys.path[:0] = {sys.path!r}
import ctypes, os
from cowaudit import pagemap

data = bytearray(300 * pagemap.PAGE)
for page in range(300):
    data[page * pagemap.PAGE] = 1
found = pagemap.snapshot(os.getpid()).exclusive
dirty = pagemap.rollup(os.getpid())["Private_Dirty"]
start = ctypes.addressof(ctypes.c_char.from_buffer(data))
start = -(-start // pagemap.PAGE) * pagemap.PAGE
missing = {{start + page * pagemap.PAGE for page in range(298)}} - found
assert not missing, missing
# Looking at oneself takes some memory, too.
assert abs(len(found) * pagemap.PAGE - dirty) < 1 << 21, (len(found) * pagemap.PAGE, dirty)
"""


class TestPages:
    def test_maps(self) -> None:
        found = pagemap.parse_maps(MAPS)
        assert [each.path for each in found] == [
            "/usr/bin/python3.11",
            "/usr/bin/python3.11",
            "",
            "[heap]",
            "/memfd:a name with blanks (deleted)",
            "[stack]",
        ]
        assert [each.anonymous for each in found] == [False, False, True, True, False, True]
        assert [each.private for each in found] == [True, True, True, True, False, True]
        assert found[1].offset == 0x200000
        assert found[1].end - found[1].start == 0x45000

    def test_pagemap(self) -> None:
        present, swapped, file, exclusive = 1 << 63, 1 << 62, 1 << 61, 1 << 56
        entries = [
            0,
            present | exclusive,
            present,
            present | exclusive | file,
            swapped,
            present | exclusive | 1 << 55,
        ]
        found = pagemap.Snapshot(pagemap.parse_pagemap(0x10000, entries))
        assert sorted(found.pages) == [0x10000 + n * PAGE for n in range(1, 6)]
        assert found.exclusive == {0x10000 + n * PAGE for n in (1, 4, 5)}

    def test_own_pages(self) -> None:
        # In a process of its own: a child of an earlier test that is still dying shares pages
        # with this one, and they become exclusive between one look and the next.
        subprocess.run([sys.executable, "-c", LOOK_AT_ONESELF], check=True, timeout=60)


def test_counts() -> None:
    present, exclusive = 1 << 63, 1 << 56
    before = pagemap.Snapshot(dict.fromkeys(range(10), present | exclusive))
    after = pagemap.Snapshot(
        {0: present, 1: present | exclusive, 2: present | exclusive, 20: present | exclusive}
    )
    assert cowaudit.audit._counts(before, {2, 3}, after) == {
        "exclusive": 3,
        "forked": 1,
        "written": 1,
        "new": 1,
    }
