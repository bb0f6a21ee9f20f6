"""Weak references, their callbacks, and finalizers that hang on them."""

import weakref
from test.finalization_ways.probe import Probe, report
from test.finalization_ways.registry import way


@way('weakref.finalize', anytime=True)
def finalize():
    class C:
        pass
    c = C()
    weakref.finalize(c, report, 'p')


@way('weakref.finalize of a global', 'p', 'q', anytime=True)
def finalize_global():
    q = Probe('q')
    weakref.finalize(q, report, 'p')


@way('weakref.finalize of a class', 'p', 'q', anytime=True)
def finalize_class():
    class C:
        q = Probe('q')
    weakref.finalize(C, report, 'p')


@way('weakref.finalize of the module', anytime=True)
def finalize_module():
    import sys
    weakref.finalize(sys.modules['__main__'], report, 'p')


@way('weakref.finalize of a library object', anytime=True)
def finalize_library():
    import logging
    weakref.finalize(logging.root, report, 'p')


@way('weakref.finalize argument', 'p', 'q', anytime=True)
def finalize_argument():
    p = Probe('p')
    weakref.finalize(p, id, Probe('q'))


@way('weakref.finalize, ten', *(f'p{i}' for i in range(10)), anytime=True)
def finalize_ten():
    class C:
        pass
    crowd = [C() for i in range(10)]
    for i, c in enumerate(crowd):
        weakref.finalize(c, report, f'p{i}')


@way('weak reference callback, reference in a library module')
def callback():
    import os

    class C:
        pass
    c = C()
    os.reference = weakref.ref(c, lambda reference: report('p'))


@way('weak reference callback, referent without header')
def callback_small():
    import os

    class C:
        __slots__ = '__weakref__'
    c = C()
    os.reference = weakref.ref(c, lambda reference: report('p'))


@way('callback holds a finalizer', 'p')
def callback_holds():
    class C:
        pass
    c = C()
    reference = weakref.ref(c, Probe('p').method)


@way('weak key dictionary value', 'p', 'q')
def weak_key():
    q = Probe('q')
    table = weakref.WeakKeyDictionary({q: Probe('p')})


@way('weak key dictionary value refers to its key', 'p')
def weak_key_cycle():
    class C:
        pass
    c = C()
    table = weakref.WeakKeyDictionary({c: Probe('p', key=c)})
    del c


@way('weak value dictionary')
def weak_value():
    p = Probe('p')
    table = weakref.WeakValueDictionary(name=p)


@way('weak set', 'p', 'q')
def weak_set():
    group = weakref.WeakSet()
    p = Probe('p', group=group)
    q = Probe('q')
    group.update([p, q])


@way('weak method')
def weak_method():
    p = Probe('p')
    method = weakref.WeakMethod(p.method)


@way('weak proxy')
def weak_proxy():
    p = Probe('p')
    proxy = weakref.proxy(p)


@way('subclass of weak reference', 'p', 'q')
def weak_subclass():
    class Reference(weakref.ref):
        def __del__(self):
            report('q')
    p = Probe('p')
    reference = Reference(p)


@way('weak references are alive in a finalizer')
def alive():
    class C:
        def __del__(self):
            dead = None in [reference() for reference in others]
            report('dead' if dead else 'p')
    c = C()
    others = [weakref.ref(weakref), weakref.ref(C), weakref.ref(report)]
