"""uvloop: tasks, timers, a server and a connection are left when the loop is stopped."""

import asyncio
import gc
import os

import uvloop


async def forever() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        print("finally", flush=True)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await reader.read()


async def main() -> None:
    global server, streams
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    streams = await asyncio.open_connection(*server.sockets[0].getsockname())
    streams[1].write(b"line\n")
    print(await streams[0].readline(), flush=True)


loop = uvloop.new_event_loop()
asyncio.set_event_loop(loop)
task = loop.create_task(forever())
timer = loop.call_later(60, print, "never")
loop.run_until_complete(main())
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
