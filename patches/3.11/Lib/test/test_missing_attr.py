"""Attributes that are missing: found out without an exception, and the rest
as ever."""

import enum
import sys
import tracemalloc
import types
import unittest
import weakref


class Hook:
    """A class with __getattr__()."""

    def __init__(self):
        self.asked = []

    def __getattr__(self, name):
        self.asked.append(name)
        if name == 'refused':
            raise AttributeError('refused it')
        if name == 'broken':
            raise ZeroDivisionError
        return name.upper()

    @property
    def from_property(self):
        raise AttributeError('of the property')

    @property
    def broken_property(self):
        raise ZeroDivisionError


class Slots:
    __slots__ = 'empty', 'full'

    def __init__(self):
        self.full = 1


class Meta(type):
    @property
    def from_property(cls):
        raise AttributeError('of the metaclass')

    @property
    def broken_property(cls):
        raise ZeroDivisionError


class WithMeta(metaclass=Meta):
    pass


def new_module(**namespace):
    module = types.ModuleType('new')
    vars(module).update(namespace)
    return module


def peak(f):
    """Bytes that f() allocates and frees again."""
    f()
    tracemalloc.start()
    try:
        f()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        f()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


class NoExceptionTests(unittest.TestCase):

    # An AttributeError with its message takes 180 bytes and more; a bound
    # method and arguments, which a call may need, take 120.
    def check(self, f):
        self.assertLess(peak(f), 150)

    def test_class(self):
        self.check(lambda: hasattr(int, 'missing'))
        self.check(lambda: getattr(WithMeta, 'missing', None))

    def test_module(self):
        self.check(lambda: hasattr(sys, 'missing'))

    def test_from_import(self):
        # import looks for __path__ of a module, which is no package.
        def f():
            from bisect import bisect
        self.check(f)

    def test_empty_slot(self):
        slots = Slots()
        self.check(lambda: getattr(slots, 'empty', None))

    def test_getattr_method(self):
        class C:
            def __getattr__(self, name):
                return 1
        c = C()
        self.check(lambda: c.missing)

    def test_ordinary_object(self):
        self.check(lambda: hasattr(1, 'missing'))


class ResultTests(unittest.TestCase):

    def raises(self, exception, message, f, *args):
        with self.assertRaisesRegex(exception, message) as caught:
            f(*args)
        return caught.exception

    def test_class(self):
        self.raises(AttributeError,
                    "^type object 'int' has no attribute 'missing'$",
                    getattr, int, 'missing')
        self.assertEqual(getattr(int, 'missing', 5), 5)
        self.assertFalse(hasattr(WithMeta, 'from_property'))
        self.raises(AttributeError, '^of the metaclass$',
                    getattr, WithMeta, 'from_property')
        self.raises(ZeroDivisionError, '',
                    getattr, WithMeta, 'broken_property', None)
        self.raises(ZeroDivisionError, '',
                    hasattr, WithMeta, 'broken_property')
        self.assertIs(getattr(WithMeta, '__name__', 1), WithMeta.__name__)
        self.raises(TypeError, 'attribute name must be string',
                    getattr, int, 1, None)

    def test_class_whose_metaclass_has_getattr(self):
        class HookMeta(type):
            def __getattr__(cls, name):
                if name == 'refused':
                    raise AttributeError(name)
                return name

        class C(metaclass=HookMeta):
            there = 1

        self.assertEqual((C.there, C.missing), (1, 'missing'))
        self.assertEqual(getattr(C, 'refused', 3), 3)
        self.assertFalse(hasattr(C, 'refused'))

        class Color(enum.Enum):
            RED = 1
        self.assertFalse(hasattr(Color, 'BLUE'))
        self.assertIs(getattr(Color, 'RED', None), Color.RED)

    def test_module(self):
        module = new_module(there=1)
        self.assertEqual(getattr(module, 'there', 2), 1)
        self.assertEqual(getattr(module, 'missing', 2), 2)
        self.raises(AttributeError, "^module 'new' has no attribute 'missing'$",
                    getattr, module, 'missing')
        del module.__name__
        self.raises(AttributeError, "^module has no attribute 'missing'$",
                    getattr, module, 'missing')
        self.assertFalse(hasattr(module, 'missing'))

    def test_module_with_getattr(self):
        asked = []

        def hook(name):
            asked.append(name)
            if name == 'broken':
                raise ZeroDivisionError
            if name == 'refused':
                raise AttributeError('refused it')
            return name.upper()

        module = new_module(__getattr__=hook)
        self.assertEqual(module.abc, 'ABC')
        self.assertEqual(getattr(module, 'abc', 0), 'ABC')
        self.assertEqual(getattr(module, 'refused', 0), 0)
        self.raises(AttributeError, '^refused it$', getattr, module, 'refused')
        self.raises(ZeroDivisionError, '', getattr, module, 'broken', 0)
        self.assertEqual(asked, ['abc', 'abc', 'refused', 'refused', 'broken'])

    def test_module_subclass(self):
        class Module(types.ModuleType):
            @property
            def from_property(self):
                raise AttributeError('of the property')

            @property
            def broken_property(self):
                raise ZeroDivisionError

        module = Module('new')
        self.assertEqual(getattr(module, 'from_property', 1), 1)
        self.raises(AttributeError,
                    "^module 'new' has no attribute 'from_property'$",
                    getattr, module, 'from_property')
        self.raises(ZeroDivisionError, '',
                    getattr, module, 'broken_property', 1)

    def test_partially_initialized_module(self):
        module = new_module()
        module.__spec__ = types.SimpleNamespace(_initializing=True)
        self.assertFalse(hasattr(module, 'missing'))
        self.raises(AttributeError, 'partially initialized module',
                    getattr, module, 'missing')

    def test_slots(self):
        slots = Slots()
        self.assertEqual((getattr(slots, 'empty', 2), slots.full), (2, 1))
        self.assertFalse(hasattr(slots, 'empty'))
        self.raises(AttributeError, 'empty', getattr, slots, 'empty')
        slots.empty = None
        self.assertIsNone(getattr(slots, 'empty', 2))
        del slots.full
        self.assertFalse(hasattr(slots, 'full'))

    def test_slot_of_another_class(self):
        # A slot's descriptor refuses objects of a class it is not of.
        class Other:
            borrowed = Slots.empty
        self.raises(TypeError, "doesn't apply to",
                    getattr, Other(), 'borrowed', None)

    def test_slot_next_to_getattr(self):
        class C:
            __slots__ = 'empty'

            def __getattr__(self, name):
                return 'hook ' + name
        self.assertEqual(C().empty, 'hook empty')

    def test_getattr_method(self):
        hook = Hook()
        self.assertEqual(hook.abc, 'ABC')
        self.assertEqual(hook.from_property, 'FROM_PROPERTY')
        self.raises(ZeroDivisionError, '', getattr, hook, 'broken_property', 1)
        self.raises(ZeroDivisionError, '', getattr, hook, 'broken', 1)
        self.raises(AttributeError, '^refused it$', getattr, hook, 'refused')
        self.assertEqual(getattr(hook, 'refused', 1), 1)
        self.assertEqual(hook.asked, ['abc', 'from_property', 'broken',
                                      'refused', 'refused'])

    def test_no_context(self):
        # What was found out quietly leaves nothing in later exceptions.
        hook = Hook()
        exc = self.raises(AttributeError, '^refused it$',
                          getattr, hook, 'refused')
        self.assertIsNone(exc.__context__)
        try:
            raise KeyError
        except KeyError as key_error:
            hasattr(int, 'missing'), hasattr(sys, 'missing'), hook.abc
            self.assertIs(sys.exc_info()[1], key_error)
            exc = self.raises(AttributeError, '', getattr, int, 'missing')
            self.assertIs(exc.__context__, key_error)

    def test_name_and_object_of_the_exception(self):
        exc = self.raises(AttributeError, '', getattr, 1, 'missing')
        self.assertEqual((exc.name, exc.obj), ('missing', 1))

    def test_super(self):
        class Sub(Hook):
            def ask(self):
                return getattr(super(), 'missing', 1)
        self.assertEqual(Sub().ask(), 1)

    def test_nothing_is_kept(self):
        class C:
            __slots__ = 'empty', '__weakref__'
        c = C()
        alive = weakref.ref(c)
        hasattr(c, 'empty'), hasattr(C, 'missing')
        del c
        self.assertIsNone(alive())


if __name__ == '__main__':
    unittest.main()
