"""Shared by the tests of shutdown: programs that end, each in a child process.

A program runs in three modes: as it is, with -X immortal_heap=off, and with
gc.immortalize_heap() called at its line "# here".
"""

import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import textwrap
import typing
import unittest
from test.support import import_helper

# A child that takes longer hangs, in seconds: what the interpreter grants to
# waits and to sleeping at exit is 15 in all.
TIMEOUT = 60
HERE = re.compile(r'^( *)# here$', re.MULTILINE)
CALL = 'gc_.immortalize_heap()'
IMPORTS = 'import gc as gc_\n'
MODES = ('default', 'off', 'call')

# How a report of an exception begins that nobody can catch.
IGNORED = 'Exception ignored ' + (
    'in' if sys.version_info < (3, 14) else '(?:in|on|while)') + r'\b'


class Case(typing.NamedTuple):
    """A program, and what is to be seen of it.

    out   -- stdout, without white space at its end.
    told  -- what -X dev says of it on stderr; None: it does not matter.
    any_order -- do the bytes of stdout come in no particular order?
    modes -- those of MODES in which it runs.
    err   -- a regular expression for all of stderr.
    needs -- modules without which there is nothing to test.
    """

    name: str
    program: str
    out: str = 'end'
    told: str | None = None
    any_order: bool = False
    modes: tuple[str, ...] = MODES
    err: str = ''
    status: int = 0
    needs: tuple[str, ...] = ()


class Ended(typing.NamedTuple):
    """How a child ended: its status, None for one that hangs, and output."""

    status: int | None
    out: str
    err: str


def environment():
    """What children get: no variable that changes how Python runs."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith('PYTHON') or name == 'PYTHONPATH'}


# A debug build warns of what a release build ignores by default. In a
# subinterpreter, -W does not change that.
RESOURCES = re.compile(
    r'^(?!  ).*ResourceWarning: .*\n?(?:  .*\n)?', re.MULTILINE)


def run(program, mode='default'):
    """Run a program in a mode; 'dev' is -X dev. Returns an Ended.

    What it has started is killed with it if it hangs.
    """
    options = {'off': ['-X', 'immortal_heap=off'], 'dev': ['-X', 'dev']}
    program = textwrap.dedent(program)
    if mode == 'call':
        program, found = HERE.subn(rf'\1{CALL}', program)
        if not found:
            raise ValueError('the program has no line "# here"')
        program = IMPORTS + program
    with subprocess.Popen(
            [sys.executable, *options.get(mode, ()), '-c', program],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors='backslashreplace',
            env=environment(), start_new_session=True) as child:
        try:
            out, err = child.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return Ended(None, *child.communicate())
    if mode != 'dev' and hasattr(sys, 'gettotalrefcount'):
        err = RESOURCES.sub('', err)
    return Ended(child.returncode, out.strip(), err.strip())


class ExitTestCase(unittest.TestCase):
    """A test for each Case in the attribute cases; a sub-test for each mode.

    All children of a class run at the same time, as many as workers says.
    """

    cases: typing.Sequence[Case] = ()
    workers = 4

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for case in cls.cases:
            name = f'test_{case.name}'
            if hasattr(cls, name):
                raise ValueError(f'two cases have the name {case.name}')
            def test(self, case=case):
                self.check(case)
            test.__name__ = name
            test.__qualname__ = f'{cls.__qualname__}.{name}'
            setattr(cls, name, test)

    @classmethod
    def setUpClass(cls):
        pool = concurrent.futures.ThreadPoolExecutor(cls.workers)
        cls.addClassCleanup(pool.shutdown, cancel_futures=True)
        cls.children = {}
        for case in cls.cases:
            for mode in (*case.modes, *(['dev'] if case.told else [])):
                cls.children[case.name, mode] = pool.submit(
                    run, case.program, mode)

    def check(self, case):
        """Fail unless the program of case ended as it should."""
        for module in case.needs:
            import_helper.import_module(module)
        want = case.out
        if case.any_order:
            want = ''.join(sorted(want))
        for mode in case.modes:
            with self.subTest(mode=mode):
                status, out, err = self.children[case.name, mode].result()
                if case.any_order:
                    out = ''.join(sorted(out))
                self.assertIsNotNone(status, f'hangs: {out!r} {err!r}')
                self.assertEqual((status, out), (case.status, want), err)
                self.assertTrue(re.fullmatch(case.err, err, re.DOTALL), err)
        if case.told:
            with self.subTest(mode='dev'):
                status, out, err = self.children[case.name, 'dev'].result()
                self.assertEqual((status, out), (case.status, want), err)
                self.assertIn(case.told, err)
