"""What the workers of a pool and of Celery do: tasks of several kinds over the catalogue."""

import json
import os
import random
import statistics
import time

from shop import catalogue


def price_report(shelf, _):
    """Prices of a shelf, as text."""
    prices = [product.price for product in catalogue.BY_SHELF[shelf]]
    return f"{shelf}: {len(prices)} from {min(prices)} to {max(prices)}, {statistics.mean(prices)}"


def search(_, text):
    """What a search finds, the first ten."""
    return [(product.pk, product.name) for product in catalogue.search(text)[:10]]


def export(shelf, _):
    """A shelf as JSON."""
    return len(
        json.dumps(
            [
                [product.pk, product.name, str(product.price), product.added.isoformat()]
                for product in catalogue.BY_SHELF[shelf]
            ]
        )
    )


def similar(shelf, text):
    """The products of a shelf that have most in common with a text."""
    words = set(text.split())
    return sorted(
        (-len(words & {*product.tags, *product.name.split()}), product.pk)
        for product in catalogue.BY_SHELF[shelf]
    )[:10]


KINDS = {"report": price_report, "search": search, "export": export, "similar": similar}


def do(task):
    """Do a task; returns its kind, how long it took in ms, and who did it."""
    kind, shelf, text = task
    begun = time.perf_counter()
    if not KINDS[kind](shelf, text):
        raise ValueError(f"{kind} {shelf} {text}: nothing")
    return kind, round((time.perf_counter() - begun) * 1000, 3), str(os.getpid())


def tasks(count, seed):
    """Return so many tasks; the same ones for the same seed."""
    dice = random.Random(seed)
    shelves = sorted(catalogue.BY_SHELF)
    words = ("red", "blue", "green", "old", "new", "small", "large", "quiet")
    return [(dice.choice(list(KINDS)), dice.choice(shelves), dice.choice(words))
            for _ in range(count)]  # fmt: skip
