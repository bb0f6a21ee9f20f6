"""A gevent WSGI server and a stream server are left, with clients that wait for an answer."""

import gc
import os

import gevent
from gevent import socket
from gevent.pywsgi import WSGIServer
from gevent.server import StreamServer


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/slow":
        gevent.sleep(60)
    return [b"page"]


def echo(client, address) -> None:
    for line in client.makefile("rb"):
        client.sendall(line)


web = WSGIServer(("127.0.0.1", 0), application, log=None)
web.start()
stream = StreamServer(("127.0.0.1", 0), echo)
stream.start()


def get(path: bytes) -> bytes:
    client = socket.create_connection(("127.0.0.1", web.server_port))
    client.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path)
    return client.makefile("rb").read()


print(get(b"/fast").split(b"\r\n\r\n")[1], flush=True)
waiting = gevent.spawn(get, b"/slow")
client = socket.create_connection(("127.0.0.1", stream.server_port))
client.sendall(b"line\n")
print(client.recv(100), flush=True)
gevent.sleep(0.05)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
