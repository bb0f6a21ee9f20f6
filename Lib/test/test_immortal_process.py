"""gc.immortalize_heap() and the rest of the process: forked children,
subinterpreters, audit and trace hooks, allocators."""

import gc
import os
import sys
import textwrap
import unittest
import weakref
from test import support
from test.immortal_support import isolated
from test.support import import_helper, requires_subprocess
from test.support.script_helper import assert_python_ok

APPLICATION = """if 1:
    import gc, sys, threading, weakref
    import asyncio, collections, dataclasses, datetime, decimal, enum, json
    import logging, pathlib, re, typing

    @dataclasses.dataclass
    class Record:
        number: int
        name: str
        when: datetime.datetime
        def __del__(self):
            deleted.append(self.number)

    deleted = []
    now = datetime.datetime.now(datetime.timezone.utc)
    records = [Record(i, f'record {i}', now) for i in range(1000)]
    cycle = collections.OrderedDict(records=records)
    cycle['self'] = cycle
    first = gc.immortalize_heap()
    second = gc.immortalize_heap()
    assert first['immortalized'] > 10000 > 500 > second['immortalized'], (
        first, second)
    # Life goes on.
    text = json.dumps([record.name for record in records])
    assert re.findall(r'record \\d+', text)[-1] == 'record 999'
    more = [Record(-i, 'more', now) for i in range(1, 1001)]
    more[0].cycle = more
    del more
    gc.collect()
    assert sorted(deleted) == list(range(-1000, 0)), len(deleted)
    deleted.clear()
    assert asyncio.run(asyncio.sleep(0, 'slept')) == 'slept'
    gc.unfreeze()
    gc.collect()
    assert not deleted and records[7].name == 'record 7'
    print('done')
    """


@requires_subprocess()
class SettingsTests(unittest.TestCase):
    """The same application, under settings that watch objects or memory."""

    def check(self, *args, **env):
        with self.subTest(args=args, env=env):
            rc, out, err = assert_python_ok(*args, '-c', APPLICATION, **env)
            self.assertEqual(out.strip(), b'done')
            self.assertNotIn(b'Exception ignored', err)
            return err

    def test_plain(self):
        self.check()

    def test_allocators(self):
        for name in 'debug', 'malloc', 'malloc_debug', 'pymalloc_debug':
            if not support.with_pymalloc() and name.startswith('pymalloc'):
                continue
            self.check(PYTHONMALLOC=name)

    def test_development_mode_and_others(self):
        self.check('-X', 'dev')
        self.check('-X', 'tracemalloc=5')
        self.check('-X', 'faulthandler', '-X', 'importtime')
        self.check('-O', '-X', 'frozen_modules=off')
        self.check(PYTHONIMMORTALHEAP='0')
        self.check(PYTHONHASHSEED='0', PYTHONDUMPREFS='')

    @unittest.skipUnless(hasattr(sys, 'gettotalrefcount'), 'debug build only')
    def test_total_is_not_negative(self):
        err = self.check('-X', 'showrefcount')
        self.assertRegex(err, br'\[\d+ refs, \d+ blocks\]')


@isolated
class HookTests(unittest.TestCase):

    def test_audit_event(self):
        events = []

        def hook(event, args):
            if event.startswith('gc.immortal'):
                events.append((event, args))
        sys.addaudithook(hook)
        gc.immortalize_heap()
        gc.is_immortal(events)
        self.assertEqual(events, [('gc.immortalize_heap', ())])

    def test_audit_hook_may_refuse(self):
        refuse = []

        def hook(event, args):
            if event == 'gc.immortalize_heap' and refuse:
                raise PermissionError('refused')
        sys.addaudithook(hook)
        obj, frozen = [], gc.get_freeze_count()
        refuse.append(True)
        self.assertRaisesRegex(PermissionError, 'refused',
                               gc.immortalize_heap)
        self.assertFalse(gc.is_immortal(obj))
        self.assertEqual(gc.get_freeze_count(), frozen)
        refuse.clear()
        gc.immortalize_heap()
        self.assertTrue(gc.is_immortal(obj))

    def test_called_by_an_audit_hook(self):
        calls = []

        def hook(event, args):
            if event == 'test.immortal':
                calls.append(gc.immortalize_heap())
        sys.addaudithook(hook)
        sys.audit('test.immortal')
        self.assertEqual(len(calls), 1)

    def test_trace_and_profile_functions(self):
        class Thing:
            pass

        for install in sys.settrace, sys.setprofile:
            events = []

            def hook(frame, event, arg):
                if frame.f_code is function.__code__:
                    events.append((event, frame.f_lineno))
                return hook

            def function():
                gc.immortalize_heap()
                thing = Thing()
                return weakref.ref(thing)
            install(hook)
            try:
                refs = [function() for i in range(3)]
            finally:
                install(None)
            self.assertGreaterEqual(len(events), 6)
            del events[:]
            self.assertIsNone(refs[-1]())

    def test_tracemalloc_started_afterwards(self):
        tracemalloc = import_helper.import_module('tracemalloc')
        gc.immortalize_heap()
        tracemalloc.start(3)
        kept = [f'{i}' * 10 for i in range(1000)]
        gc.immortalize_heap()
        snapshot = tracemalloc.take_snapshot()
        tracemalloc.stop()
        self.assertGreater(sum(trace.size for trace in snapshot.traces), 10000)
        self.assertTrue(gc.is_immortal(kept[500]))


@unittest.skipUnless(support.has_fork_support, 'needs os.fork()')
@isolated
class ForkTests(unittest.TestCase):

    def run_child(self, child):
        """Run child() in a fork; return how it ended, and what it wrote."""
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            status = 1
            try:
                os.close(reading)
                child(lambda text: os.write(writing, text.encode()))
                status = 0
            except SystemExit as exc:
                status = exc.code
            finally:
                os._exit(status)
        os.close(writing)
        with open(reading, encoding='ascii') as file:
            text = file.read()
        support.wait_process(pid, exitcode=0)
        return text

    def test_child_collects(self):
        data = [[str(i)] for i in range(1000)]
        gc.immortalize_heap()

        def child(write):
            gc.collect()
            gc.unfreeze()
            gc.collect()
            data.append(data)
            del data[:500]
            write(f'{data[0][0]} {gc.is_immortal(data)}')
        for i in range(3):
            self.assertEqual(self.run_child(child), '500 True')
        self.assertEqual(len(data), 1000)

    def test_child_calls_it_again(self):
        gc.immortalize_heap()
        mortal = [f'{os.getpid()} mortal']

        def child(write):
            gc.immortalize_heap()
            write(str(gc.is_immortal(mortal[0])))
        self.assertEqual(self.run_child(child), 'True')
        self.assertFalse(gc.is_immortal(mortal[0]))


@unittest.skipUnless(support.has_fork_support, 'needs os.fork()')
class ForkingProgramTests(unittest.TestCase):

    def test_ends(self):
        script = textwrap.dedent("""
            import gc, json, os, sys
            data = [[str(i)] for i in range(1000)]
            data.append(data)
            gc.immortalize_heap()
            for leave in sys.exit, os._exit:
                pid = os.fork()
                if not pid:
                    gc.collect()
                    new = [data]
                    new.append(new)
                    sys.stdout.write('child ')
                    sys.stdout.flush()
                    leave(7)
                _, status = os.waitpid(pid, 0)
                assert os.waitstatus_to_exitcode(status) == 7
            print('parent')
            """)
        rc, out, err = assert_python_ok('-c', script)
        self.assertEqual(out.strip(), b'child child parent')
        self.assertEqual(err, b'')

    def test_multiprocessing(self):
        import_helper.import_module('_multiprocessing')
        support.skip_if_broken_multiprocessing_synchronize()
        script = textwrap.dedent("""
            import gc, multiprocessing, sys
            def work(n):
                gc.collect()
                return sum(table[:n]), gc.is_immortal(table)
            if __name__ == '__main__':
                multiprocessing.set_start_method('fork')
                table = [10 ** 6 + i for i in range(1000)]
                gc.immortalize_heap()
                with multiprocessing.Pool(2) as pool:
                    print(pool.map(work, [1, 2, 3]))
                    pool.close()
                    pool.join()
            """)
        rc, out, err = assert_python_ok('-c', script)
        self.assertEqual(out.decode().strip(),
                         '[(1000000, True), (2000001, True), (3000003, True)]')


@isolated
class SubinterpreterTests(unittest.TestCase):

    def setUp(self):
        self.interpreters = import_helper.import_module('_xxsubinterpreters')

    def run_in_new(self, script):
        interp = self.interpreters.create()
        try:
            self.interpreters.run_string(interp, textwrap.dedent(script))
        finally:
            self.interpreters.destroy(interp)

    def test_error(self):
        reading, writing = os.pipe()
        self.run_in_new(f"""
            import gc, os
            try:
                gc.immortalize_heap()
            except RuntimeError as exc:
                answer = str(exc)
            else:
                answer = 'no error'
            mine = [1.5]
            answer += f' {{gc.is_immortal(None)}} {{gc.is_immortal(mine)}}'
            os.write({writing}, answer.encode())
            os.close({writing})
            """)
        with open(reading, encoding='utf-8') as file:
            text = file.read()
        self.assertRegex(text, '(?i)main interpreter.* True False$')

    def test_created_and_destroyed_afterwards(self):
        def check(n):
            for i in range(n):
                self.run_in_new("""
                    import gc, json, re, datetime, decimal, itertools, struct
                    import collections, functools, io, random, threading
                    assert json.loads(json.dumps({'key': [1, 2]})) is not None
                    assert re.match('a+', 'aaa').end() == 3
                    class C(collections.OrderedDict, metaclass=type):
                        def __del__(self):
                            global deleted
                            deleted = True
                    c = C()
                    c['self'] = c
                    del c
                    gc.collect()
                    assert deleted
                    gc.freeze()
                    """)
        check(1)
        gc.immortalize_heap()
        check(20)
        gc.immortalize_heap()
        gc.unfreeze()
        gc.collect()
        check(2)

    def test_created_before_and_destroyed_afterwards(self):
        interps = [self.interpreters.create() for i in range(3)]
        script = 'import gc, json, datetime; gc.collect(); gc.freeze()'
        for interp in interps:
            self.interpreters.run_string(interp, script)
        gc.immortalize_heap()
        for interp in interps:
            self.interpreters.run_string(interp, script + '; gc.unfreeze()')
            self.interpreters.destroy(interp)
        gc.unfreeze()
        gc.collect()
        gc.immortalize_heap()


if __name__ == '__main__':
    unittest.main()
