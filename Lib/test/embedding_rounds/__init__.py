"""Rounds of Py_Initialize() and Py_FinalizeEx() in one process: rounds.c.

    python -m test.embedding_rounds [--rounds N] [--compare STOCK] [WAY ...]

prints a table: how much memory a process has after the first round and after
the last, and how much each round between left behind.
"""

import dataclasses
import os
import shlex
import shutil
import subprocess
import sys

SOURCE = os.path.join(os.path.dirname(__file__), 'rounds.c')
WAYS = 'never', 'first', 'each', 'threads', 'subinterpreters', 'main'

#: After so many rounds what is made once was made: arenas, caches, stacks.
WARM = 8

_CONFIGURATION = """
import os, sysconfig
value = sysconfig.get_config_var
if sysconfig.is_python_build():
    headers, library = os.path.join(value('srcdir'), 'Include'), value('abs_builddir')
else:
    headers, library = sysconfig.get_path('include'), value('LIBPL')
library = os.path.join(library, value('LIBRARY'))
print(library)
print(value('CC'))
print('-I' + headers, '-I' + os.path.dirname(sysconfig.get_config_h_filename()))
# As the program python itself is linked: a sanitizer's library is in the flags.
print(*map(value, ('PY_CORE_LDFLAGS', 'LINKFORSHARED')))
print(library, *map(value, ('LIBS', 'MODLIBS', 'SYSLIBS')))
"""


class CannotBuild(Exception):
    """There is no compiler, or no static library to link.

    What a compiler refuses is no such thing: it is a RuntimeError.
    """


@dataclasses.dataclass
class Memory:
    """Resident memory in KiB: before, during and after each round."""

    before: list
    during: list
    after: list

    @property
    def per_round(self):
        """KiB that a round leaves behind, once what is made once was made."""
        warm = min(WARM, len(self.after) // 2)
        return ((self.after[-1] - self.after[warm - 1])
                / (len(self.after) - warm))

    @property
    def alive(self):
        """KiB that the first interpreter had in all, just before its end."""
        return self.during[0] - self.before[0]


def build(python, target):
    """Compile rounds.c with the library of *python*.

    CannotBuild if there is nothing to compile or link with; RuntimeError if
    it does not compile or link, or *python* does not say how to.
    """
    try:
        asked = subprocess.run([python, '-c', _CONFIGURATION], text=True,
                               check=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        library, compiler, headers, flags, link = asked.stdout.splitlines()
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        said = (getattr(error, 'stderr', None) or str(error)).strip()
        raise RuntimeError(f'{python} does not say how it was built:\n'
                           f'{said[-2000:]}') from None
    if not os.path.exists(library):
        raise CannotBuild(f'{python} has no static library {library}')
    command = [*shlex.split(compiler), '-O1', '-g', *shlex.split(headers),
               *shlex.split(flags), SOURCE, *shlex.split(link), '-o', target]
    if shutil.which(command[0]) is None:
        raise CannotBuild(f'no compiler {command[0]}')
    done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f'{shlex.join(command)}:\n{done.stdout}')


def run(program, way, rounds, python=sys.executable, option=None,
        timeout=300):
    """Run *rounds* of *way* and return their Memory.

    RuntimeError if the program fails: what it printed, and how it ended; or
    if it has not ended after *timeout* seconds.
    """
    command = [program, way, str(rounds), python]
    if option:
        command.append(option)
    env = {name: value for name, value in os.environ.items()
           if not name.startswith('PYTHON')}
    try:
        done = subprocess.run(command, env=env, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f'{shlex.join(command)}: '
                           f'no end after {timeout} seconds') from None
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != rounds:
        raise RuntimeError(f'{shlex.join(command)}: exit code '
                           f'{done.returncode}:\n{done.stdout[-2000:]}')
    columns = zip(*(map(int, line.split()) for line in lines))
    return Memory(*map(list, columns))
