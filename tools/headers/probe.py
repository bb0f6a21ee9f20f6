"""Load a module, let it do a fixed number of things, and print what came of them.

    python probe.py MODULE DIRECTORY [--call]

Run by each interpreter that is compared; standard library only. The last line is JSON: ``does`` is
equal wherever the module works, ``drift`` is how far the count of None went meanwhile. With
``--call`` the heap, with the module in it, is made immortal between the first time and the second.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

MANY = 1000


class Token:
    """An object of which there is one, and that one can see die."""


def died(make: Callable[[], Any]) -> bool:
    """Say whether what *make* returns is gone once it is dropped, at the latest when collected."""
    ref = weakref.ref(make())
    gc.collect()
    return ref() is None


def counts(module: Any) -> list[int]:
    """Return how often a mortal is held while a module's containers live, and afterwards."""
    token = Token()
    before = sys.getrefcount(token)
    held = module.fill(token, MANY)
    found = [len(held[0]), len(held[1]), sys.getrefcount(token) - before]
    del held
    return [*found, sys.getrefcount(token) - before]


def immortals(module: Any) -> list[bool]:
    """Return whether what is, or may be, immortal comes back whole."""
    whole = []
    for obj in (None, True, 7, "", (), int, Token, sys, [1]):
        for _ in range(10):
            held, again = module.fill(obj, MANY)
            whole.append(all(each is obj for each in (*held, *again)))
    return [all(whole), module.none() is None if hasattr(module, "none") else True]


def results(module: Any) -> list[Any]:
    """Return whether what a callable returns to the module goes away, and its exceptions."""
    made: list[Any] = []

    def make(argument: object) -> object:
        made.append(weakref.ref(token := Token()))
        return token

    def fail(argument: object) -> object:
        raise LookupError(argument)

    module.call(make, MANY, None)
    module.call(type, MANY, Token)
    return [len(made), sum(ref() is None for ref in made), tried(module.call, fail, 3, "why")]


def nodes(module: Any) -> list[Any]:
    """Return whether a type's instances, alone and in circles, go away."""

    class Derived(module.Node):  # type: ignore[misc]
        """With a dictionary, and weak references."""

    def circle() -> Any:
        first, second = Derived(), Derived()
        first.other, second.other = second, first
        return first

    def alone() -> Any:
        node = Derived()
        node.other = None
        return node

    token = Token()
    before = sys.getrefcount(token)
    held = [module.Node() for _ in range(MANY)]
    for node in held:
        node.other = token
    found = sys.getrefcount(token) - before
    del held, node
    return [found, sys.getrefcount(token) - before, died(alone), died(circle)]


def own_nodes(module: Any) -> list[Any]:
    """Return the same for a type that no class can derive from, or whose cycles nobody finds."""
    token = Token()
    ref = weakref.ref(token)
    held = [module.Node() for _ in range(MANY)]
    for node in held:
        if hasattr(node, "set"):
            node.set(token)
        else:
            node.other = token
    del held, node, token
    gc.collect()
    return [ref() is None]


def threads(module: Any) -> list[int]:
    """Return the sizes of what several threads let the module make at a time."""
    found: list[int] = []

    def run() -> None:
        for _ in range(50):
            found.append(sum(map(len, module.fill(None, MANY))))

    running = [threading.Thread(target=run) for _ in range(3)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return [len(found), sum(found)]


def constants(module: Any) -> list[str]:
    """Return what functions return of which there is one, asked for again and again."""
    names = [name for name in ("none", "yes", "not_implemented") if hasattr(module, name)]
    return [repr([getattr(module, name)() for _ in range(MANY)][-1]) for name in names]


def foreign(module: Any) -> list[Any]:
    """Return what a module in cffi's API mode does."""
    ffi, lib = module.ffi, module.lib

    @ffi.def_extern()  # type: ignore[untyped-decorator]
    def back(handle: Any, number: int) -> int:
        ffi.from_handle(handle).append(Token())
        return number

    made: list[Token] = []
    handle = ffi.new_handle(made)
    state = ffi.new("state *")
    for i in range(MANY):
        lib.add(state, i)
    total = lib.through(handle, MANY)
    refs = [weakref.ref(token) for token in made]
    made.clear()
    gone = sum(ref() is None for ref in refs)
    return [lib.twice(21), state.count, state.sum, total, len(refs), gone]


def tried(function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function returns, or what its exception is called."""
    try:
        return function(*args)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def work(module: Any) -> dict[str, Any]:
    """Let the module do what it can, and return what came of each."""
    found: dict[str, Any] = {}
    if hasattr(module, "fill"):
        for each in (counts, immortals, threads, constants):
            found[each.__name__] = tried(each, module)
    if hasattr(module, "call"):
        found["results"] = tried(results, module)
    if hasattr(module, "Node"):
        found["nodes"] = tried(nodes, module)
        found["own_nodes"] = tried(own_nodes, module)
    if hasattr(module, "ways"):
        found["ways"] = tried(module.ways, Token())
    if hasattr(module, "drop"):
        found["drop"] = tried(module.drop, module.Node, MANY)
    if hasattr(module, "references"):
        found["references"] = tried(module.references, Token(), MANY)
    if hasattr(module, "numbers"):
        found["numbers"] = tried(module.numbers, 100)
    if hasattr(module, "Numbers"):
        found["Numbers"] = module.total(module.Numbers(range(100)))
    for name in ("read_frames", "layout", "singletons"):
        if hasattr(module, name):
            found[name] = tried(getattr(module, name))
    if hasattr(module, "lib"):
        found["foreign"] = tried(foreign, module)
    return found


def main(name: str, directory: str, *options: str) -> None:
    """Work twice, the second time after the call if that is asked for."""
    sys.path.insert(0, directory)
    module = importlib.import_module(name)
    before = sys.getrefcount(None)
    does = [work(module)]
    if "--call" in options:
        gc.immortalize_heap()  # type: ignore[attr-defined]
    does.append(work(module))
    drift = sys.getrefcount(None) - before
    print(json.dumps({"does": does, "drift": drift}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
