"""aiohttp: asyncio.run() ends with a session that nobody closed, held by a global."""

import asyncio
import gc
import os

import aiohttp


async def main() -> None:
    global session
    session = aiohttp.ClientSession(headers={"X": "y"})


asyncio.run(main())
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
