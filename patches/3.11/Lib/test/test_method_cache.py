"""The method cache: names of classes that share places in it."""

import unittest
from test import support


def new_classes(n, bases=(object,)):
    return [type(f'C{i}', bases, {}) for i in range(n)]


class MethodCacheTests(unittest.TestCase):

    # The cache has 4,096 entries, in sets of four.  What these tests ask for
    # is more than fits, so sets are full and entries are thrown out.
    NAMES = [f'name_{i}' for i in range(100)]

    def test_more_than_fits(self):
        classes = new_classes(100)
        for i, cls in enumerate(classes):
            for j, name in enumerate(self.NAMES):
                setattr(cls, name, (i, j))
        for _ in range(3):
            for i, cls in enumerate(classes):
                for j, name in enumerate(self.NAMES):
                    self.assertEqual(getattr(cls, name), (i, j))
            for j, name in enumerate(self.NAMES):
                for i, cls in enumerate(classes):
                    self.assertEqual(getattr(cls(), name), (i, j))

    def test_changes_of_a_base(self):
        base = type('Base', (), {})
        classes = new_classes(50, (base,))
        for value in range(20):
            name = self.NAMES[value]
            for cls in classes:
                self.assertFalse(hasattr(cls, name))
            setattr(base, name, value)
            for cls in classes:
                self.assertEqual(getattr(cls, name), value)
                self.assertEqual(getattr(cls(), name), value)
            setattr(base, name, -value)
            for cls in classes:
                self.assertEqual(getattr(cls, name), -value)
            delattr(base, name)
            for cls in classes:
                self.assertFalse(hasattr(cls, name))

    def test_changes_between_lookups_in_turn(self):
        # Each lookup finds its entry behind another one of the same set.
        classes = new_classes(40)
        for name in self.NAMES:
            for i, cls in enumerate(classes):
                setattr(cls, name, i)
        for changed, cls in enumerate(classes):
            cls.name_7 = -1
            for name in self.NAMES:
                for i, other in enumerate(classes):
                    expected = i
                    if name == 'name_7' and i <= changed:
                        expected = -1
                    self.assertEqual(getattr(other, name), expected)

    def test_equal_names_that_are_not_one_object(self):
        cls, = new_classes(1)
        for i in range(50):
            name = ''.join(['na', 'me'])
            self.assertFalse(hasattr(cls, name))
        cls.name = 1
        for i in range(50):
            self.assertEqual(getattr(cls, ''.join(['na', 'me'])), 1)

    def test_class_in_the_place_of_another(self):
        for value in range(200):
            cls = type('C', (), {'name': value})
            self.assertEqual((cls.name, cls().name), (value, value))
            del cls

    @support.cpython_only
    def test_cleared(self):
        import sys
        classes = new_classes(20)
        for i, cls in enumerate(classes):
            cls.name = i
        for _ in range(3):
            self.assertEqual([cls.name for cls in classes], list(range(20)))
            sys._clear_type_cache()

    def test_lookup_that_looks_up(self):
        # A key whose __eq__() uses the cache while a class is searched.
        classes = new_classes(30)
        for cls in classes:
            cls.other = 1

        class Key(str):
            __hash__ = str.__hash__

            def __eq__(self, other):
                for cls in classes:
                    for name in MethodCacheTests.NAMES[:20]:
                        hasattr(cls, name)
                return str.__eq__(self, other)

        searched = type('Searched', (), {Key('name'): 5})
        for _ in range(3):
            for cls in classes:
                self.assertEqual(cls.other, 1)
            self.assertEqual(searched.name, 5)
            self.assertEqual(searched().name, 5)


if __name__ == '__main__':
    unittest.main()
