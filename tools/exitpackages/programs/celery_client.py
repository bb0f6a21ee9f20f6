"""A program sends Celery tasks, with producers, results and an event receiver left open."""

import gc
import os
import threading

from celery import Celery

app = Celery("client", broker="memory://", backend="cache+memory://")


@app.task(name="work")
def work(number: int) -> int:
    return number


results = [work.delay(number) for number in range(3)]
print([result.state for result in results], flush=True)
connection = app.connection()
receiver = app.events.Receiver(connection, handlers={"*": print})
begun = threading.Event()


def capture() -> None:
    begun.set()
    receiver.capture(limit=None, timeout=None, wakeup=False)


threading.Thread(target=capture, daemon=True).start()
begun.wait(20)
waiting = threading.Thread(target=results[0].get, daemon=True)
waiting.start()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
