"""The catalogue in memory: loaded once, in the parent, and read by every request and task."""

import collections
import dataclasses
import datetime
import decimal
import os
import sqlite3


@dataclasses.dataclass
class Product:
    """An entry of the catalogue."""

    pk: int
    shelf: str
    name: str
    description: str
    price: decimal.Decimal
    stock: int
    added: datetime.datetime
    tags: list[str]


PRODUCTS = {}
BY_SHELF = collections.defaultdict(list)
BY_WORD = collections.defaultdict(list)


def connect():
    """Open the database that SHOP_DB names."""
    return sqlite3.connect(os.environ["SHOP_DB"], timeout=30)


def load():
    """Read all of it from the database; once."""
    if PRODUCTS:
        return
    database = connect()
    for row in database.execute("SELECT * FROM product ORDER BY pk"):
        pk, shelf, name, description, price, stock, added, tags = row
        product = Product(
            pk=pk,
            shelf=shelf,
            name=name,
            description=description,
            price=decimal.Decimal(price) / 100,
            stock=stock,
            added=datetime.datetime.fromisoformat(added),
            tags=tags.split(),
        )
        PRODUCTS[pk] = product
        BY_SHELF[shelf].append(product)
        for word in [*name.split(), *product.tags]:
            BY_WORD[word].append(product)
    database.close()


def related(product, count=6):
    """Return what stands beside a product on its shelf."""
    shelf = BY_SHELF[product.shelf]
    at = product.pk % max(1, len(shelf) - count)
    return shelf[at : at + count]


def search(text):
    """Return the products that have every word of *text*, the cheapest first."""
    words = text.lower().split()
    if not words:
        return []
    found = BY_WORD.get(words[0], ())
    for word in words[1:]:
        found = [product for product in found if word in product.name or word in product.tags]
    return sorted(found, key=lambda product: (product.price, product.pk))
