"""What a forked worker un-shares of an immortal heap, page by page."""

import os
import platform
import struct
import sys
import unittest
from test import support
from test.support.script_helper import assert_python_ok

EXCLUSIVE, FILE, PRESENT = 1 << 56, 1 << 61, 1 << 63
MEGABYTE = 1 << 20

# A parent with many of the library's modules and a catalogue of its own, two
# workers, of which one does nothing, and what the other one does.
PROGRAM = """if 1:
    import gc, os, sys
    sys.path.insert(0, {directory!r})
    from test import test_immortal_shared as pages
    import argparse, ast, asyncio, collections, csv, datetime, decimal, difflib
    import email, fractions, html, http.client, json, logging, pickle, random
    import re, statistics, string, textwrap, tokenize, unittest, urllib.request
    class Node:
        def __init__(self, i):
            self.number, self.name = i, f'node {{i}}'
            self.attributes = {{'id': i, 'weight': i * 0.5, 'text': str(i) * 9}}
    class Slots:
        __slots__ = 'a', 'b'
        def __init__(self, i):
            self.a, self.b = [i, str(i)], (i + 1000, f'slot {{i}}')
    nodes = [Node(i) for i in range(5000)]
    slots = [Slots(i) for i in range(5000)]
    def read():
        seen = set()
        for node in nodes:
            seen.add(node.name)
            for key, value in node.attributes.items():
                seen.add((key, value))
        for slot in slots:
            seen.add((slot.a[1], slot.b))
        return len(seen)
    def use():
        for node in nodes[::50]:
            data = json.loads(json.dumps(node.attributes))
            re.sub('[0-9]+', 'n', node.name).title()
            string.Template('$id').substitute(data)
            decimal.Decimal(node.number).sqrt()
    def churn():
        junk = [[i, str(i), {{'n': i}}] for i in range(10_000)]
        junk = {{str(i): junk[i] for i in range(0, 10_000, 2)}}
    def work():
        gc.collect()
        read(), use(), churn()
        gc.collect()
    use()
    {call}
    print(*pages.growth({rounds}, work))
    """

# A parent with objects that keep their hash once it is computed, and with others,
# whose hash is code.
HASHES = """if 1:
    import collections, gc, sys
    sys.path.insert(0, {directory!r})
    from test import test_immortal_shared as pages
    Pair = collections.namedtuple('Pair', 'a b')
    class Text(str):
        pass
    class Own:
        hashed = 0
        def __hash__(self):
            Own.hashed += 1
            return 5
    own = Own()
    kept = [(i + 1000, str(i), (i, None)) for i in range(5000)]
    kept += [(Pair, (i, 1.5)) for i in range(5000)]
    kept += [Pair(i, str(i)) for i in range(5000)]
    kept += [frozenset({{i, str(i)}}) for i in range(5000)]
    kept += [Text(f'text {{i}}') for i in range(5000)]
    for obj in kept[::2]:
        # As if it had not been hashed, for every other one.
        hash(obj)
    others = (own, 1), (1, (2, (own,))), (), ((),), ([],)
    {call}
    assert Own.hashed == 0
    def work():
        for obj in kept:
            hash(obj)
    print(*pages.growth(1, work))
    assert hash(others[0]) == hash((Own(), 1)), Own.hashed
    assert hash(others[1]) == hash((1, (2, (Own(),)))), Own.hashed
    try:
        hash(others[4])
    except TypeError:
        pass
    for obj in kept[:5000]:
        assert hash(obj) == hash((*obj,))
    """


def pages(pid):
    """The pages of private memory that are present: address -> exclusive."""
    found = {}
    with open(f'/proc/{pid}/maps') as maps, \
         open(f'/proc/{pid}/pagemap', 'rb', 0) as pagemap:
        for line in maps:
            bounds, mode = line.split()[:2]
            if 'w' not in mode:
                continue
            start, end = (int(bound, 16) for bound in bounds.split('-'))
            pagemap.seek(start // 4096 * 8)
            data = pagemap.read((end - start) // 4096 * 8)
            for i, (page,) in enumerate(struct.iter_unpack('=Q', data)):
                if page & PRESENT and not page & FILE:
                    found[start + i * 4096] = bool(page & EXCLUSIVE)
    return found


def worker(work):
    """Fork a worker; return what it holds for itself, in bytes."""
    ready, done = os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        try:
            work()
            os.write(ready[1], b'.')
            os.close(done[1])
            os.read(done[0], 1)
        finally:
            os._exit(0)
    os.close(ready[1])
    ok = os.read(ready[0], 1)
    size = 4096 * sum(pages(pid).values()) if ok else -1
    os.close(done[1])
    os.waitpid(pid, 0)
    for fd in ready[0], done[0]:
        os.close(fd)
    return size


def growth(rounds, work):
    """Return the private memory of a worker that does nothing, and what one
    that works has more, in bytes."""
    def repeat():
        for i in range(rounds):
            work()
    idle = worker(int)
    busy = worker(repeat)
    return idle, busy - idle


def readable():
    if support.check_sanitizer(address=True):
        # Its shadow is mapped, terabytes that cannot be read at once.
        return False
    try:
        return any(pages('self').values())
    except OSError:
        return False


@support.requires_fork()
@support.skip_if_sanitizer('its own memory is written to', address=True)
@unittest.skipUnless(sys.platform.startswith('linux') and readable(),
                     'needs /proc/PID/pagemap')
class SharedTests(unittest.TestCase):

    def growth(self, call, rounds=1, program=PROGRAM):
        program = program.format(directory=os.path.dirname(
            os.path.dirname(__file__)), call=call, rounds=rounds)
        rc, out, err = assert_python_ok('-c', program)
        idle, grown = map(int, out.split())
        self.assertGreater(idle, 0)
        return idle, grown

    def test_worker(self):
        idle, grown = self.growth('gc.immortalize_heap()')
        self.assertLess(idle, MEGABYTE)
        self.assertLess(grown, MEGABYTE)

    def test_ten_times_the_work(self):
        idle, grown = self.growth('gc.immortalize_heap()', rounds=10)
        self.assertLess(grown, 2 * MEGABYTE)

    def test_without(self):
        # So much is at stake; the test above can fail.
        idle, grown = self.growth('gc.collect(); gc.freeze()')
        self.assertGreater(grown, struct.calcsize('P') * MEGABYTE // 2)

    def test_each_part_matters(self):
        idle, least = self.growth('gc.immortalize_heap()')
        # What there is to seal is pymalloc's, and to trim, glibc's.
        there = {'seal': support.with_pymalloc(),
                 'trim': platform.libc_ver()[0] == 'glibc'}
        for part in (part for part in there if there[part]):
            with self.subTest(part=part):
                idle, grown = self.growth(f'gc.immortalize_heap({part}=False)')
                self.assertGreater(grown, least + 100_000)

    def test_hashes(self):
        idle, least = self.growth('gc.immortalize_heap()', program=HASHES)
        self.assertLess(least, 300_000)
        idle, grown = self.growth('gc.immortalize_heap(fill=False)',
                                  program=HASHES)
        self.assertGreater(grown, least + 300_000)

    def test_second_call(self):
        idle, grown = self.growth(
            'gc.immortalize_heap(); nodes += [Node(i) for i in range(5000)]; '
            'use(); gc.immortalize_heap()')
        self.assertLess(grown, MEGABYTE)


if __name__ == '__main__':
    unittest.main()
