"""requests: sessions and half-read answers are left, a daemon thread waits for an answer."""

import gc
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            asked.set()
            time.sleep(60)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 1_000_000)

    def log_message(self, *args: object) -> None:
        pass


asked = threading.Event()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
session = requests.Session()
session.trust_env = False
answer = session.get(url, stream=True)
chunks = answer.iter_content(1000)
print(len(next(chunks)), flush=True)
threading.Thread(target=session.get, args=(url + "slow",), daemon=True).start()
asked.wait(20)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
