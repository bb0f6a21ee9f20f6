"""httpx: a client, a streamed response and an asynchronous client are left open."""

import asyncio
import gc
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 100_000)

    def log_message(self, *args: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
client = httpx.Client()
print(len(client.get(url).content), flush=True)
stream = client.send(client.build_request("GET", url), stream=True)
chunks = stream.iter_raw(100)
print(len(next(chunks)), flush=True)


async def main() -> None:
    global other
    other = httpx.AsyncClient()
    print(len((await other.get(url)).content), flush=True)


asyncio.run(main())
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
