"""Twisted: Deferreds that failed and that nobody looked at are left, in a loop too."""

import gc
import os
import sys

from twisted.internet import defer, reactor
from twisted.logger import globalLogBeginner, textFileLogObserver

globalLogBeginner.beginLoggingTo(
    [textFileLogObserver(sys.stdout, timeFormat=None)], redirectStandardIO=False
)


failed = defer.fail(ValueError("nobody looks"))
loop = [defer.fail(KeyError("nor here"))]
loop.append(loop)
reactor.callLater(0.05, reactor.stop)
reactor.run()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
