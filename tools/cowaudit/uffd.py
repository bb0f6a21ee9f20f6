"""userfaultfd in write-protect mode: being told of each first store to a page, by whoever.

Linux 5.7 and later. Only anonymous memory can be watched; private mappings of files, where the
static data of the interpreter lies, cannot.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cowaudit.pagemap import PAGE

DEVICE = Path("/dev/userfaultfd")

_API, _REGISTER, _PROTECT, _WAKE = 0xC018AA3F, 0xC020AA00, 0xC018AA06, 0x8010AA02
_MAGIC, _FEATURE_WP, _FEATURE_THREAD, _FEATURE_EXACT = 0xAA, 1 << 0, 1 << 8, 1 << 11
_MODE_WP = 2
_EVENT_FAULT = 0x12
_MESSAGE = struct.Struct("=BBHIQQII")

_SYSCALLS = {"x86_64": (323, 438), "aarch64": (282, 438)}  # userfaultfd, pidfd_getfd


@dataclass(frozen=True)
class Fault:
    """One store that waits for its page."""

    address: int
    thread: int


class Watch:
    """The auditor's end: registers memory of the worker, hears of stores, lets them go on."""

    def __init__(self, number: int) -> None:
        self.number = number
        #: Whether stores are told with their address; before Linux 5.18, only with their page.
        self.exact = True
        features = _FEATURE_WP | _FEATURE_THREAD
        try:
            self._agree(features | _FEATURE_EXACT)
        except OSError:
            self.exact = False
            self._agree(features)

    def _agree(self, features: int) -> None:
        fcntl.ioctl(self.number, _API, bytearray(struct.pack("=QQQ", _MAGIC, features, 0)))

    def protect(self, start: int, end: int) -> bool:
        """Watch a range from now on; False when the kernel does not do that for this memory."""
        try:
            words = struct.pack("=QQQQ", start, end - start, _MODE_WP, 0)
            fcntl.ioctl(self.number, _REGISTER, bytearray(words))
            self._write_protect(start, end - start, 1)
        except OSError:
            return False
        return True

    def release(self, address: int) -> None:
        """Let stores to a page happen, the one that waits included."""
        start = address - address % PAGE
        while True:
            try:
                self._write_protect(start, PAGE, 0)
            except OSError as exc:
                if exc.errno == errno.EAGAIN:
                    continue
                if exc.errno == errno.ENOENT:
                    # Unmapped meanwhile, by another thread: whoever waits finds out by itself.
                    fcntl.ioctl(self.number, _WAKE, struct.pack("=QQ", start, PAGE))
                elif exc.errno != errno.ESRCH:  # the process is gone
                    raise
            return

    def _write_protect(self, start: int, length: int, mode: int) -> None:
        fcntl.ioctl(self.number, _PROTECT, bytearray(struct.pack("=QQQ", start, length, mode)))

    def read(self) -> Iterable[Fault]:
        """Return the stores that wait."""
        try:
            data = os.read(self.number, 64 * _MESSAGE.size)
        except BlockingIOError:
            return
        for event, _, _, _, _, address, thread, _ in _MESSAGE.iter_unpack(data):
            if event == _EVENT_FAULT:
                yield Fault(address, thread)

    def close(self) -> None:
        """Stop watching: whoever waits goes on."""
        if self.number >= 0:
            os.close(self.number)
        self.number = -1


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def refused() -> tuple[int, str]:
    """Return how a worker can open one, and why it cannot.

    The number is a descriptor of the device for it to inherit, or -1 for the system call. The
    text is '' when it can. Opening one for ourselves tells.
    """
    if platform.machine() not in _SYSCALLS:
        return -1, f"not known how on {platform.machine()}"
    try:
        return os.open(DEVICE, os.O_RDWR), ""
    except OSError:
        pass
    number = _libc().syscall(_SYSCALLS[platform.machine()][0], os.O_CLOEXEC | os.O_NONBLOCK)
    if number < 0:
        why = os.strerror(ctypes.get_errno())
        return -1, (
            f"userfaultfd: {why}; root may, or everybody after sysctl -w "
            f"vm.unprivileged_userfaultfd=1; most containers forbid it"
        )
    os.close(number)
    return -1, ""


def duplicate(handle: int, number: int) -> int:
    """Return a duplicate of a descriptor of the process that a pidfd names."""
    found = int(_libc().syscall(_SYSCALLS[platform.machine()][1], handle, number, 0))
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found
