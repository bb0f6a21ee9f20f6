"""The standard library's asyncio, for comparison: tasks, a child and a server are left."""

import asyncio
import gc
import os


async def forever() -> None:
    await asyncio.sleep(60)


async def main() -> None:
    global child, server
    child = await asyncio.create_subprocess_exec(
        "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    child.stdin.write(b"line\n")
    print(await child.stdout.readline(), flush=True)
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)


loop = asyncio.new_event_loop()
task = loop.create_task(forever())
loop.run_until_complete(main())
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
