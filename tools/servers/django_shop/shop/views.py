"""The pages."""

import os

from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Avg
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from shop import catalogue
from shop.models import Order, OrderLine, Product, Review

ORDERS = {
    "price": lambda product: product.price,
    "name": lambda product: product.name,
    "added": lambda product: product.added,
}


def who_answers(get_response):
    """Middleware: say in each response which process made it."""

    def middleware(request):
        response = get_response(request)
        response["X-Worker"] = str(os.getpid())
        return response

    return middleware


def basket(request):
    """Context processor: how many things are in the cart, on every page."""
    return {"cart_count": sum(request.session.get("cart", {}).values())}


def home(request):
    """The front page."""
    newest = [shelf[-1] for shelf in catalogue.BY_CATEGORY.values()]
    return render(
        request,
        "shop/home.html",
        {"categories": catalogue.SHELVES.values(), "products": newest, "title": "Shop"},
    )


def listing(request, slug):
    """A page of a category."""
    if slug not in catalogue.SHELVES:
        raise Http404(slug)
    key = ORDERS.get(request.GET.get("sort", ""), ORDERS["name"])
    products = sorted(catalogue.BY_CATEGORY[slug], key=key)
    page = Paginator(products, 24).get_page(request.GET.get("page"))
    category = catalogue.SHELVES[slug]
    return render(
        request, "shop/listing.html", {"page": page, "category": category, "title": category.name}
    )


def detail(request, pk):
    """A product, what is said of it, and what stands beside it."""
    product = catalogue.PRODUCTS.get(pk)
    if product is None:
        raise Http404(str(pk))
    reviews = Review.objects.filter(product_id=pk).order_by("-stars", "pk")
    return render(
        request,
        "shop/detail.html",
        {
            "product": product,
            "reviews": reviews[:5],
            "mean": reviews.aggregate(mean=Avg("stars"))["mean"],
            "related": catalogue.related(product),
            "title": product.name,
        },
    )


def search(request):
    """Search in the names."""
    text = request.GET.get("q", "")
    page = Paginator(catalogue.search(text), 24).get_page(request.GET.get("page"))
    return render(request, "shop/search.html", {"page": page, "text": text, "title": "Search"})


def cart(request):
    """What is in the cart."""
    wanted = {int(pk): count for pk, count in request.session.get("cart", {}).items()}
    products = Product.objects.select_related("category").in_bulk(list(wanted))
    lines = [(product, wanted[pk], product.price * wanted[pk]) for pk, product in products.items()]
    total = sum(line[2] for line in lines)
    return render(request, "shop/cart.html", {"lines": lines, "total": total, "title": "Your cart"})


@require_POST
def add(request, pk):
    """Put a product into the cart."""
    if pk not in catalogue.PRODUCTS:
        raise Http404(str(pk))
    wanted = request.session.setdefault("cart", {})
    wanted[str(pk)] = wanted.get(str(pk), 0) + 1
    request.session.modified = True
    return redirect("cart")


@require_POST
def order(request):
    """Order what is in the cart."""
    wanted = {int(pk): count for pk, count in request.session.pop("cart", {}).items()}
    with transaction.atomic():
        products = Product.objects.in_bulk(list(wanted))
        total = sum(product.price * wanted[pk] for pk, product in products.items())
        placed = Order.objects.create(total=total)
        OrderLine.objects.bulk_create(
            OrderLine(order=placed, product=product, quantity=wanted[pk])
            for pk, product in products.items()
        )
    return redirect("home")
