"""uvloop: a child process runs on, its transport and pipes are left, in a closed loop."""

import asyncio
import gc
import os

import uvloop


async def main() -> None:
    global child
    child = await asyncio.create_subprocess_exec(
        "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    child.stdin.write(b"line\n")
    print(await child.stdout.readline(), flush=True)


uvloop.run(main())
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
