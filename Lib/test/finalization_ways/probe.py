"""What begins the script of every way: the objects that report their end.

This file is read as text, since the interpreter that runs the script need
not have it.  The ways import it only for the sake of readers and linters.
"""

import abc
import atexit
import builtins
import codecs
import collections
import contextlib
import enum
import functools
import gc
import importlib._bootstrap
import io
import json
import logging
import os
import re
import sys
import threading
import types
import warnings
import weakref

if __name__ == '__main__' and '--wheel' in sys.argv:
    # Here: some ways leave nothing of the import system.
    import immortal_heap

LIBRARY = (
    'sys', 'builtins', 'importlib', 'importlib._bootstrap',
    '_frozen_importlib_external', 'abc', 'atexit', 'codecs', 'collections',
    'enum', 'functools', 'io', 'json', 'json.decoder', 'logging', 'os',
    'posixpath', 're', 'threading', 'types', 'warnings', 'weakref', '_io',
    '_thread', '_weakref', 'encodings.utf_8', 'zipimport')

# Modules that nothing has loaded yet, one for each report.
FRESH = [
    'colorsys', 'sched', 'getopt', 'html.entities', 'netrc', 'nturl2path',
    'pyclbr', 'stringprep', 'tabnanny', 'graphlib', 'filecmp', 'fileinput',
    'cmd', 'quopri', 'timeit', 'trace', 'pstats', 'rlcompleter']

DATA = 'all that was written\n' * 20


def bound(namespace):
    return frozenset([name for name, value in namespace.items()
                      if value is not None])


# Names only: the library's objects must not be kept alive from here.
LOADED = {name: bound(vars(sys.modules[name])) for name in LIBRARY
          if name in sys.modules}
OWN = frozenset()
STAGE = 'early'


def problems():
    """Name what a finalizer misses of what it may count on."""
    if not sys.modules:
        yield 'sys.modules is empty'
    for name, names in LOADED.items() if sys.modules else ():
        module = sys.modules.get(name)
        if module is None:
            yield f'no {name}'
            continue
        for lost in sorted(names - bound(vars(module))):
            yield f'no {name}.{lost}'
    for lost in sorted(map(repr, OWN - bound(globals()))):
        yield f'no global {lost}'
    try:
        fresh = [name for name in FRESH if name not in sys.modules]
        importlib.import_module((fresh or FRESH)[0])
        if json.loads('[42]') != [helper(0)] or not re.match('a', 'a'):
            yield 'wrong results'
        logging.getLogger('probe').debug('%s', weakref.ref(helper))
        codecs.lookup('utf-8')
    except BaseException as e:
        yield f'{type(e).__name__}: {e}'


def helper(number):
    return CONSTANT + number


CONSTANT = 42


def report(name, runs=1):
    """Print one line: whose end, which time, at what stage, what is gone."""
    found = list(problems())
    state = '; '.join(found[:2]) or 'whole'
    if len(found) > 2:
        state += f'; {len(found) - 2} more'
    print(name, runs, STAGE, state)


class Probe:
    """Report the end of an object; others may hang on its attributes."""

    runs = 0

    def __init__(self, name, **attributes):
        self.name = name
        vars(self).update(attributes)

    def __del__(self, write=os.write):
        write(2, f'ran {self.name}\n'.encode())
        self.runs += 1
        report(self.name, self.runs)

    def method(self, *args):
        return None


class Bare:
    """The collector does not know these: they have no header for it."""

    __slots__ = ()

    def __del__(self):
        report('bare')


def user_module(name, source):
    """Write a module beside the script and import it."""
    with open(name + '.py', 'w') as f:
        f.write(source)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def done():
    """End the script; a way that goes on after its last line calls this."""
    global OWN
    # These two the interpreter removes when the script has ended.
    OWN = bound(globals()) - {'__file__', '__cached__'}
    if '--immortalize' in sys.argv:
        gc.immortalize_heap()
    if '--wheel' in sys.argv:
        immortal_heap.immortalize_heap()


# Registered first, so called last.
@atexit.register
def exiting():
    global STAGE
    STAGE = 'exit'
