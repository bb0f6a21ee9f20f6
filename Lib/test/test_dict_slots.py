"""Strings stored in dicts: one walk finds the key or the place for it.  The
debug build compares the place with that of a walk of its own."""

import random
import unittest


class Model:
    """A dict, as a list of its items."""

    def __init__(self):
        self.items = []

    def find(self, key):
        for i, (k, _) in enumerate(self.items):
            if k == key:
                return i
        return None

    def set(self, key, value):
        i = self.find(key)
        if i is None:
            self.items.append((key, value))
        else:
            self.items[i] = (self.items[i][0], value)

    def setdefault(self, key, value):
        i = self.find(key)
        if i is None:
            self.items.append((key, value))
            return value
        return self.items[i][1]

    def delete(self, key):
        i = self.find(key)
        if i is None:
            return False
        del self.items[i]
        return True


class Collides(str):
    """A str by which a dict's keys are no longer all str."""

    def __eq__(self, other):
        return str.__eq__(self, other)

    def __hash__(self):
        return str.__hash__(self)


class Instance:
    pass


def keys(rng, n):
    """Strings many of which begin at the same place of a small table."""
    found = []
    while len(found) < n:
        key = f'key {rng.randrange(10 ** 6)}'
        if hash(key) & 7 < 3:
            found.append(key)
    return found


class SlotTests(unittest.TestCase):

    def play(self, make, pool, rng, steps, sometimes=()):
        d, model = make(), Model()
        for step in range(steps):
            key = rng.choice(pool)
            if rng.random() < .7:
                key = ''.join(list(key))    # equal, not the same
            action = rng.random()
            if action < .4:
                d[key] = step
                model.set(key, step)
            elif action < .6:
                self.assertEqual(d.setdefault(key, step),
                                 model.setdefault(key, step))
            elif action < .95:
                self.assertEqual(d.pop(key, None) is not None,
                                 model.delete(key))
            elif sometimes:
                key = rng.choice(sometimes)
                d[key] = step
                model.set(key, step)
            self.assertEqual(len(d), len(model.items))
            if step % 16 == 0:
                self.assertEqual(list(d.items()), model.items)
        self.assertEqual(list(d.items()), model.items)
        for key in pool:
            i = model.find(key)
            self.assertEqual(d.get(key), None if i is None
                             else model.items[i][1])

    def test_small(self):
        rng = random.Random(1)
        for n in range(1, 8):
            for _ in range(20):
                self.play(dict, keys(rng, n), rng, 200)

    def test_growing(self):
        rng = random.Random(2)
        for n in (20, 100, 300):
            self.play(dict, keys(rng, n), rng, 2000)

    def test_other_keys_come(self):
        rng = random.Random(3)
        for n in (3, 30):
            self.play(dict, keys(rng, n), rng, 1000,
                      sometimes=[1, 2.5, None, Collides('x'), ('a',)])

    def test_instances(self):
        rng = random.Random(4)
        pool = keys(rng, 40)

        def make():
            class C(Instance):
                pass
            one = C()
            for key in pool[:10]:
                setattr(one, key, 0)
            self.keep = one
            return C().__dict__
        for _ in range(20):
            self.play(make, pool[:12], rng, 100)
        self.play(make, pool, rng, 1000)

    def test_keys_with_one_hash_each(self):
        # Stored anew, the first key and its place in the order stay.
        d = {}
        first = [f'first {i}' for i in range(200)]
        for i, key in enumerate(first):
            d[key] = i
        for i, key in enumerate(first):
            d[''.join(list(key))] = -i
        self.assertEqual([id(k) for k in d], [id(k) for k in first])
        self.assertEqual(list(d.values()), [-i for i in range(200)])


if __name__ == '__main__':
    unittest.main()
