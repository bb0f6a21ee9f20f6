"""The shop behind Flask: Jinja templates, sessions in a signed cookie, SQLite for what changes."""

import json
import os

from flask import Flask, abort, g, redirect, render_template, request, session, url_for

from shop import catalogue

application = Flask(__name__)
application.secret_key = "on loopback only, for measuring"  # noqa: S105 - no secret

SORTS = {
    "price": lambda product: product.price,
    "name": lambda product: product.name,
    "added": lambda product: product.added,
}
PER_PAGE = 24


def database():
    """Return this worker's connection, opened at its first use."""
    if not hasattr(database, "connection"):
        database.connection = catalogue.connect()
    return database.connection


@application.before_request
def count():
    """How many things are in the cart, for every page."""
    g.cart_count = sum(session.get("cart", {}).values())


@application.after_request
def who_answers(response):
    """Say in each response which process made it."""
    response.headers["X-Worker"] = str(os.getpid())
    return response


def page_of(products):
    """Return the part that was asked for, and its number."""
    last = max(1, -(-len(products) // PER_PAGE))
    number = min(max(1, request.args.get("page", 1, int)), last)
    return products[(number - 1) * PER_PAGE : number * PER_PAGE], number, last


@application.get("/")
def home():
    """The front page."""
    newest = [shelf[-1] for shelf in catalogue.BY_SHELF.values()]
    return render_template("home.html", shelves=catalogue.BY_SHELF, products=newest)


@application.get("/c/<shelf>/")
def listing(shelf):
    """A page of a shelf."""
    if shelf not in catalogue.BY_SHELF:
        abort(404)
    key = SORTS.get(request.args.get("sort", ""), SORTS["name"])
    products, number, last = page_of(sorted(catalogue.BY_SHELF[shelf], key=key))
    return render_template("listing.html", shelf=shelf, products=products, number=number, last=last)


@application.get("/p/<int:pk>/")
def detail(pk):
    """A product, what is said of it, and what stands beside it."""
    product = catalogue.PRODUCTS.get(pk) or abort(404)
    reviews = database().execute(
        "SELECT author, stars, text FROM review WHERE product = ? ORDER BY stars DESC, pk", (pk,)
    )
    return render_template(
        "detail.html",
        product=product,
        reviews=reviews.fetchmany(5),
        related=catalogue.related(product),
    )


@application.get("/search/")
def search():
    """Search in names and tags."""
    text = request.args.get("q", "")
    found = catalogue.search(text)
    products, number, last = page_of(found)
    return render_template(
        "search.html", text=text, count=len(found), products=products, number=number, last=last
    )


@application.get("/cart/")
def cart():
    """What is in the cart."""
    lines = [(catalogue.PRODUCTS[int(pk)], count) for pk, count in session.get("cart", {}).items()]
    total = sum(product.price * count for product, count in lines)
    return render_template("cart.html", lines=lines, total=total)


@application.post("/cart/add/<int:pk>/")
def add(pk):
    """Put a product into the cart."""
    if pk not in catalogue.PRODUCTS:
        abort(404)
    wanted = session.setdefault("cart", {})
    wanted[str(pk)] = wanted.get(str(pk), 0) + 1
    session.modified = True
    return redirect(url_for("cart"))


@application.post("/order/")
def order():
    """Order what is in the cart."""
    wanted = session.pop("cart", {})
    total = sum(catalogue.PRODUCTS[int(pk)].price * count for pk, count in wanted.items())
    with database() as connection:
        connection.execute(
            "INSERT INTO placed (total, wanted) VALUES (?, ?)",
            (int(total * 100), json.dumps(wanted)),
        )
    return redirect(url_for("home"))


catalogue.load()

if os.environ.get("SHOP_WARM"):
    # A few requests in the parent, so that what the first ones load and cache is shared.
    client = application.test_client()
    for pk in range(1, int(os.environ["SHOP_WARM"]) + 1):
        shelf = catalogue.PRODUCTS[pk].shelf
        for path in ("/", f"/c/{shelf}/?page=2", f"/p/{pk}/", "/search/?q=red+chair", "/cart/"):
            if client.get(path).status_code != 200:
                raise RuntimeError(path)
    # A connection must not be used on both sides of a fork.
    database.connection.close()
    del database.connection
