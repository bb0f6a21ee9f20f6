"""A client runs uvloop in a daemon thread of its own, and closes itself through that loop."""

import asyncio
import gc
import os
import threading

import uvloop


class Client:
    """The synchronous face of something asynchronous, as many libraries have one."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        self.loop.run_forever()

    def __del__(self) -> None:
        self.ask()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    async def answer(self) -> int:
        return await asyncio.to_thread(sum, [1, 2, 3])

    def ask(self) -> int:
        return asyncio.run_coroutine_threadsafe(self.answer(), self.loop).result(20)


client = Client()
print(client.ask(), flush=True)
asyncio.run_coroutine_threadsafe(asyncio.sleep(60), client.loop)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
