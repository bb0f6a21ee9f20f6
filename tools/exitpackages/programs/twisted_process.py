"""Twisted: child processes run on when the reactor stops; a reactor in a daemon thread is left."""

import gc
import os
import threading

from twisted.internet import protocol, reactor


class Child(protocol.ProcessProtocol):
    def connectionMade(self) -> None:
        self.transport.write(b"line\n")

    def outReceived(self, data: bytes) -> None:
        print(data, flush=True)
        seen.set()


seen = threading.Event()


def go() -> None:
    global child
    child = Child()
    reactor.spawnProcess(child, "cat", ["cat"], os.environ)


reactor.callWhenRunning(go)
thread = threading.Thread(target=reactor.run, args=(False,), daemon=True)
thread.start()
seen.wait(20)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
