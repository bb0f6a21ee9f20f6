"""requests: a client has threads that fetch from a queue, and waits for them in its finalizer."""

import gc
import os
import queue
import threading
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *args: object) -> None:
        pass


class Fetcher:
    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.jobs: queue.Queue[tuple[str, Future[str]]] = queue.Queue()
        for _ in range(2):
            threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while True:
            path, future = self.jobs.get()
            future.set_result(self.session.get(self.url + path).text)
            self.jobs.task_done()

    def fetch(self, path: str) -> Future[str]:
        future: Future[str] = Future()
        self.jobs.put((path, future))
        return future

    def __del__(self) -> None:
        self.fetch("/bye").result()
        self.jobs.join()
        self.session.close()


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
fetcher = Fetcher(f"http://127.0.0.1:{server.server_port}")
print([fetcher.fetch(f"/{number}").result(20) for number in range(3)], flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
