"""aiohttp: a client session, a half-read response and a server are left by asyncio.run()."""

import asyncio
import gc
import os

import aiohttp
from aiohttp import web


async def slow(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"first")
    await asyncio.sleep(60)
    return response


async def main() -> None:
    global runner, session, response
    application = web.Application()
    application.router.add_get("/", slow)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    session = aiohttp.ClientSession()
    response = await session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    print(response.status, await response.content.read(5), flush=True)


loop = asyncio.new_event_loop()
loop.run_until_complete(main())
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
