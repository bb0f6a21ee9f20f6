"""In reference cycles, reachable and not."""

import gc
import os
import sys
from test.finalization_ways.probe import Probe, report
from test.finalization_ways.registry import way


@way('cycle')
def cycle():
    p = Probe('p')
    p.me = p


@way('cycle of two', 'p', 'q')
def two():
    p = Probe('p')
    p.other = Probe('q', other=p)


@way('cycle of a hundred', *(f'p{i}' for i in range(100)))
def hundred():
    ring = [Probe(f'p{i}') for i in range(100)]
    for p in ring:
        p.ring = ring


@way('cycle dropped', anytime=True)
def dropped():
    p = Probe('p')
    p.me = p
    del p


@way('cycle dropped, collector off', anytime=True)
def dropped_disabled():
    gc.disable()
    p = Probe('p')
    p.me = p
    del p


@way('cycle dropped, frozen')
def dropped_frozen():
    p = Probe('p')
    p.me = p
    gc.freeze()
    del p


@way('cycle frozen')
def frozen():
    p = Probe('p')
    p.me = p
    gc.freeze()


@way('cycle dropped at the very end')
def dropped_immortal():
    gc.disable()
    p = Probe('p')
    p.me = p
    sys.p = p
    del p
    import atexit
    atexit.register(delattr, sys, 'p')


@way('frozen, then unfrozen')
def unfrozen():
    p = Probe('p')
    gc.freeze()
    gc.collect()
    gc.unfreeze()


@way('list that holds itself')
def list_cycle():
    holder = [Probe('p')]
    holder.append(holder)


@way('dict that holds itself')
def dict_cycle():
    class Dict(dict):
        def __del__(self):
            report('p')
    d = Dict()
    d['me'] = d


@way('tuple that holds itself')
def tuple_cycle():
    holder = ([], Probe('p'))
    holder[0].append(holder)


@way('tail of a cycle', 'p', 'q')
def tail():
    p = Probe('p')
    p.me = p
    p.tail = Probe('q')


@way('head of a cycle', 'p', 'q')
def head():
    q = Probe('q')
    q.me = q
    p = Probe('p', tail=q)
    del q


@way('cycle with its own class', anytime=True)
def class_cycle():
    class C(Probe):
        pass
    C.instance = C('p')
    del C


@way('cycle with the globals')
def globals_cycle():
    p = Probe('p', names=globals())


@way('cycle with the module')
def module_cycle():
    p = Probe('p', module=sys.modules['__main__'])


@way('cycle with sys.modules')
def modules_cycle():
    p = Probe('p', modules=sys.modules)


@way('cycle with a standard module')
def os_cycle():
    os.p = Probe('p', module=os)


@way('cycle with a function')
def function_cycle():
    def make():
        p = Probe('p')

        def function():
            return p
        p.function = function
        return p
    q = make()


@way('cycle with a frame')
def frame_cycle():
    def function():
        p = Probe('p')
        p.frame = sys._getframe()
        return p
    q = function()


@way('cycle with a traceback')
def traceback_cycle():
    def function():
        p = Probe('p')
        try:
            raise ValueError
        except ValueError as e:
            p.error = e
        return p
    q = function()


@way('cycle of classes', 'p', 'q')
def classes_cycle():
    class A:
        p = Probe('p')

    class B:
        q = Probe('q')
    A.other, B.other = B, A


@way('cycle of methods')
def methods_cycle():
    p = Probe('p')
    p.call = p.method


@way('cycle through a weak reference callback')
def weakref_cycle():
    import weakref
    p = Probe('p')
    p.reference = weakref.ref(Probe, p.method)


@way('gc.garbage')
def garbage():
    gc.garbage.append(Probe('p'))


@way('saved by the collector', anytime=True)
def saveall():
    gc.set_debug(gc.DEBUG_SAVEALL)
    p = Probe('p')
    p.me = p
    del p
    gc.collect()


@way('gc.callbacks')
def callbacks():
    gc.callbacks.append(lambda *args, p=Probe('p'): None)


@way('shared by two cycles', 'p', 'q', 'r')
def shared():
    shared = Probe('r')
    p = Probe('p', shared=shared)
    p.me = p
    q = Probe('q', shared=shared)
    q.me = q
    del shared
