"""The catalogue in memory: loaded once, in the parent, and read by every request."""

import collections

from shop.models import Category, Product

PRODUCTS = {}
SHELVES = {}
BY_CATEGORY = collections.defaultdict(list)
BY_WORD = collections.defaultdict(list)


def load():
    """Read all of it from the database; once."""
    if PRODUCTS:
        return
    for category in Category.objects.all():
        SHELVES[category.slug] = category
    for product in Product.objects.select_related("category").order_by("pk").iterator():
        # One object for each category, as a cache would keep it.
        product.category = SHELVES[product.category.slug]
        PRODUCTS[product.pk] = product
        BY_CATEGORY[product.category.slug].append(product)
        for word in product.name.lower().split():
            BY_WORD[word].append(product)


def related(product, count=6):
    """Return what stands beside a product on its shelf."""
    shelf = BY_CATEGORY[product.category.slug]
    at = product.pk % max(1, len(shelf) - count)
    return shelf[at : at + count]


def search(text):
    """Return the products that have every word of *text* in their names, the cheapest first."""
    words = text.lower().split()
    if not words:
        return []
    found = BY_WORD.get(words[0], ())
    for word in words[1:]:
        found = [product for product in found if word in product.name.lower()]
    return sorted(found, key=lambda product: (product.price, product.pk))
