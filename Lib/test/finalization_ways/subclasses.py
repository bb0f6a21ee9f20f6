"""Objects of unusual types that have finalizers."""

from test.finalization_ways.probe import Probe, report
from test.finalization_ways.registry import Way, way

# {base: arguments}; the modules of the names are imported.
BASES = {
    'int': '10 ** 9',
    'float': '1.5',
    'complex': '1j',
    'str': '"string"',
    'bytes': 'b"bytes"',
    'bytearray': 'b"bytes"',
    'tuple': '[1]',
    'list': '[1]',
    'dict': 'key=1',
    'set': '[1]',
    'frozenset': '[1]',
    'property': 'None',
    'staticmethod': 'print',
    'classmethod': 'print',
    'super': 'int, 1',
    'enumerate': '[1]',
    'zip': '[1]',
    'map': 'print, [1]',
    'reversed': '"ab"',
    'ValueError': '1',
    'BaseException': '1',
    'OSError': '2, "text"',
    'ExceptionGroup': '"group", [ValueError()]',
    'array.array': '"b"',
    'collections.deque': '[1]',
    'collections.defaultdict': 'int',
    'collections.OrderedDict': 'key=1',
    'collections.UserDict': 'key=1',
    'collections.Counter': '"abc"',
    'collections.ChainMap': '{}',
    'ctypes.Structure': '',
    'ctypes.c_int': '7',
    'datetime.datetime': '2000, 1, 1',
    'datetime.timedelta': '1',
    'datetime.tzinfo': '',
    'decimal.Decimal': '"1.5"',
    'fractions.Fraction': '1, 2',
    'functools.partial': 'print',
    'io.StringIO': '"text"',
    'itertools.chain': '[1]',
    'itertools.count': '',
    'itertools.product': '[1], [2]',
    'mmap.mmap': '-1, 1',
    'pathlib.PurePosixPath': '"/"',
    'random.Random': '7',
    'socket.socket': '',
    'sqlite3.Connection': '":memory:"',
    'struct.Struct': '"b"',
    'threading.Thread': '',
    'types.ModuleType': '"module"',
    'types.SimpleNamespace': 'name=1',
    'weakref.ref': 'print',
    'weakref.WeakValueDictionary': '',
    'xml.etree.ElementTree.Element': '"tag"',
}

for _base, _arguments in BASES.items():
    _module = _base.rpartition('.')[0]
    Way(f'subclass of {_base}',
        (f'import {_module}\n' if _module else '') + f'''
class Subclass({_base}):
    def __del__(self):
        report('p')


class Small({_base}):
    __slots__ = ()

    def __del__(self):
        report('q')


obj, small = Subclass({_arguments}), Small({_arguments})
''', 'p', 'q', needs=(_module,) if _module else ())


@way('slots: none', 'p', 'q', 'r')
def slots_none():
    class Empty:
        __slots__ = ()

        def __init__(self, *names):
            pass

        def __del__(self):
            report('p')

    class Second:
        __slots__ = ()

        def __del__(self):
            report('q')

    class Third(int):
        __slots__ = ()

        def __del__(self):
            report('r')
    first, second, third = Empty(), [(Second(),)], {'key': Third()}


@way('slots: weak reference')
def slots_weakref():
    class C:
        __slots__ = '__weakref__'

        def __del__(self):
            report('p')
    c = C()


@way('slots: one, to itself')
def slots_cycle():
    class C:
        __slots__ = 'me'

        def __del__(self):
            report('p')
    c = C()
    c.me = c


@way('slots: dict only')
def slots_dict():
    class C:
        __slots__ = '__dict__'

        def __del__(self):
            report('p')
    c = C()


@way('slotted object in an untracked dict', 'p')
def untracked_dict():
    class C:
        __slots__ = ()

        def __del__(self):
            report('p')

    class Holder:
        pass
    Holder.table = {'key': C()}


@way('named tuple', 'p', 'q')
def named_tuple():
    import collections
    import typing

    class Point(collections.namedtuple('Point', 'x y')):
        __slots__ = ()

        def __del__(self):
            report('p')

    class Typed(typing.NamedTuple):
        x: int

        def __del__(self):
            report('q')
    point, typed = Point(1, 2), Typed(3)


@way('metaclass')
def metaclass():
    class Meta(type):
        def __del__(cls):
            report('p')

    class C(metaclass=Meta):
        pass


@way('metaclass, class dropped', anytime=True)
def metaclass_dropped():
    class Meta(type):
        def __del__(cls):
            report('p')

    class C(metaclass=Meta):
        pass
    del C


@way('module subclass in sys.modules')
def module_subclass():
    import sys
    import types

    class Module(types.ModuleType):
        def __del__(self):
            report('p')
    sys.modules['odd'] = Module('odd')


@way('class of __main__ changed')
def main_class():
    import sys
    import types

    class Module(types.ModuleType):
        p = Probe('p')
    sys.modules['__main__'].__class__ = Module


@way('enum with finalizers', 'A', 'B')
def enum_members():
    import enum

    class E(enum.Enum):
        A = 1
        B = 2

        def __del__(self):
            report(self.name)


@way('data class with slots')
def data_class():
    import dataclasses

    @dataclasses.dataclass(slots=True)
    class D:
        name: str

        def __del__(self):
            report(self.name)
    d = D('p')


@way('__del__ given later')
def given_later():
    class C:
        pass
    c = C()
    C.__del__ = lambda self: report('p')


@way('__class__ changed')
def class_changed():
    class C:
        pass
    c = C()
    c.__class__ = Probe
    c.name = 'p'


@way('hostile special methods')
def hostile():
    def fail(*args):
        raise RuntimeError
    hostile = type('C', (), dict.fromkeys([
        '__getattr__', '__bool__', '__len__', '__iter__', '__eq__',
        '__repr__', '__dir__', '__contains__', '__getitem__'], fail))()
    vars(hostile)['p'] = Probe('p')


@way('hostile attribute access')
def hostile_access():
    class C:
        def __getattribute__(self, name):
            raise RuntimeError

        def __del__(self):
            report('p')
    c = C()


@way('inherited __del__', 'p', 'q')
def inherited():
    class Base:
        def __del__(self):
            report(type(self).__name__)

    class p(Base):
        pass

    class q(p, dict):
        __slots__ = ()
    first, second = p(), q()
