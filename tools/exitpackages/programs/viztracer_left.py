"""A tracer is started inside the program and never stopped."""

import gc
import os
import threading

from viztracer import VizTracer


def work() -> None:
    ready.set()
    threading.Event().wait()


ready = threading.Event()
tracer = VizTracer(verbose=0, output_file="never.json")
tracer.start()
threading.Thread(target=work, daemon=True).start()
ready.wait()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
