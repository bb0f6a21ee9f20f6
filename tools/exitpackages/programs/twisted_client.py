"""A client runs Twisted's reactor in a daemon thread, and closes itself through it."""

import gc
import os
import threading

from twisted.internet import reactor, threads


class Client:
    """The synchronous face of something made with Twisted."""

    def __init__(self) -> None:
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        reactor.run(installSignalHandlers=False)

    def ask(self) -> int:
        return threads.blockingCallFromThread(reactor, sum, [1, 2, 3])

    def __del__(self) -> None:
        self.ask()
        reactor.callFromThread(reactor.stop)
        self.thread.join()


client = Client()
print(client.ask(), flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
