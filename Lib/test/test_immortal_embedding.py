"""An application that starts and ends an interpreter again and again.

Its memory must not grow, but by what it asked to be immortal.
"""

import contextlib
import io
import json
import os
import sys
import unittest
from test import embedding_rounds
from test.embedding_rounds import __main__ as program
from test.support import check_sanitizer, os_helper, requires_subprocess
from unittest import mock

ROUNDS = 24

#: KiB per round.  An arena comes in one round of some, 24 of 1,024 KiB at most;
#: an interpreter has 3,000 and more, in each.
FLAT = 100

#: Then freed memory stays for a while, and a size says nothing.
KEPT = check_sanitizer(address=True)


@requires_subprocess()
class EmbeddingTests(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        home = cls.enterClassContext(os_helper.temp_dir())
        cls.program = os.path.join(home, 'rounds')
        try:
            embedding_rounds.build(sys.executable, cls.program)
        except embedding_rounds.CannotBuild as error:
            raise unittest.SkipTest(str(error)[:200])

    def rounds(self, way, option=None):
        """Run it; a finalizer lost in any round fails here."""
        return embedding_rounds.run(self.program, way, ROUNDS, option=option)

    def check_flat(self, memory, most=FLAT):
        if not KEPT:
            self.assertLess(memory.per_round, most, memory.after)

    def test_nothing_immortal(self):
        self.check_flat(self.rounds('never'))

    def test_subinterpreters(self):
        self.check_flat(self.rounds('subinterpreters'))

    def test_heap_immortal_once(self):
        self.check_flat(self.rounds('first'))

    def test_heap_immortal_each_round(self):
        # What was immortal stays, and no more: an interpreter's memory is
        # more than that, since code, stacks and free memory are in it.
        memory = self.rounds('each')
        self.assertGreater(memory.per_round, FLAT)
        self.check_flat(memory, memory.alive)

    def test_py_runmain(self):
        # The start-up call is made once in a process.
        self.check_flat(self.rounds('main'))

    def test_py_runmain_heap_off(self):
        self.check_flat(self.rounds('main', 'immortal_heap=off'))

    def test_threads(self):
        # A daemon thread keeps its stack, as on stock.
        self.check_flat(self.rounds('threads'), 1024)


@requires_subprocess()
class ProgramTests(unittest.TestCase):
    """What the program says when something is not there, or fails."""

    def setUp(self):
        self.home = self.enterContext(os_helper.temp_dir())

    def python(self, library, compiler):
        """An interpreter that names a library and a compiler."""
        path = os.path.join(self.home, 'python')
        with open(path, 'w') as file:
            print('#!/bin/sh', *(f"echo '{line}'" for line in
                                 (library, compiler, '-I.', '', library)),
                  sep='\n', file=file)
        os.chmod(path, 0o755)
        return path

    def build(self, library, compiler):
        target = os.path.join(self.home, 'rounds')
        embedding_rounds.build(self.python(library, compiler), target)

    def test_nothing_to_build_with(self):
        for library, compiler in ((os.path.join(self.home, 'none.a'), 'cc'),
                                  (__file__, os.path.join(self.home, 'cc'))):
            with self.assertRaises(embedding_rounds.CannotBuild):
                self.build(library, compiler)

    def test_what_does_not_compile_is_no_reason_to_skip(self):
        with self.assertRaisesRegex(RuntimeError, 'it says no'):
            self.build(__file__, "sh -c \"echo it says no; false\"")

    def test_what_does_not_say_how_it_was_built(self):
        path = os.path.join(self.home, 'none')
        for text, said in (('#!/bin/sh\necho no >&2; exit 3', 'no'),
                           ('#!/bin/sh\necho one line', 'not enough values'),
                           ('no program', 'Exec format error')):
            with self.subTest(said):
                with open(path, 'w') as file:
                    file.write(text)
                os.chmod(path, 0o755)
                with self.assertRaisesRegex(RuntimeError, said):
                    embedding_rounds.build(path, 'rounds')

    def run_program(self, *args, run):
        """Run it without building anything; return its status and output."""
        with (mock.patch.object(program, 'build'),
              mock.patch.object(program, 'run', run),
              mock.patch.object(sys, 'argv', ['rounds', *args]),
              contextlib.redirect_stdout(io.StringIO()) as output):
            return int(program.main() or 0), output.getvalue()

    def test_status(self):
        memory = embedding_rounds.Memory([1, 2], [2, 3], [3, 4])

        def run(path, way, rounds, python, option, timeout):
            if way == 'main' or python.endswith('stock'):
                raise RuntimeError('lost')
            return memory

        other = os.path.join(self.home, 'stock')
        with open(other, 'w'):
            os.chmod(other, 0o755)
        for args, wanted in ((['never'], 0), (['main'], 1),
                             (['never', '--compare', other], 0)):
            status, output = self.run_program(*args, run=run)
            self.assertEqual(status, wanted, output)
        status, output = self.run_program('--json', 'never', 'main', run=run)
        self.assertEqual(status, 1)
        self.assertEqual(json.loads(output)[sys.executable],
                         {'never': [3, 4], 'main': 'lost'})

    def test_the_other_is_no_executable(self):
        for path in os.path.join(self.home, 'none'), self.home:
            with (self.subTest(path),
                  contextlib.redirect_stderr(io.StringIO()) as errors,
                  self.assertRaises(SystemExit)):
                self.run_program('--compare', path, run=None)
            self.assertIn(f'{path!r} is not an executable', errors.getvalue())

    def test_sizes(self):
        memory = embedding_rounds.Memory([1, 2], [2, 3], [3072, 4096])
        status, output = self.run_program('never', run=lambda *_, **__: memory)
        self.assertIn('| never | 3.0 | 4.0 | 1024.0 |', output)

    def test_no_end(self):
        path = os.path.join(self.home, 'rounds')
        with open(path, 'w') as file:
            print('#!/bin/sh\nexec sleep 60', file=file)
        os.chmod(path, 0o755)
        with self.assertRaisesRegex(RuntimeError, 'no end after 0.1 seconds'):
            embedding_rounds.run(path, 'never', 2, timeout=0.1)


if __name__ == '__main__':
    unittest.main()
