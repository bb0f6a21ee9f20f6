"""gc.immortalize_heap() and the allocators: sealed pools, the C heap, memory
that is given back."""

import gc
import inspect
import os
import sys
import unittest
from test.immortal_support import isolated
from test.support import (
    requires_subprocess, skip_if_sanitizer, with_pymalloc)
from test.support.script_helper import assert_python_ok

POOL = 2 ** 14 if sys.maxsize > 2 ** 32 else 2 ** 12
PARTS = {
    'fill': ('filled',),
    'quiet': ('quiet_code',),
    'seal': ('sealed_pools', 'stranded_blocks'),
}
# Without it, there are no pools.
needs_pymalloc = unittest.skipUnless(with_pymalloc(), 'needs pymalloc')
# For what looks at pools in the interpreter as it was started.
runs_on_pymalloc = unittest.skipUnless(
    with_pymalloc() and
    not os.environ.get('PYTHONMALLOC', '').startswith('malloc'),
    'needs pymalloc')
LINUX = sys.platform.startswith('linux')


def pool(obj):
    return id(obj) // POOL


def resident():
    """Resident memory in bytes."""
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * 4096


def half_free(n=2000, size=200):
    """Objects in pools of which every second block is free."""
    objs = [bytes(size) for i in range(n)]
    del objs[::2]
    return objs


@isolated
class PoolTests(unittest.TestCase):

    @runs_on_pymalloc
    def test_new_blocks_come_from_fresh_pools(self):
        # What is lost may be a part of the heap only: make it large enough,
        # however much the imports of this process have left.
        ballast = [bytes(200) for i in range(20_000)]
        old = half_free()
        pools = set(map(pool, old))
        counts = gc.immortalize_heap()
        self.assertGreater(counts['sealed_pools'], len(pools))
        self.assertGreater(counts['stranded_blocks'], 900)
        new = [bytes(200) for i in range(2000)]
        self.assertEqual(pools.intersection(map(pool, new)), set())
        del ballast

    @runs_on_pymalloc
    def test_not_sealed(self):
        old = half_free()
        pools = set(map(pool, old))
        counts = gc.immortalize_heap(seal=False)
        self.assertEqual(counts['sealed_pools'], 0)
        new = [bytes(200) for i in range(100)]
        self.assertGreaterEqual(pools, set(map(pool, new)))

    @runs_on_pymalloc
    def test_free_lists_are_empty(self):
        kept = [[], {}, (1, sys), 1.5 * len(sys.argv)]
        pools = set(map(pool, kept))
        freed = [(sys, i) for i in range(50)], [[] for i in range(50)]
        gc.disable()
        del freed
        gc.immortalize_heap()
        pools.update(map(pool, kept))
        new = [[] for i in range(50)] + [(sys, i) for i in range(50)]
        new += [{} for i in range(50)] + [i * 0.5 for i in range(50)]
        self.assertEqual(pools.intersection(map(pool, new)), set())

    @runs_on_pymalloc
    def test_freed_blocks_are_left_alone(self):
        dicts = [{i: i} for i in range(100)]
        gc.immortalize_heap()
        for d in dicts:
            # Each frees a table of keys, in a sealed pool.
            d.update((i, i) for i in range(10))
        for n, d in enumerate(dicts):
            self.assertEqual(d, {n: n} | {i: i for i in range(10)})
        self.assertGreaterEqual(gc.immortalize_heap()['dropped_blocks'], 100)

    def test_reallocation(self):
        arrays = [bytearray(b'%d' % i) for i in range(100)]
        gc.immortalize_heap()
        for i, array in enumerate(arrays):
            array += b'x' * 300
            self.assertEqual(array, b'%d' % i + b'x' * 300)
            del array[10:]
            self.assertEqual(array, (b'%d' % i + b'x' * 10)[:10])

    def test_everything_is_intact(self):
        # Pages were given back around what is checked here.
        kept, dropped = [], []
        for i in range(50_000):
            # Long runs, whose pools become free, and holes.
            drop = i % 4000 >= 3000 or i % 17 == 0
            (dropped if drop else kept).append((i, b'%d' % i * 20))
        numbers = [i for i, data in kept]
        del dropped
        counts = gc.immortalize_heap()
        if LINUX and counts['sealed_pools']:
            self.assertGreater(counts['released_bytes'], 1_000_000)
        for i in range(10):
            junk = [bytes(n) for n in range(600)]
        for n, (i, data) in zip(numbers, kept, strict=True):
            self.assertEqual(i, n)
            self.assertEqual(data, b'%d' % n * 20)

    def test_a_dense_heap_strands_little(self):
        heap = [{'number': i, 'text': f'text {i}', 'list': [i]}
                for i in range(30_000)]
        size = resident() if LINUX else 30_000 * 500
        counts = gc.immortalize_heap()
        self.assertLess(counts['stranded_bytes'], 0.03 * size)


@isolated
class RepeatTests(unittest.TestCase):

    def test_nothing_is_left_to_do(self):
        gc.immortalize_heap()
        counts = gc.immortalize_heap()
        counts = gc.immortalize_heap()
        # What the calls returned, and the frame's variables.
        self.assertLess(counts['sealed_pools'], 64)
        self.assertLess(counts['stranded_bytes'], 600_000)
        self.assertLess(counts['quiet_code'], 10)

    @unittest.skipUnless(LINUX, 'reads /proc')
    @skip_if_sanitizer('freed memory is kept for a while', address=True)
    def test_memory_of_a_parent_that_reloads(self):
        def reload():
            # What a reload leaves: much garbage between what is kept.
            for i in range(30_000):
                junk.append([i, f'junk {i}', {'n': i}])
                if i % 30 == 0:
                    kept.append([i, f'kept {i}', {'n': i}])
            junk.append(bytearray(300_000))
            kept.append(bytearray(1000))
            junk.clear()
        junk, kept = [], []
        sizes = []
        for i in range(12):
            reload()
            gc.immortalize_heap()
            sizes.append(resident())
        # 1,000 lists of 500 bytes are kept each time.
        self.assertLess(sizes[-1] - sizes[1], 10 * 2_500_000, sizes)


@isolated
class GiveBackTests(unittest.TestCase):

    @unittest.skipUnless(LINUX, 'reads /proc')
    @skip_if_sanitizer('freed memory is kept for a while', address=True)
    def test_a_collection_gives_free_memory_back(self):
        gc.immortalize_heap()
        def work():
            data = [[i, str(i)] for i in range(100_000)]
            data += [bytes(2000) for i in range(5000)]
            self.assertGreater(resident() - before, 15_000_000)
            return sum(int(pair[1]) for pair in data[:100_000])
        before = resident()
        results = set()
        for i in range(3):
            results.add(work())
            gc.collect()
            self.assertLess(resident() - before, 3_000_000)
        self.assertEqual(results, {sum(range(100_000))})

    def test_pools_are_used_again(self):
        gc.immortalize_heap()
        keep = []
        for i in range(20):
            data = [[n, str(n)] for n in range(10_000)]
            keep.append(data[i::2000])
            del data
            gc.collect()
        for i, data in enumerate(keep):
            self.assertEqual(data, [[n, str(n)]
                                    for n in range(i, 10_000, 2000)])


    @needs_pymalloc
    def test_free_pools_between_used_ones(self):
        # All of their pages are given back, and they are used again.
        gc.immortalize_heap()
        kept = []
        for i in range(3):
            data = [bytes(100) for n in range(100_000)]
            pools = set(map(pool, data))
            kept.append(data[::4000])
            del data
            gc.collect()
            used = set(map(pool, kept[-1]))
            self.assertLess(len(used), 30)
            for n in range(3):
                data = [b'%d' % n * 50 for n in range(50_000)]
                self.assertGreater(len(pools.intersection(map(pool, data))),
                                   200)
                self.assertEqual(sum(map(len, data)),
                                 sum(len(str(n)) * 50 for n in range(50_000)))
                sizes = [bytes(16 * (n % 30)) for n in range(10_000)]
                del data, sizes
                if n == 1:
                    gc.collect()
        self.assertEqual({bytes(each) for data in kept for each in data},
                         {bytes(100)})

    @needs_pymalloc
    @unittest.skipUnless(LINUX, 'reads /proc')
    def test_pages_between_what_is_kept(self):
        gc.immortalize_heap()
        gc.collect()
        before = resident()
        data = [bytes(100) for n in range(400_000)]
        kept = data[::10_000]
        del data
        gc.collect()
        # 40 pools are in use; more than 3,000 were.
        self.assertLess(resident() - before, 2_500_000)


KEYS = ('collected', 'frozen', 'immortalized', 'filled', 'quiet_code',
        'sealed_pools', 'stranded_blocks', 'stranded_bytes', 'released_bytes',
        'dropped_blocks')


class KeywordTests(unittest.TestCase):

    def test_signature(self):
        self.assertEqual(str(inspect.signature(gc.immortalize_heap)),
                         '(*, fill=True, quiet=True, seal=True, trim=True)')
        doc = inspect.getdoc(gc.immortalize_heap)
        for word in 'fill', 'quiet', 'seal', 'trim':
            self.assertIn(word, doc)

    @isolated
    def test_result(self):
        counts = gc.immortalize_heap()
        self.assertEqual(tuple(counts), KEYS)
        doc = inspect.getdoc(gc.immortalize_heap)
        for key in KEYS:
            self.assertIn(key, doc)

    @needs_pymalloc
    def test_each_part_alone(self):
        for part in PARTS:
            with self.subTest(part=part):
                others = {p: p == part for p in (*PARTS, 'trim')}
                rc, out, err = assert_python_ok('-c', f"""if 1:
                    import gc, json
                    def warm(x):
                        for i in range(20):
                            x.append(i)
                    warm([])
                    print(json.dumps(gc.immortalize_heap(**{others})))
                    """)
                counts = eval(out)
                for p, keys in PARTS.items():
                    for key in keys:
                        check = (self.assertGreater if p == part
                                 else self.assertEqual)
                        check(counts[key], 0, key)

    def test_keywords_only(self):
        self.assertRaises(TypeError, gc.immortalize_heap, True)
        self.assertRaises(TypeError, gc.immortalize_heap, sealed=True)


@requires_subprocess()
class AllocatorTests(unittest.TestCase):

    PROGRAM = """if 1:
        import gc, sys
        heap = [[i, str(i)] for i in range(10_000)]
        del heap[::3]
        counts = gc.immortalize_heap()
        more = [[i, str(i), bytes(i)] for i in range(3000)]
        del more[::2]
        gc.collect()
        gc.immortalize_heap()
        heap += [[i] for i in range(1000)]
        sys._debugmallocstats()
        assert sys.getallocatedblocks() >= 0
        print(counts['sealed_pools'] > 0)
        """

    def run_with(self, allocator):
        rc, out, err = assert_python_ok('-c', self.PROGRAM,
                                        PYTHONMALLOC=allocator)
        return out.strip(), err

    def test_malloc(self):
        out, err = self.run_with('malloc')
        self.assertEqual(out, b'False')

    def test_malloc_debug(self):
        out, err = self.run_with('malloc_debug')
        self.assertEqual(out, b'False')

    @needs_pymalloc
    def test_pymalloc(self):
        out, err = self.run_with('pymalloc')
        self.assertEqual(out, b'True')
        self.assertIn(b'Total ', err)

    @needs_pymalloc
    def test_pymalloc_debug(self):
        out, err = self.run_with('pymalloc_debug')
        self.assertEqual(out, b'True')


if __name__ == '__main__':
    unittest.main()
