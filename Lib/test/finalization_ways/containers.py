"""Held by a container, an iterator or a small object of the library.

Each holds two: an object with a __dict__, and one that the collector does
not know, so that it does not track some of the holders either.
"""

from test.finalization_ways.probe import Probe, report
from test.finalization_ways.registry import Way, way

# {name: expression}; @ is the object, the modules of the names are imported.
HOLDERS = {
    'list': '[@]',
    'tuple': '(@,)',
    'nested tuples': '(((@,),),)',
    'dict value': '{"key": @}',
    'dict key': '{@: "value"}',
    'dict in a tuple': '({"key": @},)',
    'set': '{@}',
    'frozenset': 'frozenset([@])',
    'list iterator': 'iter([@, 1])',
    'tuple iterator': 'iter((@, 1))',
    'dict items iterator': 'iter({1: @}.items())',
    'dict values': '{1: @}.values()',
    'set iterator': 'iter({@})',
    'callable iterator': 'iter(int, @)',
    'reversed': 'reversed([1, @])',
    'enumerate': 'enumerate([@])',
    'zip': 'zip([1], [@])',
    'map': 'map(print, [@])',
    'filter': 'filter(None, [@])',
    'slice': 'slice(@)',
    'generic alias': 'list[@]',
    'exception': 'ValueError(@)',
    'exception group': 'ExceptionGroup("group", [ValueError(@)])',
    'property': 'property(@)',
    'staticmethod': 'staticmethod(@)',
    'classmethod': 'classmethod(@)',
    'super': 'super(object, @)',
    'builtin method': '[@].append',
    'slot wrapper': '@.__repr__',
    'code constant': '(lambda: 0).__code__.replace(co_consts=(@,))',
    'method': 'types.MethodType(print, @)',
    'mapping proxy': 'types.MappingProxyType({1: @})',
    'namespace': 'types.SimpleNamespace(attribute=@)',
    'cell': 'types.CellType(@)',
    'deque': 'collections.deque([@])',
    'deque iterator': 'iter(collections.deque([@]))',
    'ordered dict': 'collections.OrderedDict(key=@)',
    'defaultdict': 'collections.defaultdict(int, key=@)',
    'counter': 'collections.Counter([@])',
    'chain map': 'collections.ChainMap({"key": @})',
    'user dict': 'collections.UserDict(key=@)',
    'named tuple': 'collections.namedtuple("N", "x")(@)',
    'partial': 'functools.partial(print, @)',
    'partial keyword': 'functools.partial(print, sep=@)',
    'cmp_to_key': 'functools.cmp_to_key(print)(@)',
    'item getter': 'operator.itemgetter(@)',
    'chain': 'itertools.chain([1], [@])',
    'cycle': 'itertools.cycle([@])',
    'repeat': 'itertools.repeat(@)',
    'tee': 'itertools.tee(iter([@]))',
    'product': 'itertools.product([@])',
    'groupby': 'itertools.groupby([@])',
    'struct sequence': 'time.struct_time([@] + [1] * 8)',
    'context variable': 'contextvars.ContextVar("name", default=@)',
    'annotated type': 'typing.Annotated[int, @]',
    'data class': 'dataclasses.make_dataclass("D", ["x"])(@)',
    'enum member': 'enum.Enum("E", {"member": @})',
    'ctypes object': 'ctypes.py_object(@)',
    'ctypes array': '(ctypes.py_object * 2)(@, 1)',
}

for _name, _expression in HOLDERS.items():
    _module = _expression.lstrip('(').split('.')[0].removeprefix('iter(')
    _needs = (_module,) if _module.isidentifier() else ()
    Way(f'in {_name}',
        ''.join(f'import {name}\n' for name in _needs)
        + f"holder = {_expression.replace('@', 'Probe(chr(112))')}\n"
        + f"second = {_expression.replace('@', 'Bare()')}\n",
        'p', 'bare', needs=_needs)


@way('queues', 'p', 'q', 'r')
def queues():
    import queue
    simple, first, least = (queue.SimpleQueue(), queue.Queue(),
                            queue.PriorityQueue())
    simple.put(Probe('p'))
    first.put(Probe('q'))
    least.put((1, Probe('r')))


@way('pickler memo')
def pickler():
    import io
    import pickle
    memo = pickle.Pickler(io.BytesIO())
    memo.persistent_id = Probe('p').method


@way('element tree', 'p', 'q')
def element_tree():
    from xml.etree.ElementTree import Element
    element = Element('tag', key=Probe('p'))
    element.text = Probe('q')


@way('split dicts')
def split_dicts():
    class C:
        def __init__(self, value):
            self.value = value
    crowd = [C(i) for i in range(100)]
    crowd[50].value = Probe('p')


@way('cached property')
def cached_property():
    import functools

    class C:
        @functools.cached_property
        def value(self):
            return Probe('p')
    c = C()
    c.value


@way('long chain of lists')
def long_chain():
    chain = [Probe('p')]
    for i in range(100_000):
        chain = [chain]


@way('long chain of finalizers')
def long_finalizers():
    class Link:
        __slots__ = 'next'

        def __del__(self):
            global links
            links += 1
            if links >= 20_000:
                report('p')

    links = 0
    chain = None
    for i in range(20_000):
        link = Link()
        link.next = chain
        chain = link
    del link


@way('many finalizers')
def many():
    class Counted:
        def __del__(self):
            global count
            count += 1
            if count >= 20_000:
                report('p')

    count = 0
    crowd = [Counted() for i in range(20_000)]
    names = dict(enumerate(crowd))


@way('wide and deep', 'p', 'q')
def wide():
    holders = {f'{i}': [{j: ({},) for j in range(20)}] for i in range(500)}
    holders['77'][0][7][0]['deep'] = Probe('p')
    holders['499'].append(((((Probe('q'),),),),))
