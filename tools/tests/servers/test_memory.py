"""memory: what the kernel says of processes."""

from __future__ import annotations

import os

from cpatch.servers import memory

ROLLUP = """\
55d0c0a00000-7ffd7f5fe000 ---p 00000000 00:00 0                          [rollup]
Rss:               89500 kB
Pss:               44250 kB
Pss_Dirty:         40000 kB
Shared_Clean:       4096 kB
Shared_Dirty:      12288 kB
Private_Clean:        64 kB
Private_Dirty:     40192 kB
SwapPss:               3 kB
"""


def test_rollup_is_read_in_bytes() -> None:
    found = memory.parse_rollup(ROLLUP)
    assert found["pss"] == 44250 * 1024
    assert found["private_dirty"] == 40192 * 1024
    assert found["swap_pss"] == 3072
    assert memory.parse_rollup("Pss: 1 kB\n")["rss"] == 0


def test_stat_of_a_program_with_a_strange_name() -> None:
    text = "12 (a) b) S 7 12 5 0 -1 4194560 321 9 1 0 30 4 0 0 20 0 1 0 100 1 1"
    found = memory.parse_stat(text)
    assert found == memory.Process(pid=12, parent=7, session=5, minor_faults=321, cpu_ticks=34)
    assert memory.parse_stat(text.replace(") S", ") Z")) is None


def test_sample_of_ourselves() -> None:
    ours = next(each for each in memory.of_session(os.getsid(0)) if each.pid == os.getpid())
    found = memory.usage(ours, "parent")
    assert found
    assert 2**20 < found.private_dirty <= found.pss <= found.rss
