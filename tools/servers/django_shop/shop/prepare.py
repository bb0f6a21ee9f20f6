"""Make the database: ``python -m shop.prepare ENTRIES`` writes the file that SHOP_DB names."""

import datetime
import decimal
import os
import random
import sys

import django

ADJECTIVES = "red blue green old new small large quiet bright plain round flat warm cold".split()
THINGS = "chair lamp table shelf clock basket kettle blanket mirror drawer bench stool".split()
FILLER = "of good make and made to last with care by people who know what they are doing".split()
CATEGORIES = 40


def main(entries):
    """Fill a new database with so many products; always the same ones."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    django.setup()
    from django.core.management import call_command

    from shop.models import Category, Product, Review

    call_command("migrate", verbosity=0)
    dice = random.Random(1)
    shelves = [
        Category(name=f"Things for room {number}", slug=f"room-{number}")
        for number in range(CATEGORIES)
    ]
    Category.objects.bulk_create(shelves)
    first = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    products = []
    for number in range(entries):
        name = f"{dice.choice(ADJECTIVES)} {dice.choice(THINGS)} {number}"
        products.append(
            Product(
                category=shelves[number % CATEGORIES],
                name=name,
                slug=name.replace(" ", "-"),
                description=" ".join(dice.choices(FILLER, k=40)),
                price=decimal.Decimal(dice.randrange(100, 99999)) / 100,
                stock=dice.randrange(1000),
                added=first + datetime.timedelta(minutes=number),
            )
        )
    Product.objects.bulk_create(products, batch_size=500)
    Review.objects.bulk_create(
        [
            Review(
                product_id=dice.randrange(1, entries + 1),
                author=f"customer {number}",
                stars=dice.randrange(1, 6),
                text=" ".join(dice.choices(FILLER, k=12)),
            )
            for number in range(2 * entries)
        ],
        batch_size=500,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
