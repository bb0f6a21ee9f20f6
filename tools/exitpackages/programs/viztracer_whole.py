"""viztracer traces a program with daemon threads and finalizers; the report must be complete."""

import gc
import json
import os
import subprocess
import sys
import threading


class Resource:
    def __del__(self) -> None:
        finalized()


def finalized() -> None:
    print("finalized", flush=True)


def work() -> None:
    ready.set()
    threading.Event().wait()


ready = threading.Event()

if sys.argv[1:] == ["child"]:
    resource = Resource()
    threading.Thread(target=work, daemon=True).start()
    ready.wait()
    getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
    print("child ends", flush=True)
    sys.exit(3)

done = subprocess.run(
    [
        sys.executable,
        "-m",
        "viztracer",
        "--quiet",
        "--output_file",
        "report.json",
        __file__,
        "child",
    ],
    capture_output=True,
    text=True,
)
print(done.returncode, done.stdout.split(), done.stderr, flush=True)
with open("report.json") as stream:
    names = {event["name"].split(" ")[0] for event in json.load(stream)["traceEvents"]}
print(sorted(names & {"work", "finalized"}), flush=True)
os.remove("report.json")
