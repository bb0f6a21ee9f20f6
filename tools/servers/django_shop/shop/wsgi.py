"""What the server loads: the application, with the catalogue in memory."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()

from django.db import connections  # noqa: E402

from shop import catalogue  # noqa: E402

catalogue.load()

if os.environ.get("SHOP_WARM"):
    from shop.warm import warm

    warm(int(os.environ["SHOP_WARM"]))

# A connection must not be used on both sides of a fork.
connections.close_all()
