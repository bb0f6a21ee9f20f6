"""pyzmq: daemon threads wait in sockets that nothing closes, one of them in a poller."""

import gc
import os
import threading
import time

import zmq


class Application:
    pass


application = Application()
application.context = zmq.Context()
application.subscribed = application.context.socket(zmq.SUB)
application.subscribed.subscribe(b"")
application.subscribed.bind("inproc://events")
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
waiting = threading.Barrier(4)


def serve() -> None:
    own = application.context.socket(zmq.REP)
    own.bind("inproc://echo")
    waiting.wait()
    while True:
        own.send(own.recv())


def listen() -> None:
    waiting.wait()
    while True:
        application.subscribed.recv()


def poll() -> None:
    pulled = application.context.socket(zmq.PULL)
    pulled.bind("inproc://work")
    poller = zmq.Poller()
    poller.register(pulled, zmq.POLLIN)
    waiting.wait()
    while True:
        poller.poll()


for function in serve, listen, poll:
    threading.Thread(target=function, daemon=True).start()
waiting.wait()
client = application.context.socket(zmq.REQ)
client.connect("inproc://echo")
client.send(b"question")
print(client.recv(), flush=True)
time.sleep(0.2)
print("end", flush=True)
