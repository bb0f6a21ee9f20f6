"""coverage runs a program with threads and finalizers: its status, and a complete report."""

import gc
import os
import subprocess
import sys
import threading


class Resource:
    def __del__(self) -> None:
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

tool = [sys.executable, "-m", "coverage"]
done = subprocess.run([*tool, "run", "--branch", __file__, "child"], capture_output=True, text=True)
print(done.returncode, done.stdout.split(), done.stderr, flush=True)
done = subprocess.run(
    [*tool, "report", "-m", "--include=*/coverage_run.py"], capture_output=True, text=True
)
print(done.returncode, done.stdout, done.stderr, flush=True)
os.remove(".coverage")
