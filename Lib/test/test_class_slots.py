"""The slots of a new class: its special methods are looked up with an index
of its bases' dictionaries, which finds what looking up name after name does."""

import itertools
import types
import unittest
from test.support import import_helper

ctypes = import_helper.import_module('ctypes')

WORD = ctypes.sizeof(ctypes.c_void_p)

NAMES = sorted({name for cls in (object, type, int, float, str, list, dict,
                                 set, types.CoroutineType, types.FunctionType,
                                 types.AsyncGeneratorType, types.MethodType)
                for name, value in vars(cls).items()
                if isinstance(value, types.WrapperDescriptorType)}
               | {'__getattr__', '__del__', '__delattr__', '__delete__',
                  '__set__', '__radd__', '__rpow__', '__imatmul__'})


def words(cls):
    """What the type structure holds, after the refcount and what may be in
    front of it: from the pointer to its type on."""
    n = type.__basicsize__ // WORD
    first = object.__basicsize__ // WORD - 1
    return list((ctypes.c_void_p * n).from_address(id(cls)))[first:]


def all_classes():
    seen, todo = set(), [object]
    while todo:
        for cls in type.__subclasses__(todo.pop()):
            if cls not in seen:
                seen.add(cls)
                todo.append(cls)
    return sorted(seen, key=lambda cls: (cls.__module__, cls.__qualname__))


def make(bases=(), namespace={}):
    """A class, past any metaclass's checks; None if there cannot be one."""
    try:
        return type.__new__(type(bases[0]) if bases else type, 'Made', bases,
                            dict(namespace))
    except Exception:
        return None


def method(self, *args):
    return 3


class SlotTests(unittest.TestCase):

    def check(self, bases=(), namespace={}):
        """Make a class with the index, and two without: there is none if a
        key is not a string.  Return the first, or None."""
        cls = make(bases, namespace)
        if cls is None:
            return None
        plain = [make(bases, {**namespace, 1: None}) for i in range(2)]
        # What differs is of each class's own: its dictionary, its name.
        same = 0
        for i, (found, one, two) in enumerate(zip(words(cls),
                                                  *map(words, plain))):
            if one == two:
                same += 1
                self.assertEqual(found, one, (i, cls.__mro__, vars(cls)))
        self.assertGreater(same, 60)
        return cls

    def test_every_class_derived_from(self):
        made = 0
        for base in all_classes():
            for namespace in ({}, {'__len__': method, '__eq__': method},
                              {'__hash__': None, '__radd__': method}):
                made += self.check((base,), namespace) is not None
        self.assertGreater(made, 300)

    def test_each_name_alone(self):
        for name, base in itertools.product(NAMES, (object, int, dict)):
            for value in (method, None, vars(object).get(name),
                          vars(int).get(name)):
                cls = self.check((base,), {name: value})
                if cls is not None:
                    self.check((cls,))
                    self.check((make(), cls))

    def test_two_bases(self):
        made = 0
        classes = [int, str, list, tuple, Exception, OSError, type,
                   types.ModuleType, types.SimpleNamespace,
                   make((), {'__add__': method}),
                   make((), {'__getitem__': method}),
                   make((int,), {'__getattr__': method}),
                   make((), {'__hash__': None})]
        for bases in itertools.permutations(classes, 2):
            made += self.check(bases) is not None
        self.assertGreater(made, 50)

    def test_long_mro(self):
        cls = self.check((), {'__len__': method})
        for i in range(12):
            cls = self.check((cls,), {'__call__': method} if i == 5 else {})
            self.assertEqual(len(cls()), 3)
        self.assertEqual(cls()(), 3)

    def test_names_that_are_not_interned(self):
        name = ''.join(['__', 'len', '__'])
        self.assertEqual(len(type('X', (), {name: method})()), 3)

    def test_keys_that_are_no_strings(self):
        class Name(str):
            pass

        class Equal:
            asked = []

            def __hash__(self):
                return hash('__len__')

            def __eq__(self, other):
                self.asked.append(other)
                return other == '__len__'

        for key in (Name('__len__'), Equal()):
            base = type('Base', (), {key: method})
            self.assertEqual(len(base()), 3)
            self.assertEqual(len(type('Derived', (base,), {})()), 3)
        self.assertTrue(Equal.asked)
        self.assertEqual(len(type('X', (), {1: 2, '__len__': method})()), 3)

    def test_deleted_keys(self):
        namespace = {'__len__': method, '__call__': method, 'a': 1}
        del namespace['__len__'], namespace['a']
        cls = self.check((), namespace)
        self.assertFalse(hasattr(cls, '__len__'))
        self.assertEqual(cls()(), 3)

    def test_attributes_deleted_from_a_base(self):
        base = make((), {'__len__': method, '__call__': method})
        del base.__len__
        cls = self.check((base,))
        self.assertEqual(cls()(), 3)
        with self.assertRaises(TypeError):
            len(cls())

    def test_bases_assigned(self):
        first = make((), {'__len__': method})
        second = make((), {'__call__': method})
        cls = make((first,))
        derived = make((cls,))
        cls.__bases__ = (second,)
        for found in cls, derived:
            self.assertEqual(found()(), 3)
            with self.assertRaises(TypeError):
                len(found())
            self.check((found,))

    def test_methods_of_several_slots(self):
        # __add__ is nb_add or sq_concat, __len__ mp_length or sq_length...:
        # which of them a class of one base fills, as upstream has it.  Slots
        # are numbered as in typeslots.h, up to the last of sq_*.  Left out is
        # mp_subscript of list and dict, in which CPythons differ.
        get_slot = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object,
                                     ctypes.c_int)(
            ('PyType_GetSlot', ctypes.pythonapi))
        for base, others in (
                (list, {14, 39, 44}), (bytearray, {14, 39, 44}),
                (tuple, {44}), (str, {44}), (bytes, {44}),
                (dict, {41, 44, 45}), (set, {4, 41}), (frozenset, {4, 41}),
                (int, set()), (float, set()), (complex, set()),
                (object, set()), (type, set())):
            with self.subTest(base=base):
                cls = type('Derived', (base,), {})
                found = {slot for slot in range(3, 47)
                         if get_slot(cls, slot) != get_slot(base, slot)}
                if base in (list, dict):
                    found.discard(5)
                self.assertEqual(found, others)


if __name__ == '__main__':
    unittest.main()
