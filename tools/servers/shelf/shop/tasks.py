"""The tasks of a Celery worker, which has the catalogue in memory before it forks."""

import os
from pathlib import Path

from celery import Celery
from celery.signals import worker_ready

from shop import catalogue, work

app = Celery("shop")
app.config_from_object("shop.celeryconfig")
HERE = Path(os.environ["SHOP_QUEUE"]).parent


@app.task(name="shop.do")
def do(kind, shelf, text):
    """Do a task, and add to a file how long it took and who did it."""
    found = work.do((kind, shelf, text))
    with (HERE / "answers").open("a", encoding="utf-8") as stream:
        stream.write(" ".join(map(str, found)) + "\n")


@worker_ready.connect
def ready(**_):
    """Say that the workers are there."""
    (HERE / "ready").touch()


catalogue.load()
