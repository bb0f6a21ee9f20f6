"""Shutdown: a failed allocation costs at most what it was for.

By default some positions are tried; TEST_IMMORTAL_FAULTS=all tries each.
"""

import os
import textwrap
import unittest
from test import immortal_exit_support, support
from test.immortal_exit_support import Case, ExitTestCase
from test.support import import_helper

import_helper.import_module('_testcapi')

ALL = os.environ.get('TEST_IMMORTAL_FAULTS') == 'all'
if ALL:
    immortal_exit_support.TIMEOUT = 3600

# Each position has a process of its own, which loses what is allocated there.
# It writes a dot for each of 20 things that are to be finalized.
PROGRAM = """
    import _testcapi, collections, os, re, sys, threading, types, weakref
    class D:
        def __del__(self):
            os.write(1, b'.')
    {make}
    lost = collections.Counter()
    wrong = set()
    # here
    for n in range(0, {positions}, {step}):
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        pid = os.fork()
        if not pid:
            os.dup2(out_end, 1)
            os.dup2(err_end, 2)
            break
        os.close(out_end)
        os.close(err_end)
        with open(out, 'rb') as f:
            lost[20 - f.read().count(b'.')] += 1
        with open(err, 'rb') as f:
            said = f.read().decode()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status not in (0, *{statuses}):
            wrong.add((n, status, said[-200:]))
        if said and not re.search('MemoryError|no memory left', said):
            wrong.add((n, said[-200:]))
    if pid:
        if wrong or max(lost) > {may_be_lost} or min(lost) < 0:
            report = sorted(wrong, key=str)[:3], dict(lost)
            os.write(1, repr(report).encode())
        os.write(1, b'end')
        os._exit(0)
    {begin}
    _testcapi.set_nomemory(n, {end})
    """


def fails(name, make, begin='pass', width=1, may_be_lost=None, positions=210,
          statuses=()):
    """A Case: width allocations fail; None: all from there on.

    make -- makes things, once; begin -- does so in each of the processes.
    """
    make = textwrap.indent(make, '    ').lstrip()
    begin = textwrap.indent(begin, '    ').lstrip()
    if may_be_lost is None:
        may_be_lost = width
    return Case(name, PROGRAM.format(
        make=make, begin=begin, positions=600 if ALL else positions,
        step=1 if ALL else 3,
        statuses=statuses, may_be_lost=may_be_lost,
        end=f'n + {width}' if width else 0))


OBJECTS = ('held = [D() for _ in range(10)]\n'
           'more = {i: D() for i in range(5)}\n'
           'rest = D(), D(), D(), D(), D()')
CYCLES = ('ds = [D() for _ in range(20)]\n'
          'for d in ds: d.all = ds\n'
          'del d')


@support.requires_fork()
class OneTests(ExitTestCase):
    """One allocation fails."""

    cases = (
        fails('objects', OBJECTS),
        fails('objects_of_the_worker', '', OBJECTS),
        fails('cycles', CYCLES),
        fails('garbage', '', CYCLES + '; del ds'),
        fails('set_', '', 's = {D() for _ in range(20)}'),
        fails('untracked', '',
              'class D(int):\n'
              '    __slots__ = ()\n'
              '    __del__ = D.__del__\n'
              'held = [D(i) for i in range(20)]'),
        fails('chain', 'd = None\n'
              'for _ in range(20):\n'
              '    new = D(); new.next = d; d = new\n'
              'del new'),
        fails('modules', 'for i in range(20):\n'
              '    m = types.ModuleType(str(i)); m.d = D()\n'
              '    sys.modules[str(i)] = m\n'
              'del m'),
        fails('classes', '',
              'held = [type("C", (), {"d": D()}) for _ in range(20)]'),
        fails('generators', 'def generator():\n'
              '    try: yield\n'
              '    finally: os.write(1, b".")\n'
              'held = [generator() for _ in range(20)]\n'
              'for g in held: next(g)\n'
              'del g'),
        fails('callbacks', '',
              'class Node: pass\n'
              'def back(r): os.write(1, b".")\n'
              'refs = []\n'
              'for _ in range(20):\n'
              '    node = Node(); node.me = node\n'
              '    refs.append(weakref.ref(node, back))\n'
              'del node'),
        fails('files', '',
              # A debug build warns by default.
              'import warnings\n'
              'warnings.simplefilter("ignore", ResourceWarning)\n'
              'held = [open(os.dup(1), "w") for _ in range(20)]\n'
              'for f in held: f.write(".")\n'
              'del f', statuses=(120,)),
        fails('held_by_startup_objects', '',
              'for i in range(10):\n'
              '    sys.path_hooks.append(D()); setattr(os, f"d{i}", D())'),
    )


@support.requires_fork()
class ManyTests(ExitTestCase):
    """Several fail, or all from one on."""

    cases = (
        fails('two', OBJECTS, width=2),
        fails('two_of_cycles', CYCLES, width=2),
        fails('ten', OBJECTS, width=10),
        fails('hundred', OBJECTS, width=100, may_be_lost=0, statuses=(120,),
              positions=60),
        fails('all', OBJECTS, width=0, may_be_lost=0, statuses=(120,)),
        fails('all_of_cycles', CYCLES, width=0, may_be_lost=0,
              statuses=(120,)),
    )


if __name__ == '__main__':
    unittest.main()
