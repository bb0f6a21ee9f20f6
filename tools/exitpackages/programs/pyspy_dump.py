"""py-spy reads the stack of a running program: the functions of each thread, by name."""

import gc
import os
import re
import subprocess
import sys
import threading
import time


def sleeper() -> None:
    while True:
        time.sleep(0.01)


def inner() -> None:
    """Called in the child: names itself in the dump."""
    print("ready", flush=True)
    sys.stdin.read()


def outer() -> None:
    inner()


if sys.argv[1:] == ["child"]:
    threading.Thread(target=sleeper, daemon=True, name="sleeper").start()
    getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
    outer()
    print("child ends", flush=True)
    sys.exit(3)

child = subprocess.Popen(
    [sys.executable, __file__, "child"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
)
assert child.stdin
assert child.stdout
print(child.stdout.readline().strip(), flush=True)
time.sleep(0.2)
spy = os.path.join(os.path.dirname(sys.executable), "py-spy")
done = subprocess.run([spy, "dump", "--pid", str(child.pid)], capture_output=True, text=True)
print(done.returncode, done.stderr.strip())
print(*re.findall(r"^Python v[\d.]+", done.stdout, re.M))
for line in re.findall(r"^ +([\w.<>]+) \((?:[^)]*/)?(\S+:\d+)\)", done.stdout, re.M):
    print(*line)
child.stdin.close()
print(child.stdout.read().strip(), child.wait(), flush=True)
