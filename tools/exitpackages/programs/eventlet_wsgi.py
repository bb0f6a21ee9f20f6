"""eventlet's WSGI server is left listening, with a request that is not answered yet."""

import eventlet

eventlet.monkey_patch()

import gc
import os
import socket

from eventlet import wsgi


def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        eventlet.sleep(60)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"page"]


listener = eventlet.listen(("127.0.0.1", 0))
server = eventlet.spawn(wsgi.server, listener, application, log_output=False)


def get(path: bytes) -> bytes:
    client = socket.create_connection(listener.getsockname())
    client.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path)
    return client.makefile("rb").read()


print(get(b"/fast").split(b"\r\n\r\n")[1], flush=True)
waiting = eventlet.spawn(get, b"/slow")
eventlet.sleep(0.05)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
