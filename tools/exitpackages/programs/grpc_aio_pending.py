"""grpc.aio: the loop ends while a server runs, a stream is half read and a task waits for it."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator

import grpc
import grpc.aio


class Ticker(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_stream_rpc_method_handler(self.ticks)

    async def ticks(
        self, request: bytes, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[bytes]:
        for number in range(1000):
            yield b"%d" % number
            await asyncio.sleep(0.01)


async def main() -> None:
    global server, channel, call
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([Ticker()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    call = channel.unary_stream("/ticker/ticks")(b"go")
    print(await call.read(), await call.read(), flush=True)


asyncio.run(main())
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
