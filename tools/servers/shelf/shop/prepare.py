"""Make the database: ``python -m shop.prepare ENTRIES`` writes the file that SHOP_DB names."""

import datetime
import random
import sys

from shop.catalogue import connect

ADJECTIVES = "red blue green old new small large quiet bright plain round flat warm cold".split()
THINGS = "chair lamp table shelf clock basket kettle blanket mirror drawer bench stool".split()
FILLER = "of good make and made to last with care by people who know what they are doing".split()
SHELVES = 40


def main(entries):
    """Fill a new database with so many products; always the same ones."""
    dice = random.Random(1)
    first = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    database = connect()
    database.execute("PRAGMA journal_mode=WAL")
    database.executescript(
        """
        CREATE TABLE product (pk INTEGER PRIMARY KEY, shelf TEXT, name TEXT, description TEXT,
                              price INTEGER, stock INTEGER, added TEXT, tags TEXT);
        CREATE TABLE review (pk INTEGER PRIMARY KEY, product INTEGER, author TEXT, stars INTEGER,
                             text TEXT);
        CREATE INDEX review_product ON review (product);
        CREATE TABLE placed (pk INTEGER PRIMARY KEY, total INTEGER, wanted TEXT);
        """
    )
    database.executemany(
        "INSERT INTO product VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                number + 1,
                f"room-{number % SHELVES}",
                f"{dice.choice(ADJECTIVES)} {dice.choice(THINGS)} {number}",
                " ".join(dice.choices(FILLER, k=40)),
                dice.randrange(100, 99999),
                dice.randrange(1000),
                (first + datetime.timedelta(minutes=number)).isoformat(),
                " ".join(dice.sample(ADJECTIVES, 3)),
            )
            for number in range(entries)
        ),
    )
    database.executemany(
        "INSERT INTO review (product, author, stars, text) VALUES (?, ?, ?, ?)",
        (
            (
                dice.randrange(1, entries + 1),
                f"customer {number}",
                dice.randrange(1, 6),
                " ".join(dice.choices(FILLER, k=12)),
            )
            for number in range(2 * entries)
        ),
    )
    database.commit()
    database.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
