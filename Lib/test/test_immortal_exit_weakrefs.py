"""Shutdown: weak references to garbage that nobody collected.

They are called back, with the library whole, and gone from weak dictionaries
before any finalizer looks; so it is on an unpatched interpreter.
"""

import unittest
from test.immortal_exit_support import IGNORED, Case, ExitTestCase

PROGRAM = """
    import atexit, collections, functools, gc, os, weakref
    # here
    gc.set_threshold(0)
    class Node:
        def __init__(self, name='node'):
            self.me = self
            self.name = name
    def say(*args):
        import colorsys
        assert os and colorsys.hls_to_rgb and Node, 'not whole'
        print(*(a for a in args if isinstance(a, str)), end=' ')
    {make}
    print('end', end=' ')
    """


def garbage(name, make, out, **kwargs):
    """A Case: make leaves garbage.

    gc.immortalize_heap() collects, too: it is called before.
    """
    make = make.replace('\n', '\n    ')
    return Case(name, PROGRAM.format(make=make), out, **kwargs)


class CallbackTests(ExitTestCase):
    """Callbacks."""

    cases = (
        garbage('function', 'n = Node()\n'
              'r = weakref.ref(n, lambda r: say("called"))\ndel n',
              'end called'),
        garbage('method', 'class Watch:\n'
              '    def back(self, r): say("called")\n'
              'n = Node(); r = weakref.ref(n, Watch().back); del n',
              'end called'),
        garbage('partial', 'n = Node()\n'
              'r = weakref.ref(n, functools.partial(say, "called")); del n',
              'end called'),
        garbage('builtin', 'n = Node(); dead = []\n'
              'r = weakref.ref(n, dead.append); del n\n'
              'class Last:\n'
              '    def __del__(self): say(str(len(dead)))\n'
              'last = Last()', 'end 1'),
        garbage('sees_dead', 'n = Node()\n'
              'r = weakref.ref(n, lambda r: say(str(r()))); del n',
              'end None'),
        garbage('subclass', 'class Ref(weakref.ref): pass\n'
              'n = Node(); r = Ref(n, lambda r: say("called")); del n',
              'end called'),
        garbage('subclass_with_data', 'class Ref(weakref.ref): pass\n'
              'n = Node(); r = Ref(n, lambda r: say(r.data))\n'
              'r.data = "data"; del n', 'end data'),
        garbage('held_by_list', 'n = Node(); rs = []\n'
              'rs.append(weakref.ref(n, lambda r: say("called"))); del n',
              'end called'),
        garbage('held_by_class', 'class Held: pass\nn = Node()\n'
              'Held.r = weakref.ref(n, lambda r: say("called")); del n',
              'end called'),
        garbage('two', 'n = Node(); m = Node()\n'
              'r = weakref.ref(n, lambda r: say("n"))\n'
              's = weakref.ref(m, lambda r: say("m")); del n, m',
              'end n m'),
        garbage('two_of_one', 'n = Node()\n'
              'r = weakref.ref(n, lambda r: say("called"))\n'
              's = weakref.ref(n, lambda r: say("called")); del n',
              'end called called'),
        garbage('cycle_of_two', 'n = Node(); n.other = Node()\n'
              'n.other.other = n\n'
              'r = weakref.ref(n.other, lambda r: say("called")); del n',
              'end called'),
        garbage('held_by_garbage', 'n = Node(); n.held = Node()\n'
              'n.held.me = None\n'
              'r = weakref.ref(n.held, lambda r: say("called")); del n',
              'end called'),
        garbage('set', 'n = Node(); n.s = {1, 2}; n.f = set(); n.f.add(n)\n'
              'r = weakref.ref(n.f, lambda r: say("called")); del n',
              'end called'),
        garbage('function_as_garbage', 'def f(): pass\n'
              'f.me = f; r = weakref.ref(f, lambda r: say("called"))\n'
              'del f', 'end called'),
        garbage('generator', 'def generator():\n    me = yield\n    yield\n'
              'g = generator(); next(g); g.send(g)\n'
              'r = weakref.ref(g, lambda r: say("called")); del g',
              'end called'),
        garbage('class_', 'class C: pass\n'
              'r = weakref.ref(C, lambda r: say("called")); del C',
              'end called'),
        garbage('with_finalizer', 'class Node(Node):\n'
              '    def __del__(self): say("del")\n'
              'n = Node(); r = weakref.ref(n, lambda r: say("called"))\n'
              'del n', 'end called del'),
        garbage('proxy', 'n = Node()\n'
              'p = weakref.proxy(n, lambda p: say("called")); del n',
              'end called'),
        garbage('weak_method', 'class A(Node):\n    def f(self): pass\n'
              'n = A(); r = weakref.WeakMethod(n.f, lambda r: say("called"))\n'
              'del n, A', 'end called'),
        garbage('raises', 'def raises(r):\n    say("called"); 1 / 0\n'
              'n = Node(); r = weakref.ref(n, raises)\n'
              'm = Node(); s = weakref.ref(m, lambda r: say("other"))\n'
              'del n, m', 'end called other',
              err=IGNORED + '.*ZeroDivisionError.*'),
        garbage('resurrects_nothing', 'kept = []\n'
              'def back(r): kept.append(r()); say(str(kept))\n'
              'n = Node(); r = weakref.ref(n, back); del n', 'end [None]'),
        garbage('creates_garbage', 'held = []\n'
              'def back(r):\n'
              '    say("first"); n = Node()\n'
              '    held.append(weakref.ref(n, lambda r: say("second")))\n'
              'n = Node(); r = weakref.ref(n, back); del n',
              'end first'),
        garbage('collects', 'def back(r): say("called"); gc.collect()\n'
              'n = Node(); r = weakref.ref(n, back); del n', 'end called'),
        garbage('reference_is_garbage', 'n = Node()\n'
              'n.r = weakref.ref(n, lambda r: say("never")); del n', 'end'),
    )


# A finalizer that comes later looks.
LOOKS = """
class Last:
    def __del__(self): print({look})
last = Last()
"""


def looks(name, make, look, out):
    """A Case: a finalizer evaluates look."""
    return garbage(name, make + LOOKS.format(look=look), f'end {out}')


class ContainerTests(ExitTestCase):
    """What a finalizer sees in weak containers."""

    cases = (
        looks('value_dictionary', 'd = weakref.WeakValueDictionary()\n'
              'd[1] = Node(); d[2] = kept = Node()', 'sorted(d)', '[2]'),
        looks('value_dictionary_get', 'd = weakref.WeakValueDictionary()\n'
              'd[1] = Node()', 'd.get(1)', 'None'),
        looks('key_dictionary', 'd = weakref.WeakKeyDictionary()\n'
              'd[Node()] = 1; kept = Node(); d[kept] = 2',
              'list(d.values())', '[2]'),
        looks('set_', 's = weakref.WeakSet()\n'
              's.add(Node()); kept = Node("kept"); s.add(kept)',
              '[n.name for n in s]', "['kept']"),
        looks('length', 's = weakref.WeakSet([Node()])', 'len(s)', '0'),
        looks('instances', 'class Known:\n'
              '    all = weakref.WeakSet()\n'
              '    def __init__(self): self.me = self; self.all.add(self)\n'
              'Known(); kept = Known()', 'len(Known.all)', '1'),
        looks('reference', 'r = weakref.ref(Node())', 'r()', 'None'),
        looks('references', 'rs = [weakref.ref(Node()) for _ in range(9)]',
              '[r() for r in rs].count(None)', '9'),
        looks('count', 'n = Node(); r = weakref.ref(n); del n',
              'weakref.getweakrefcount(r) if r() else "dead"', 'dead'),
        garbage('finalize', 'n = Node()\n'
              'f = weakref.finalize(n, say, "final")\n'
              'f.atexit = False; del n' + LOOKS.format(look='f.alive'),
              'end False'),
        looks('proxy', 'p = weakref.proxy(Node("n"))\n'
              'def look():\n'
              '    try: return p.name\n'
              '    except ReferenceError: return "gone"', 'look()', 'gone'),
        looks('weak_method', 'class A(Node):\n'
              '    def f(self): pass\n'
              'r = weakref.WeakMethod(A().f)', 'r()', 'None'),
        looks('subclasses', 'class A: pass\nclass B(A): pass\ndel B',
              'A.__subclasses__()', '[]'),
        looks('cache_of_instances',
              'class Cached:\n'
              '    cache = weakref.WeakValueDictionary()\n'
              '    def __new__(cls, key):\n'
              '        self = cls.cache.get(key)\n'
              '        if self is None:\n'
              '            self = super().__new__(cls); self.me = self\n'
              '            self.new = key; cls.cache[key] = self\n'
              '        else: self.new = "old"\n'
              '        return self\n'
              'Cached("new")', 'Cached("new").new', 'new'),
    )


if __name__ == '__main__':
    unittest.main()
