"""Shutdown: very many objects, and one that holds them.

The time it takes grows as their number does, not as its square.
"""

import sys
import unittest
from test.immortal_exit_support import Case, ExitTestCase

# How many: a release build is what the time is asked of.
N = 20_000 if hasattr(sys, 'gettotalrefcount') else 200_000
# Processor time that the end of the program may take, in seconds: less than
# one is enough, and the square of N would take minutes.
LIMIT = 30

PROGRAM = f"""
    import array, collections, itertools, os, resource, sys, types
    def make(): return array.array('b')
    def method(): return types.MethodType(print, make())
    class A: pass
    # here
    many = range({N})
    {{hold}}
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + {LIMIT}
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    os.write(1, b'end')
    """

HOLDERS = {
    'list': 'sys.x = [make() for _ in many]',
    'tuple': 'sys.x = tuple([make() for _ in many])',
    'dict': 'sys.x = {i: make() for i in many}',
    'keys': 'sys.x = {method(): i for i in many}',
    'set': 'sys.x = {method() for _ in many}',
    'deque': 'sys.x = collections.deque(make() for _ in many)',
    'attributes': 'sys.x = A()\n'
                  'for i in many: setattr(sys.x, f"a{i}", make())',
    'one_many_times': 'sys.x = [make()] * len(many)',
    'two_in_turn': 'sys.x = [make(), make()] * len(many)',
    # Something has to be cut off from each.
    'iterators': 'sys.x = [itertools.repeat(make()) for _ in many]',
    'methods': 'sys.x = [method() for _ in many]',
    'lists': 'sys.x = [[make()] for _ in many]',
    'slices': 'sys.x = [slice(slice(make())) for _ in many]',
    # In an order in which neither holders nor what they hold come first.
    'chains': 'x = []\n'
              'for _ in range(20):\n'
              '    op = make()\n'
              '    for _ in range(len(many) // 20):\n'
              '        op = types.MethodType(print, op)\n'
              '        x.append(op)\n'
              'sys.x = [x[i * 76_393 % len(x)] for i in many]\n'
              'del op, x',
    # It leads nowhere.
    'one_dictionary': 'd = {i: i for i in range(20_000)}\n'
                      'sys.x = [[d] for _ in many]',
}


NAMES = {
    # One object that many generators have in a variable, and that the
    # finalizers of many classes name.
    'generators': 'def generator():\n'
                  '    mine = sys.mine\n'
                  '    yield\n'
                  'sys.mine = mine = A()\n'
                  'sys.x = [generator() for _ in many]\n'
                  'for x in sys.x: next(x)\n'
                  'd = {"__del__": lambda self: mine}\n'
                  'sys.y = [type("", (), d)() for _ in many[::100]]',
    # In each of its constants there are many.
    'code_in_code': 'def f(self): pass\n'
                    'c = f.__code__\n'
                    'for _ in range(9):\n'
                    '    c = c.replace(co_consts=(None,) + 20 * (c,))\n'
                    'A.__del__ = types.FunctionType(c, globals())\n'
                    'sys.x = A()',
}


def cases(program, *modes, holders=HOLDERS):
    return tuple(
        Case(name, program.format(hold=hold.replace('\n', '\n    ')),
             modes=modes, needs=('array', 'resource'))
        for name, hold in holders.items())


class LaterTests(ExitTestCase):
    """They came after the call."""

    cases = cases(PROGRAM, 'default', 'call')


class NamesTests(ExitTestCase):
    """Code of finalizers names them."""

    cases = cases(PROGRAM, 'default', 'call', holders=NAMES)


class BeforeTests(ExitTestCase):
    """They were there before the call, and are the heap's own."""

    cases = cases(PROGRAM.replace('    # here\n', '')
                  .replace('    used =', '    # here\n    used ='), 'call')


class UsersTests(ExitTestCase):
    """They may use what was open before the call, for all that is known."""

    cases = tuple(
        Case(name, PROGRAM.format(hold=hold)
             .replace('# here', 'import mmap; x = mmap.mmap(-1, 4096)\n'
                      '    # here\n    import colorsys'),
             modes=('call',), needs=('array', 'mmap', 'resource'))
        for name, hold in (
            ('users', 'colorsys.x = [make() for _ in many]'),
            ('one_user', 'colorsys.x = [make()] * (25 * len(many))'),
        ))


if __name__ == '__main__':
    unittest.main()
