"""What runs in the audited interpreter: load the application, fork, exercise, stand still.

Executed by path with any CPython, never imported, and it imports as little as it can: all that it
allocates lies in the heap that is audited. Whatever can be done from outside, the auditor does.

    inside.py APPLICATION MODE USERFAULTFD [STATUS GO]...

Each process has two pipes: it tells where it stands on STATUS and reads orders from GO. The first
pair is the parent's, then the witness's, the idle worker's, the workers', and, when USERFAULTFD
is not '-', the traced worker's. When the auditor is gone, GO ends, and so does the process.
"""

import gc
import os
import sys


def tell(status: int, word: str, text: str = "") -> None:
    """Send one message: a line with the word and the length of the text, then the text."""
    data = text.encode("utf-8", "backslashreplace")
    data = b"%s %d\n%s" % (word.encode(), len(data), data)
    while data:
        data = data[os.write(status, data) :]


def fail(status: int, what: str) -> None:
    """Send the traceback of what is being handled, and end."""
    import traceback

    tell(status, "failed", f"{what}\n{traceback.format_exc()}")
    finish(1)


def finish(code: int) -> None:
    """End at once: no finalization, which would write to every page."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


def load(path: str):  # type: ignore[no-untyped-def]
    """Run the application's file as a module of its name and return it."""
    module = type(sys)(os.path.splitext(os.path.basename(path))[0])
    module.__file__ = path
    sys.modules[module.__name__] = module
    sys.path[0] = os.path.dirname(path)
    sys.argv[:] = [path]
    with open(path, "rb") as stream:
        source = stream.read()
    exec(compile(source, path, "exec"), module.__dict__)
    return module


def takes_round(function) -> bool:  # type: ignore[no-untyped-def]
    """Tell whether exercise() wants the number of the round."""
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    return code is not None and code.co_argcount > 0


def prepare(mode: str) -> None:
    """Do what a server does before it forks; ``immortalize-seal`` is all of it but seal."""
    mode, *without = mode.split("-")
    if mode == "freeze":
        gc.collect()
        gc.freeze()
    elif mode == "immortalize":
        wheel = not hasattr(gc, "immortalize_heap")
        heap = __import__("immortal_heap") if wheel else gc
        heap.immortalize_heap(**dict.fromkeys(without, False))


def witness(status: int) -> None:
    """Tell what only a look from inside can: where things are. Ends; it may write as it likes."""
    facts = {
        "version": list(sys.version_info[:3]),
        "executable": sys.executable,
        "release": sys.version,
        "type": id(type),
        "immortal": hasattr(gc, "immortalize_heap"),
        "wheel": "immortal_heap" in sys.modules,
        "modules": len(sys.modules),
        "tstate": None,
        "runtime": None,
        "debug": hasattr(sys, "gettotalrefcount")
        or sys.flags.dev_mode
        or "debug" in os.environ.get("PYTHONMALLOC", ""),
        "code": id(type(witness.__code__)),
        "abiflags": sys.abiflags,
    }
    try:
        import ctypes

        get = ctypes.pythonapi.PyThreadState_Get
        get.restype = ctypes.c_void_p
        facts["tstate"] = get()
        facts["runtime"] = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    except (ImportError, AttributeError, ValueError):
        pass
    import json

    tell(status, "facts", json.dumps(facts))
    os._exit(0)


def tracer_opener(device: int):  # type: ignore[no-untyped-def]
    """Return what opens a userfaultfd, from the device or by the system call; it imports here."""
    if device >= 0:
        from fcntl import ioctl

        return lambda: ioctl(device, 0xAA00, os.O_CLOEXEC | os.O_NONBLOCK)

    import ctypes

    syscall = ctypes.CDLL(None, use_errno=True).syscall
    number = {"x86_64": 323, "aarch64": 282}[os.uname().machine]

    def opened() -> int:
        tracer = int(syscall(number, os.O_CLOEXEC | os.O_NONBLOCK))
        if tracer < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return tracer

    return opened


def work(status: int, go: int, exercise, wants_round: bool, opener) -> None:  # type: ignore[no-untyped-def]
    """Exercise as often as told, and stand still in between. The idle worker is never told."""
    if opener is not None:
        try:
            tracer = opener()
        except OSError as exc:
            tell(status, "refused", str(exc))
            finish(1)
        tell(status, "tracer", str(tracer))
        os.read(go, 1)
        # The auditor has a duplicate. If it dies, nobody holds one, and the kernel lets us go on.
        os.close(tracer)
    done = 0
    while True:
        order = os.read(go, 16)
        if not order:
            break
        try:
            while done < int(order):
                done += 1
                if wants_round:
                    exercise(done)
                else:
                    exercise()
        except BaseException:
            fail(status, f"exercise() failed in round {done}")
        tell(status, "done")
    finish(0)


def main() -> None:
    """Load, prepare, say so, fork everybody when told to, and stand still."""
    path, mode, userfaultfd, *words = sys.argv[1:]
    numbers = [int(word) for word in words]
    pairs = list(zip(numbers[::2], numbers[1::2]))
    status, go = pairs[0]
    opener = None if userfaultfd == "-" else tracer_opener(int(userfaultfd))
    try:
        module = load(path)
    except BaseException:
        fail(status, "the application failed while it was loaded")
    exercise = getattr(module, "exercise", None)
    if not callable(exercise):
        tell(status, "useless", "no function exercise()")
        finish(1)
    before_fork = getattr(module, "before_fork", None)
    try:
        if before_fork is not None:
            before_fork()
        prepare(mode)
    except BaseException:
        fail(status, "what comes before the fork failed")
    wants_round = takes_round(exercise)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    tell(status, "ready")
    if not os.read(go, 1):
        os._exit(0)
    last = len(pairs) - 1
    pids = ""
    for number in range(1, len(pairs)):
        pid = os.fork()
        if pid == 0:
            mine, orders = pairs[number]
            if number == 1:
                witness(mine)
            work(mine, orders, exercise, wants_round, opener if number == last else None)
        pids += f" {pid}"
    tell(status, "forked", pids)
    os.read(go, 1)
    os._exit(0)


if __name__ == "__main__":
    main()
