"""The list of ways, and how a function becomes a script."""

import inspect
import os.path
import textwrap
from test.finalization_ways.probe import DATA

WAYS = {}

with open(os.path.join(os.path.dirname(__file__), 'probe.py')) as _f:
    PROBE = _f.read()


class Way:
    """A script, and how its end is judged.

    probes: the names that must be reported, each exactly once.
    files: what must be in files at the end, {name: content}.
    check: called with the script's directory, returns what is wrong.
    needs: modules without which there is no such way.
    status, stderr: what is expected of the process; stderr is searched for
        each of the given words, and must be empty if there are none.
    anytime: it is not an error to end before the exit.
    """

    def __init__(self, name, source, *probes, files=(), check=None,
                 needs=(), status=0, stderr=(), anytime=False):
        if name in WAYS:
            raise ValueError(f'two ways are called {name!r}')
        if not (probes or files or check):
            probes = ('p',)
        self.name = name
        self.source = source
        self.probes = probes
        self.files = dict(files)
        self.check = check
        self.needs = needs
        self.status = status
        self.stderr = stderr
        self.anytime = anytime
        WAYS[name] = self

    @property
    def script(self):
        end = '' if 'done()' in self.source else '\ndone()\n'
        return f'{PROBE}\n\n# The way: {self.name}\n{self.source}{end}'


def way(name, *probes, **judged):
    """Make the body of the function below the script of a way."""
    def decorator(function):
        lines = inspect.getsource(function).splitlines(keepends=True)
        start = 1 + next(number for number, line in enumerate(lines)
                         if line.startswith('def '))
        Way(name, textwrap.dedent(''.join(lines[start:])), *probes, **judged)
        return function
    return decorator


def file_way(name, filename='out.txt', content=DATA, **judged):
    """Like way(), for one file that must have everything in it."""
    return way(name, files={filename: content}, **judged)


def load():
    """Import all files with ways; return them by name."""
    from test.finalization_ways import (
        attributes, containers, cycles, dels, files, files_held, functions,
        generators, later, library, names, processwide, registries, subclasses,
        threads, weakrefs)
    return WAYS
