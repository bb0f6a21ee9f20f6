"""Run ways on an interpreter and judge how they end."""

import argparse
import collections
import concurrent.futures
import importlib
import os
import subprocess
import sys
import tempfile
from test import support
from test.finalization_ways.registry import load

# Two at a time: as many as the smallest machine these must pass on has.
WORKERS = 2

MODES = {
    'default': ((), ()),
    'immortalize': ((), ('--immortalize',)),
    'off': (('-X', 'immortal_heap=off'), ()),
}

# What an unpatched interpreter can be asked for, if it has the wheel.
OPTIONS = {**MODES, 'wheel': ((), ('--wheel',))}

# What opens a file with such a suffix, and the error that only this raises.
# Any of these may be missing; ways that need one say so.
PACKED = {
    '.gz': ('gzip', None),
    '.bz2': ('bz2', None),
    '.xz': ('lzma', 'LZMAError'),
    '.zst': ('compression.zstd', 'ZstdError'),
}

Result = collections.namedtuple('Result', 'name verdict detail')
Result.__doc__ = """How a way ended.

whole: as it must.  torn: every finalizer ran once, but missed something.
lost: one did not run.  mute: one ran, but its report is lost.
twice: one ran again.
early: one ran before the exit.  file: data are missing.
noise: unexpected stderr.  status: exit status.  hung.  skipped.
"""


def executable(path):
    """The absolute path of an executable: an argument's type, for argparse.

    It is absolute because what it runs may have a folder of its own.
    """
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise argparse.ArgumentTypeError(f'{path!r} is not an executable')
    return os.path.abspath(path)


def environment(**changes):
    env = {name: value for name, value in os.environ.items()
           if not name.startswith('PYTHON')}
    env.update(changes)
    return env


def run_python(*args, exe=None, env=(), timeout=None, **kwargs):
    """Run an interpreter undisturbed by PYTHON* variables."""
    kwargs.setdefault('stdin', subprocess.DEVNULL)
    if 'input' in kwargs:
        del kwargs['stdin']
    kwargs.setdefault('stdout', subprocess.PIPE)
    kwargs.setdefault('stderr', subprocess.PIPE)
    return subprocess.run(
        [exe or sys.executable, '-s', *args], env=environment(**dict(env)),
        timeout=timeout or support.SHORT_TIMEOUT, text=True,
        encoding='utf-8', errors='backslashreplace', **kwargs)


def in_parallel(function, items):
    """Like map(), two at a time, in order."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as executor:
        yield from executor.map(function, items)


def opener_of(path):
    """The open() that goes with a file's suffix, and what it raises of
    a file that is damaged."""
    suffix = os.path.splitext(path)[1]
    if suffix not in PACKED:
        return open, OSError
    name, error = PACKED[suffix]
    module = importlib.import_module(name)
    damaged = OSError, EOFError, *([getattr(module, error)] if error else [])
    return module.open, damaged


def open_packed(path, mode):
    return opener_of(path)[0](path, mode, encoding='utf-8')


def content(path, binary=False):
    if binary:
        with open(path, 'rb') as f:
            return f.read()
    try:
        with open_packed(path, 'rt') as f:
            return f.read()
    except opener_of(path)[1] as e:
        return f'{type(e).__name__}: {e}'


def judge_files(way, directory):
    for name, expected in way.files.items():
        found = content(os.path.join(directory, name),
                        isinstance(expected, bytes))
        if found != expected:
            if not expected.startswith(found):
                return f'{name}: {found[-60:]!r}'
            return f'{name}: {len(found)} of {len(expected)}'
    if way.check is not None:
        return way.check(directory)


def judge_probes(way, lines):
    """Return the first fault, worst first, and what it is."""
    found = collections.defaultdict(list)
    stray = []
    for line in lines:
        fields = line.split(' ', 3)
        if len(fields) == 4 and fields[0] in way.probes:
            found[fields[0]].append(fields)
        else:
            stray.append(line)
    for name in way.probes:
        if not found[name]:
            return 'lost', name
    for name in way.probes:
        if len(found[name]) > 1 or found[name][0][1] != '1':
            return 'twice', f'{name}: {len(found[name])} reports'
    for name in way.probes:
        if found[name][0][2] != 'exit' and not way.anytime:
            return 'early', name
    for name in way.probes:
        if found[name][0][3] != 'whole':
            return 'torn', f'{name}: {found[name][0][3]}'
    if stray:
        return 'noise', stray[0]
    return 'whole', ''


def judge(way, process, directory):
    errors, ran = [], set()
    for line in process.stderr.splitlines():
        if line.startswith('ran '):
            ran.add(line[4:])
        elif line:
            errors.append(line)
    last = errors[-1] if errors else ''
    if process.stdout.startswith('SKIP '):
        return 'skipped', process.stdout[5:].strip()
    if process.returncode != way.status:
        return 'status', f'{process.returncode}: {last}'
    verdict, detail = judge_probes(way, process.stdout.splitlines())
    if verdict == 'lost' and detail in ran:
        verdict = 'mute'
    if verdict in ('lost', 'mute') and last:
        detail += f': {last}'
    if verdict != 'whole':
        return verdict, detail
    wrong = judge_files(way, directory)
    if wrong:
        return 'file', wrong
    for word in way.stderr:
        if word not in process.stderr:
            return 'noise', f'no {word!r} in stderr: {last}'
    if errors and not way.stderr:
        return 'noise', last
    return 'whole', ''


NEEDS = """\
for needed in {!r}:
    try:
        __import__(needed)
    except ImportError as e:
        print('SKIP', e)
        raise SystemExit
del needed
"""


def run_way(way, exe=None, mode='default'):
    options, args = OPTIONS[mode]
    script = NEEDS.format(way.needs) if way.needs else ''
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, 'way.py')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(script + way.script)
        try:
            # Warnings: the debug build shows those of unclosed files.
            process = run_python('-W', 'ignore', '-X', 'faulthandler',
                                 *options, path, *args, exe=exe,
                                 cwd=directory)
        except subprocess.TimeoutExpired:
            return Result(way.name, 'hung', '')
        return Result(way.name, *judge(way, process, directory))


def run_ways(names=(), exe=None, mode='default'):
    """Yield the results, in the order of the ways."""
    ways = load()
    return in_parallel(lambda name: run_way(ways[name], exe, mode),
                       names or ways)
