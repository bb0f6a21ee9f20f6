"""A Celery worker (threads pool, memory broker) gets SIGTERM while a task runs: a warm shutdown."""

import gc
import os
import signal
import threading
import time

from celery import Celery, signals

app = Celery("exitpackages", broker="memory://", backend="cache+memory://")
app.conf.worker_hijack_root_logger = False
app.conf.worker_redirect_stdouts = False
app.conf.broker_connection_retry_on_startup = True


@app.task(name="nap")
def nap(number: int) -> None:
    with open(f"task-{number}", "w") as stream:
        stream.write("begun\n")
        stream.flush()
        time.sleep(0.4)
        stream.write("ended\n")


@signals.worker_ready.connect
def ready(**kwargs: object) -> None:
    nap.delay(1)
    threading.Thread(target=stop, daemon=True).start()


def stop() -> None:
    while not os.path.exists("task-1"):
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGTERM)


@signals.worker_shutdown.connect
def shutdown(**kwargs: object) -> None:
    print("shutdown", flush=True)


getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
app.worker_main(
    [
        "--quiet",
        "worker",
        "--pool=threads",
        "--concurrency=2",
        "--loglevel=ERROR",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
)
