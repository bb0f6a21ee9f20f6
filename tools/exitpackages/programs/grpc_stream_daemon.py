"""A gRPC client reads a stream in a daemon thread; the server is in another, in a loop."""

import asyncio
import gc
import os
import queue
import threading
from collections.abc import AsyncIterator

import grpc
import grpc.aio


class Ticker(grpc.GenericRpcHandler):
    """Answers every call with a stream that has no end."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_stream_rpc_method_handler(self.ticks)

    async def ticks(
        self, request: bytes, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.sleep(600)


async def serve() -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([Ticker()])
    ports.put(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    await server.wait_for_termination()


ports: queue.Queue[int] = queue.Queue()
threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()
channel = grpc.insecure_channel(f"127.0.0.1:{ports.get(timeout=20)}")
stream = channel.unary_stream("/ticker/ticks")(b"go")
seen = threading.Event()


def read() -> None:
    for message in stream:
        print(message.decode(), flush=True)
        seen.set()


threading.Thread(target=read, daemon=True).start()
seen.wait(20)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
