"""Frames, generators and coroutines that are alive while
gc.immortalize_heap() runs: what they hold is released as ever."""

import asyncio
import gc
import logging
import os
import sys
import threading
import traceback
import unittest
import weakref
from test import support
from test.immortal_support import isolated
from test.support import import_helper, threading_helper


class Thing:
    """Something to refer to, weakly as well."""


def fresh():
    """A mortal object, and a weak reference to it."""
    thing = Thing()
    return thing, weakref.ref(thing)


@isolated
class RunningFrameTests(unittest.TestCase):
    """An object bound after the call dies when the function returns."""

    def test_locals_are_made_immortal(self):
        def inner():
            name = ''.join(['in', 'ner'])
            gc.immortalize_heap()
            return gc.is_immortal(name)

        def outer():
            thing, text = Thing(), ''.join(['out', 'er'])
            answer = inner()
            return answer, gc.is_immortal(thing), gc.is_immortal(text)
        self.assertEqual(outer(), (True, True, True))

    def test_function(self):
        def function():
            gc.immortalize_heap()
            thing, ref = fresh()
            return ref
        self.assertIsNone(function()())

    def test_function_with_a_frame_object(self):
        def function():
            sys._getframe()
            gc.immortalize_heap()
            thing, ref = fresh()
            return ref
        self.assertIsNone(function()())

    def test_frame_object_is_mortal_and_its_frame_released(self):
        def function():
            frame = sys._getframe()
            caller = frame.f_back
            gc.immortalize_heap()
            thing, ref = fresh()
            return ref, gc.is_immortal(frame), gc.is_immortal(caller)
        ref, *answers = function()
        self.assertEqual(answers, [False, False])
        gc.collect()                # frame is in a cycle with itself
        self.assertIsNone(ref())

    def test_callers(self):
        def level(n):
            sys._getframe(n)
            if n:
                refs = level(n - 1)
            else:
                gc.immortalize_heap()
                refs = []
            thing, ref = fresh()
            return [*refs, ref]
        refs = level(5)
        self.assertEqual([ref() for ref in refs], [None] * 6)

    def test_frame_held_by_an_immortal(self):
        held = []

        def function():
            held.append(sys._getframe())
            gc.immortalize_heap()
            thing, ref = fresh()
            return ref
        ref = function()
        self.assertIsNotNone(ref())     # as long as somebody holds the frame
        held.clear()
        gc.collect()
        self.assertIsNone(ref())

    def test_f_locals(self):
        def function():
            gc.immortalize_heap()
            thing, ref = fresh()
            locals(), sys._getframe().f_locals
            return ref
        self.assertIsNone(function()())

    def test_logging_and_traceback_walk_the_stack(self):
        def function():
            logging.getLogger('test.immortal').critical('walks')
            traceback.extract_stack()
            gc.immortalize_heap()
            logging.getLogger('test.immortal').critical('again')
            thing, ref = fresh()
            return ref
        logging.getLogger('test.immortal').addHandler(logging.NullHandler())
        self.assertIsNone(function()())

    def test_handled_exception(self):
        def function():
            try:
                raise ValueError
            except ValueError:
                gc.immortalize_heap()
            thing, ref = fresh()
            return ref
        self.assertIsNone(function()())

    def test_last_exception(self):
        def function():
            thing, ref = fresh()
            refs.append(ref)
            raise ValueError

        refs = []
        try:
            function()
        except ValueError as exc:
            sys.last_value, sys.last_traceback = exc, exc.__traceback__
        gc.immortalize_heap()
        del sys.last_value, sys.last_traceback
        gc.collect()
        # It was alive, and thus is immortal.
        self.assertTrue(gc.is_immortal(refs[0]()))

    def test_class_body_and_comprehension(self):
        class C:
            gc.immortalize_heap()
            thing, ref = fresh()
            del thing
        self.assertIsNone(C.ref())
        refs = [(gc.immortalize_heap(), fresh())[1][1] for i in range(3)]
        self.assertEqual([ref() for ref in refs], [None] * 3)


@isolated
class GeneratorTests(unittest.TestCase):

    def generator(self, refs):
        thing, ref = fresh()
        refs.append(ref)
        try:
            yield 1
            thing, ref = fresh()
            refs.append(ref)
            yield 2
        finally:
            refs.append('finally')

    def test_suspended(self):
        refs = []
        gen = self.generator(refs)
        next(gen)
        gc.immortalize_heap()
        self.assertTrue(gc.is_immortal(gen))
        self.assertEqual(list(gen), [2])
        self.assertIsNone(refs[1]())
        self.assertEqual(refs[2:], ['finally'])

    def test_suspended_with_a_frame_object(self):
        refs = []
        gen = self.generator(refs)
        next(gen)
        gen.gi_frame
        gc.immortalize_heap()
        self.assertEqual(list(gen), [2])
        gc.collect()
        self.assertIsNone(refs[1]())

    def test_closed_and_thrown_into(self):
        for end in (lambda gen: gen.close(),
                    lambda gen: self.assertRaises(KeyError, gen.throw,
                                                  KeyError)):
            refs = []
            gen = self.generator(refs)
            next(gen)
            gc.immortalize_heap()
            self.assertEqual(next(gen), 2)
            end(gen)
            self.assertIsNone(refs[1]())
            self.assertEqual(refs[2:], ['finally'])

    def test_not_started(self):
        refs = []
        gen = self.generator(refs)
        gc.immortalize_heap()
        self.assertEqual(list(gen), [1, 2])
        self.assertEqual([ref() for ref in refs[:2]], [None, None])

    def test_called_by_a_generator(self):
        def generator():
            gc.immortalize_heap()
            thing, ref = fresh()
            yield ref
            gc.immortalize_heap()
            thing, ref = fresh()
            yield ref

        def delegating():
            yield from generator()
        refs = list(delegating())
        self.assertIsNone(refs[1]())
        gen = generator()
        ref = next(gen)
        gen.close()
        self.assertIsNone(ref())

    def test_coroutines(self):
        async def work(refs):
            await asyncio.sleep(0)
            gc.immortalize_heap()
            await asyncio.sleep(0)
            thing, ref = fresh()        # after the last call
            refs.append(ref)

        async def stream():
            for i in range(3):
                yield i
                gc.immortalize_heap()
            thing, ref = fresh()
            yield ref

        async def main():
            refs = []
            await asyncio.gather(*(work(refs) for i in range(3)))
            async for ref in stream():
                pass
            return [*refs, ref]
        for i in range(2):
            refs = asyncio.run(main())
            self.assertEqual([ref() for ref in refs], [None] * 4)

    def test_coroutine_never_awaited(self):
        async def work():
            pass
        coroutine = work()
        gc.immortalize_heap()
        coroutine.close()


@threading_helper.requires_working_threading()
@isolated
class CollectedTests(unittest.TestCase):
    """A deallocator calls, in the middle of a collection."""

    def test_traceback_that_was_cleared(self):
        _testimmortal = import_helper.import_module('_testimmortal')
        frozen = []

        class Caller:
            def __repr__(self):
                frozen.append(gc.immortalize_heap())
                return ''

        def make(caller):
            try:
                1 / 0
            except ZeroDivisionError as e:
                tb = e.__traceback__
            r, w = os.pipe()
            self.addCleanup(os.close, r)
            self.addCleanup(os.close, w)
            # Cleared after tb, in which there is no frame any more, and before
            # what holds tb.
            d = {'c': _testimmortal.PlainWriter(w, b'w', caller)}
            d['d'] = d
            held = [tb]
            held.append(held)

        caller = Caller()
        with support.disable_gc():
            make(caller)
            gc.collect()
        self.assertEqual(len(frozen), 1)


@isolated
class ThreadTests(unittest.TestCase):

    def test_called_in_another_thread(self):
        results, local = [], Thing()
        thread = threading.Thread(
            target=lambda: results.append(gc.immortalize_heap()))
        thread.start()
        thread.join()
        self.assertGreater(results[0]['immortalized'], 1000)
        self.assertTrue(gc.is_immortal(local))

    def test_locals_of_other_threads(self):
        ready, go, results = threading.Event(), threading.Event(), []

        def work():
            text, thing = ''.join(['lo', 'cal']), Thing()
            ready.set()
            go.wait()
            after, ref = fresh()
            results.append((gc.is_immortal(text), gc.is_immortal(thing), ref))
        thread = threading.Thread(target=work)
        thread.start()
        ready.wait()
        gc.immortalize_heap()
        go.set()
        thread.join()
        [(text, thing, ref)] = results
        self.assertEqual((text, thing, ref()), (True, True, None))

    def test_while_threads_run(self):
        stop, errors, rounds = threading.Event(), [], []

        def work(number):
            try:
                n = 0
                while not stop.is_set():
                    data = {f'{i}': [i, (str(i), {i})] for i in range(100)}
                    data['cycle'] = data
                    total = sum(len(data[f'{i}'][1][0]) for i in range(100))
                    if total != 190:
                        raise AssertionError(total)
                    for pair in zip(data.items(), range(100)):
                        n += pair[1]
                rounds.append(n)
            except BaseException as exc:
                errors.append(exc)
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        with threading_helper.start_threads(threads, stop.set):
            for i in range(20):
                gc.immortalize_heap()
                gc.unfreeze()
                gc.collect()
        self.assertEqual(errors, [])
        self.assertEqual(len(rounds), 4)


if __name__ == '__main__':
    unittest.main()
