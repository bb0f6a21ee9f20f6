"""Which page is where."""

from django.urls import path

from shop import views

urlpatterns = [
    path("", views.home, name="home"),
    path("c/<slug:slug>/", views.listing, name="listing"),
    path("p/<int:pk>/", views.detail, name="detail"),
    path("search/", views.search, name="search"),
    path("cart/", views.cart, name="cart"),
    path("cart/add/<int:pk>/", views.add, name="add"),
    path("order/", views.order, name="order"),
]
