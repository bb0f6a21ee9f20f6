"""What the shop sells, what is said of it, and what was ordered."""

from django.db import models


class Category(models.Model):
    """A shelf."""

    name = models.CharField(max_length=60)
    slug = models.SlugField(unique=True)

    class Meta:
        """Names as people say them."""

        ordering = ("name",)
        verbose_name_plural = "categories"

    def __str__(self):
        return self.name


class Product(models.Model):
    """An entry of the catalogue."""

    category = models.ForeignKey(Category, models.CASCADE, related_name="products")
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140)
    description = models.TextField()
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.PositiveIntegerField()
    added = models.DateTimeField()

    def __str__(self):
        return self.name

    @property
    def available(self):
        """Whether one can be sent today."""
        return self.stock > 0


class Review(models.Model):
    """What a customer thinks."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="reviews")
    author = models.CharField(max_length=40)
    stars = models.PositiveSmallIntegerField()
    text = models.TextField()

    def __str__(self):
        return f"{self.author}: {self.stars}"


class Order(models.Model):
    """A cart that was paid for."""

    placed = models.DateTimeField(auto_now_add=True)
    total = models.DecimalField(max_digits=12, decimal_places=2)

    def __str__(self):
        return f"order {self.pk}"


class OrderLine(models.Model):
    """So many of a product."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT)
    quantity = models.PositiveIntegerField()

    def __str__(self):
        return f"{self.quantity} x {self.product_id}"
