"""Find mortal objects that immortal ones refer to.

Nothing here shares code with the walk that gc.immortalize_heap() does in C;
it looks at the heap from inside the interpreter that it checks, and reads
only attributes whose getters make nothing and cache nothing.

    python -m test.immortal_walk [MODULE ...]

imports the modules, makes the heap immortal, and prints what it then finds.
With --startup, it reports on a new interpreter as its start-up left it.
"""

import gc
import os
import sys
import types

try:
    from _testimmortal import hidden
except ImportError:
    def hidden(obj):
        """References that Python cannot see, when there is no C helper."""
        return ()

# The count from which Py_DECREF() leaves an object alone: 2**31 where the count
# of None says that 32 bits are in use, else 2**56, or 2**28.
if sys.getrefcount(None) < 1 << 32 < sys.maxsize:
    FLOOR = 1 << 31
else:
    FLOOR = 1 << (56 if sys.maxsize > 2 ** 32 else 28)

READY = 1 << 12             # Py_TPFLAGS_READY

LEAVES = frozenset({int, float, complex, str, bytes, bytearray, bool,
                    type(None), type(Ellipsis), type(NotImplemented)})

# Getters of other descriptors than members.  Some make a new object in some
# cases only; what differs between two calls is not counted.
GETTERS = {
    type: ('__name__', '__qualname__', '__bases__'),
    types.GeneratorType: ('__name__', '__qualname__'),
    types.CoroutineType: ('__name__', '__qualname__'),
    types.AsyncGeneratorType: ('__name__', '__qualname__'),
}


def is_immortal(obj):
    return sys.getrefcount(obj) >= FLOOR


def getters_of(cls):
    """Functions of an instance that return what an instance of cls owns."""
    found = []
    for base in type.__dict__['__mro__'].__get__(cls):
        namespace = type.__dict__['__dict__'].__get__(base)
        names = GETTERS.get(base, ())
        if type(namespace.get('tzinfo')) is types.GetSetDescriptorType:
            names = ('tzinfo',)         # datetime's
        for name, value in namespace.items():
            if type(value) is types.MemberDescriptorType or name in names:
                found.append(value.__get__)
    return tuple(found)


def referents(obj, cache):
    """The objects that obj owns a reference to, some perhaps twice.

    cache is a dict that this fills with the getters of types.
    """
    cls = type(obj)
    if cls in LEAVES:
        return []
    found = gc.get_referents(obj)
    found.append(cls)
    found.extend(hidden(obj))
    # Not isinstance(): that reads obj.__class__, which may run any code, and
    # completes a static type that nobody has used so far.
    if issubclass(cls, dict):
        found.extend(dict.keys(obj))
    elif issubclass(cls, type):
        if not type.__dict__['__flags__'].__get__(obj) & READY:
            return found    # nothing there yet, and getters would crash
        proxy = type.__dict__['__dict__'].__get__(obj)
        found.extend(gc.get_referents(proxy))
    elif cls is types.CodeType:
        # Never co_code: it is kept in the code object once it was asked for.
        for names in obj.co_varnames, obj.co_cellvars, obj.co_freevars:
            found.extend(names)
    elif cls.__name__ == 'timezone' and cls.__module__ == 'datetime':
        found.extend(obj.__getinitargs__())
    if cls not in cache:
        cache[cls] = getters_of(cls)
    for getter in cache[cls]:
        try:
            value = getter(obj)
            if getter(obj) is value:
                found.append(value)
        except AttributeError:
            pass            # a slot that is empty
    return found


def all_types():
    """All types that can be found from object, static ones included."""
    found, todo = {object: None}, [object]
    while todo:
        for cls in type.__subclasses__(todo.pop()):
            if cls not in found:
                found[cls] = None
                todo.append(cls)
    return list(found)


def permanent_objects():
    """What the collector tracks and is immortal."""
    return [obj for obj in gc.get_objects() if is_immortal(obj)]


def exempt():
    """The ids of what stays mortal by design."""
    main = sys.modules['__main__']
    found = {id(main), id(main.__dict__)}
    for frame in sys._current_frames().values():
        while frame is not None:
            found.add(id(frame))
            frame = frame.f_back
    return found


class Walk:
    """The transitive closure of roots."""

    def __init__(self, roots, skip=frozenset()):
        self.found = {}         # id: object
        self.parents = {}       # id: id of what it was found in, None: root
        self.skip = skip
        cache = {}
        todo = self.add(roots, None)
        while todo:
            parent = todo.pop()
            todo += self.add(referents(parent, cache), id(parent))

    def add(self, objects, parent):
        """Note objects, and return those that were not known."""
        new = []
        for obj in objects:
            key = id(obj)
            if key not in self.found and key not in self.skip:
                self.found[key] = obj
                self.parents[key] = parent
                new.append(obj)
        return new

    def __len__(self):
        return len(self.found)

    def mortal(self):
        return [obj for obj in self.found.values() if not is_immortal(obj)]

    def parent(self, obj):
        """What obj was found in first; None for a root."""
        return self.found.get(self.parents[id(obj)])

    def path(self, obj):
        """How obj was reached, as text."""
        steps = [describe(obj)]
        child, key = obj, self.parents[id(obj)]
        while key is not None and len(steps) < 12:
            parent = self.found[key]
            steps.append(describe(parent) + edge(parent, child))
            child, key = parent, self.parents[key]
        return ' -> '.join(reversed(steps))


def describe(obj):
    name = type(obj).__name__
    if isinstance(obj, (str, bytes, int, float)):
        return f'{name} {obj!r:.40}'
    called = (getattr(obj, 'co_qualname', None)
              if isinstance(obj, types.CodeType)
              else getattr(obj, '__qualname__', None)
              if isinstance(obj, (type, types.FunctionType))
              else obj.__dict__.get('__name__')
              if type(obj) is types.ModuleType else None)
    return f'{name} {called}' if called else name


def edge(parent, child):
    if isinstance(parent, dict):
        for key, value in dict.items(parent):
            if value is child:
                return f'[{key!r:.40}]'
    elif isinstance(parent, (list, tuple)):
        for i, value in enumerate(parent):
            if value is child:
                return f'[{i}]'
    return ''


def walk_heap():
    """All that can be reached from what is immortal; call
    gc.immortalize_heap() first."""
    roots = [obj for obj in all_types() if is_immortal(obj)]
    roots += permanent_objects()
    roots += [sys.modules, sys, sys.modules['builtins']]
    return Walk(roots, exempt() | {id(roots)})


def report(limit=20):
    """Print figures, and up to limit paths.  Return how many are mortal."""
    walk = walk_heap()
    mortal = walk.mortal()
    print(f'{len(walk)} objects reached, {len(mortal)} of them mortal')
    from collections import Counter
    for name, n in Counter(type(obj).__name__ for obj in mortal).most_common():
        print(f'{n:8} {name}')
    for obj in mortal[:limit]:
        print('  ', walk.path(obj))
    return len(mortal)


def run_after_startup(code, *args):
    """Run code in a new interpreter that has this module from sitecustomize
    on, so that importing it does not add to what start-up made immortal.

    Return the completed process."""
    import subprocess
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, 'sitecustomize.py')
        with open(name, 'w', encoding='ascii') as file:
            # linecache: later versions load it to run the code of -c.
            # _datetime: until it is loaded, nobody can tell what those of its
            # objects hold that later versions make for themselves.
            file.write('import linecache, _datetime\n'
                       'import test.immortal_walk as walk\n'
                       'walk.walk_heap()\n')   # fills caches beforehand
        path = [folder]
        if os.environ.get('PYTHONPATH'):
            path.append(os.environ['PYTHONPATH'])
        env = {**os.environ, 'PYTHONPATH': os.pathsep.join(path)}
        env.pop('PYTHONIMMORTALHEAP', None)
        return subprocess.run([sys.executable, *args, '-c', code], env=env,
                              capture_output=True, text=True)


def report_startup(limit=20):
    """The completed process that reported on a start-up heap; its status is 0
    if nothing of it is mortal."""
    return run_after_startup(
        'import sys\n'
        'walk = sys.modules["test.immortal_walk"]\n'
        # This very code, with which later versions fill it.
        'vars(sys.modules["linecache"]).get("_interactive_cache", {}).clear()\n'
        f'sys.exit(walk.report({limit}) != 0)')


def main():
    # Imported where they are used: a start-up heap has none of them.
    import argparse
    parser = argparse.ArgumentParser(prog='python -m test.immortal_walk')
    parser.add_argument('--startup', action='store_true')
    parser.add_argument('--limit', type=int, default=20, metavar='PATHS')
    parser.add_argument('modules', nargs='*', metavar='MODULE')
    args = parser.parse_args()
    if args.startup:
        done = report_startup(args.limit)
        print(done.stdout, end='')
        print(done.stderr, end='', file=sys.stderr)
        return done.returncode
    # Run as a script, this is __main__, which stays mortal.
    from test import immortal_walk
    for name in 'collections', *args.modules:
        __import__(name)
    print(gc.immortalize_heap())
    return immortal_walk.report(args.limit) != 0


if __name__ == '__main__':
    sys.exit(main())
