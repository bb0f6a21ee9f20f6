"""Compose a program from a seed and an index, the same one each time."""

from __future__ import annotations

import random

from exitfuzz.model import Block, Module, Program
from exitfuzz.templates import Template, holders, read
from exitfuzz.writer import Act, Writer

#: ``chunk`` has the name of a module of the library, and is the user's all the same.
NAMES = ("alpha", "beta", "core", "pkg", "pkg.sub", "pkg.other", "chunk")
#: Actions that take the lock of the logging module, if only by importing what makes a logger.
USES_LOGGING = frozenset({"log", "future that is done", "run a loop"})
# One thread at most may import the module that never ends, and who holds logging's own lock
# keeps the rest of the program from logging: those come once, the last of main.
_LAST = ("import", "lock of logging", "importing")
#: Where stock mostly does not run a finalizer while a daemon thread keeps the module.
_PLAIN = ("global", "private global", "pair", "in list", "class attribute", "closure")


def generate(seed: int, index: int, *, extension: bool) -> Program:
    """Return the program of a seed and an index; *extension* is whether ``fzext`` is there."""
    chance = random.Random(f"{seed}:{index}")  # noqa: S311 - to be repeated, not to be secret
    writer = Writer(chance, extension)
    mode = chance.choices(("default", "off", "call"), (40, 25, 35))[0]
    worker, last = chance.random() < 0.2, chance.random()
    if last < 0.05:
        writer.blocked = USES_LOGGING
    modules = _modules(writer, worker=worker)
    main = [_one(writer, worker=worker, main=True) for _ in range(chance.randint(2, 6))]
    _connect(chance, modules, main)
    if worker:
        main.insert(chance.randint(0, len(main)), _worker(writer, mode))
    elif mode == "call":
        call = Block("immortalize", "fz.immortalize()\n")
        main.insert(chance.randint(0, len(main)), call)
    if chance.random() < 0.1:
        name, body = writer.pick(read("collector"))
        main.insert(chance.randint(0, len(main)), Block(f"collector: {name}", body.code + "\n"))
    if last < 0.1:
        main.append(_last(writer, logging=last < 0.05))
    kinds = [block.kind for _, blocks in (*modules, ("main", main)) for block in blocks]
    if any(word in kind for kind in kinds for word in ("thread", "daemon", "wait:")):
        # Stock aborts when a subinterpreter is left and a daemon thread keeps its id's module.
        main = [block for block in main if not block.kind.startswith("subinterpreter")]
    name, ending = writer.pick(read("exits"))
    if chance.random() < 0.5:
        name, ending = "end", read("exits")["end"]
    return Program(
        seed,
        index,
        ("-X", "immortal_heap=off") if mode == "off" else (),
        (
            *(Module(name, tuple(blocks), package=name == "pkg") for name, blocks in modules),
            Module("main", tuple(main)),
        ),
        writer.block(f"exit: {name}", ending.code),
    )


def _modules(writer: Writer, *, worker: bool) -> list[tuple[str, list[Block]]]:
    chance = writer.random
    chosen = {name for name in NAMES if chance.random() < 0.2}
    if any(name.startswith("pkg.") for name in chosen):
        chosen.add("pkg")
    return [
        (name, [_one(writer, worker=worker, main=False) for _ in range(chance.randint(0, 3))])
        for name in NAMES
        if name in chosen
    ]


def _connect(
    chance: random.Random, modules: list[tuple[str, list[Block]]], main: list[Block]
) -> None:
    """Let main import the modules, or one of them another, often in a circle."""
    for number, (name, blocks) in enumerate(modules):
        imported = Block(f"import {name}", f"import {name}\n")
        if not number or chance.random() < 0.6:
            main.insert(chance.randint(0, min(2, len(main))), imported)
            continue
        modules[chance.randrange(number)][1].append(imported)
        older = modules[chance.randrange(number)][0]
        if chance.random() < 0.5 and older != name.split(".")[0]:
            blocks.insert(0, Block(f"import {older}", f"import {older}\n"))


def _one(writer: Writer, *, worker: bool, main: bool) -> Block:
    draw = writer.random.random()
    if 0.45 <= draw < 0.60 and not main and writer.random.random() < 0.93:
        # Stock clears other modules than main while a thread runs in them, and then it waits.
        draw = 0.2
    if draw < 0.45:
        name, found = writer.pick(holders())
        return writer.block(f"hold: {name}", found.code)
    if draw < 0.60:
        return _wait(writer, [name for name in read("waits") if name not in _LAST])
    if draw < 0.70:
        name, found = writer.pick(_without(read("threads"), *_LAST))
        return writer.block(f"thread: {name}", found.code)
    if draw < 0.80:
        # Program and worker would both remove a temporary file, on stock as well where it runs
        # the finalizers of both.
        rows = read("files")
        name, found = writer.pick(
            _without(rows, "temporary", "temporary directory") if worker else rows
        )
        target = writer.random.choice(["NAME", "NAME", "_NAME", "fz.openNUM"])
        return writer.block(f"file: {name}", found.code.replace("TARGET", target))
    if draw < 0.90:
        name, made = writer.released()
        where, found = writer.pick(read("hangers"))
        before = f"{made.before}\nfz.log('dealloc', 'FILE')\n"
        text = before + found.code.replace("MADE", made.code)
        return writer.block(f"released: {name} in {where}", text)
    if draw < 0.98 or not main:
        name, found = writer.pick(read("weak"))
        return writer.block(f"weak: {name}", found.code)
    return writer.block("subinterpreter", read("subinterpreter")["subinterpreter"].code)


def _without(table: dict[str, Template], *names: str) -> dict[str, Template]:
    return {name: template for name, template in table.items() if name not in names}


def _wait(writer: Writer, names: list[str]) -> Block:
    name = writer.random.choice(sorted(names))
    wait = read("waits")[name]
    plain = {key: holders()[key] for key in _PLAIN}
    where, found = writer.pick(plain if writer.random.random() < 0.93 else holders())
    act = Act(f"wait: {name}", wait.code)
    return writer.block(f"wait: {name} in {where}", f"{wait.before}\n{found.code}", act=act)


def _last(writer: Writer, *, logging: bool) -> Block:
    if logging:
        return _wait(writer, ["lock of logging"])
    if writer.random.random() < 0.3:
        return writer.block("thread: importing", read("threads")["importing"].code)
    return _wait(writer, ["import"])


def _worker(writer: Writer, mode: str) -> Block:
    name, made = writer.released()
    where, found = writer.pick(holders())
    more = f"fz.log('dealloc', 'FILE')\n{found.code}"
    parts = {
        "BEFORE": made.before + ("\nfz.immortalize()" if mode == "call" else ""),
        "MADE": made.code,
        "MORE": "\n".join(f"    {line}" for line in more.splitlines()),
        "STATUS": writer.random.choice(["0", "3"]),
    }
    text = read("worker")["worker"].code
    for word, part in parts.items():
        text = text.replace(word, part)
    return writer.block(f"worker: {name}, and {where}", text)
