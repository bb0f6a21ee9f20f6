"""Send the tasks to Celery and wait for them: ``python -m shop.send TASKS SEED OUTPUT``."""

import json
import sys
import time
from pathlib import Path

from celery import Celery

from shop import catalogue, work

#: Tasks that wait in the queue, at most.
WAITING = 100


def done(answers):
    """Return what the workers have told so far, after a moment."""
    time.sleep(0.05)
    return answers.read_text(encoding="utf-8").splitlines() if answers.exists() else []


def main(count, seed, output):
    """Write down what the tasks took, as the workers told."""
    app = Celery("shop")
    app.config_from_object("shop.celeryconfig")
    catalogue.load()
    answers = output.with_name("answers")
    begun = time.perf_counter()
    lines = []
    for sent, task in enumerate(work.tasks(count, seed)):
        # A directory is a slow queue when it is long.
        while sent - len(lines) >= WAITING:
            lines = done(answers)
        app.send_task("shop.do", task)
    while len(lines) < count:
        lines = done(answers)
    seconds = time.perf_counter() - begun
    rows = [line.split() for line in lines]
    found = {"seconds": seconds, "connections": 0, "failed": 0, "failures": []}
    found["answers"] = [[kind, float(spent), pid] for kind, spent, pid in rows]
    output.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
