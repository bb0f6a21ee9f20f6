"""Twisted: the reactor is stopped while Deferreds of its thread pool and of timers are pending."""

import gc
import os
import time

from twisted.internet import defer, protocol, reactor, threads

results: list[object] = []


class Echo(protocol.Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


async def work() -> None:
    results.append(await threads.deferToThread(sum, [1, 2, 3]))
    await threads.deferToThread(time.sleep, 0.3)
    results.append("late")


factory = protocol.ServerFactory.forProtocol(Echo)
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
pending = defer.ensureDeferred(work())
never: defer.Deferred[None] = defer.Deferred()
never.addCallback(results.append)
reactor.callLater(0.1, reactor.stop)
reactor.callLater(60, print, "never")
reactor.run()
print(results, flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
