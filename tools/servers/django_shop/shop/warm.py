"""A few requests in the parent, so that what is loaded and cached by the first is shared."""

import itertools

from django.test import Client

from shop import catalogue


def warm(count):
    """Ask for *count* pages of each kind that only reads."""
    client = Client()
    for product in itertools.islice(catalogue.PRODUCTS.values(), count):
        for path in (
            "/",
            f"/c/{product.category.slug}/?page=2",
            f"/p/{product.pk}/",
            f"/search/?q={product.name.split()[0]}",
            "/cart/",
        ):
            response = client.get(path)
            if response.status_code != 200:
                raise RuntimeError(f"{path}: {response.status_code}")
