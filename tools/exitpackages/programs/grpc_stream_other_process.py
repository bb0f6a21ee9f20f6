"""Clients of a gRPC server in another process read streams in daemon threads; finalizers wait."""

import gc
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures

import grpc


def serve() -> None:
    """The other process: echoes, until its parent closes the pipe."""

    class Echo(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            def echo(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
                for request in requests:
                    yield request.upper()

            return grpc.stream_stream_rpc_method_handler(echo)

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([Echo()])
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    os._exit(0)


if sys.argv[1:] == ["serve"]:
    serve()

other = subprocess.Popen(
    [sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
assert other.stdout
port = int(other.stdout.readline())


class Client:
    """Sends what is put into a queue, and keeps what comes back."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.jobs: queue.Queue[bytes] = queue.Queue()
        self.answers: queue.Queue[bytes] = queue.Queue()
        self.call = channel.stream_stream("/echo/echo")(iter(self.jobs.get, b""))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        for answer in self.call:
            self.answers.put(answer)

    def __del__(self) -> None:
        self.jobs.put(b"")
        self.reader.join()
        self.answers.get()

    def ask(self, text: bytes) -> bytes:
        self.jobs.put(text)
        return self.answers.get(timeout=20)


channel = grpc.insecure_channel(f"127.0.0.1:{port}")
clients = [Client(channel) for _ in range(3)]
print([client.ask(b"hello %d" % n) for n, client in enumerate(clients)], flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
