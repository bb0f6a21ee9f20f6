"""Compose a program from a seed and an index, the same one each time."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from exitfuzz.actions import ENDS, RAISES, SETUP, USES_LOGGING
from exitfuzz.holders import HOLDERS, PLAIN
from exitfuzz.model import Block, Module, Program
from exitfuzz.things import FILES, HANGERS, RELEASED, WEAK
from exitfuzz.waits import THREADS, WAITS

#: ``chunk`` has the name of a module of the library, and is the user's all the same.
NAMES = ("alpha", "beta", "core", "pkg", "pkg.sub", "pkg.other", "chunk")
# One thread at most may import the module that never ends, and who holds logging's own lock
# keeps the rest of the program from logging: those come once, the last of main.
_LAST = ("import", "lock of logging", "importing")
_TOKEN = re.compile(r"F\(IDENT\)|loop\(IDENT\)|OBJ|CALL|IDENT_STEM|IDENT|NUM|NAME|FILE|CB")
_COLLECTOR = {
    "off": "gc.disable()",
    "eager": "gc.set_threshold(3, 2, 2)",
    "collect": "gc.collect()",
    "freeze": "gc.freeze()",
    "freeze, unfreeze": "gc.freeze()\ngc.unfreeze()",
}
_WORKER = """\
appNUM = P()
appNUM.own = OBJ
{before}fz.log('fork', 'wNUM')
sys.stdout.flush()
volatile_pNUM = os.fork()
if volatile_pNUM == 0:
    fz.log('worker', 'wNUM')
    appNUM.work = {made}
{more}
    sys.exit({status})
fz.log('status', 'wNUM', str(os.waitpid(volatile_pNUM, 0)[1]))
"""
_SUBINTERPRETER = '''\
import _xxsubinterpreters
NAME = _xxsubinterpreters.create()
volatile_iNUM = IDENT
fz.log("made", volatile_iNUM)
_xxsubinterpreters.run_string(NAME, """
import os
class D:
    def __del__(self, write=os.write, log=os.open("ran.log", os.O_WRONLY | os.O_APPEND)):
        write(log, b"%d ran %s\\\\n")
held = D()
""" % (os.getpid(), volatile_iNUM))
'''
_EXITS = {
    "exit: end": "pass",
    "exit: sys.exit(0)": "sys.exit(0)",
    "exit: sys.exit(7)": "sys.exit(7)",
    "exit: a message": "sys.exit('message')",
    "exit: exception": "raise ValueError('uncaught')",
    "exit: exception that holds": "raise ValueError(OBJ)",
    "exit: in a function": "def lastNUM():\n    held = OBJ\n    sys.exit(5)\nlastNUM()",
    "exit: in a loop": "for item in gen(IDENT), gen(IDENT):\n    sys.exit(6)",
    "exit: exception in a function": "def lastNUM(held=OBJ):\n    local = OBJ\n    raise KeyError\n"
    "lastNUM()",
    "exit: SystemExit in atexit": "def exitNUM():\n    raise SystemExit(4)\n"
    "atexit.register(exitNUM)",
    "exit: exception in atexit": "def exitNUM():\n    raise ValueError(4)\natexit.register(exitNUM)",
    "exit: atexit makes more": "def exitNUM():\n    fz.KEEP.append(OBJ)\natexit.register(exitNUM)",
}
# A thread that waits for the program's end would wait for a thread that ends after it.
_MAKERS = (
    *["F(ID, ACT)"] * 9,
    *["gen(ID, ACT)"] * 3,
    *["S(ID, ACT)"] * 2,
    *["bare(ID, ACT)"] * 2,
    *["loop(ID, ACT)"] * 2,
    "coro(ID, ACT)",
    "fin(ID, ACT)",
    "sub(tuple, ID, ACT)",
    "sub(str, ID, ACT)",
)


@dataclass
class Writer:
    """Fill in the tokens of templates; numbers and ids are unique in the program."""

    random: random.Random
    extension: bool
    number: int = 0
    #: Actions that take a lock which the program's last block leaves to a stopped thread.
    blocked: frozenset[str] = frozenset()
    #: Tables without what does not go with the rest of the program.
    files: dict[str, str] = field(default_factory=lambda: FILES)

    def block(
        self, kind: str, template: str, *, act: tuple[str, str, str] | None = None
    ) -> Block:
        """Make a block; *act* is (name, body, mark) of its first object's finalizer.

        Without *act* each object gets one at random, or none. The mark is the end of an id: ! for
        a finalizer that ends on any interpreter, ~ for one that need not end on patched.
        """
        self.number += 1
        number, first = self.number, ["_"] if self.random.random() < 0.3 else [""]
        before: list[str] = []
        kinds: list[str] = []
        count = 0

        def ident(ends: str) -> str:
            nonlocal count
            count += 1
            return f"{number}.{count}{ends}"

        def made(maker: str) -> str:
            chosen = act if act is not None and count == 0 else self._act()
            name, body, ends = chosen
            if name in ("raise SystemExit", "raise KeyboardInterrupt"):
                # The library's weakref.finalize gives up all others then, on stock as well.
                maker = maker.replace("fin(", "F(")
            mine = ident("" if name in self.blocked else ends)
            if not name:
                return maker.replace("ID", f"'{mine}'").replace("ACT", "None")
            kinds.append(name)
            body = body.replace("IDENT", mine).replace("NUM", f"{number}")
            setup = SETUP.get(name, "").replace("NUM", f"{number}") if act is not chosen else ""
            if setup and setup in before:
                setup = ""
            function = f"act{number}_{count}"
            lines = "".join(f"    {line}\n" for line in body.splitlines())
            before.extend([setup, f"def {function}(self):\n{lines}"])
            return maker.replace("ID", f"'{mine}'").replace("ACT", function)

        def token(match: re.Match[str]) -> str:
            word = match[0]
            if word == "OBJ":
                return made(self.random.choice(_MAKERS))
            if word.endswith("(IDENT)"):
                return made(word.replace("IDENT", "ID, ACT"))
            if word == "CALL":
                return made("F(ID, ACT).method")
            if word == "IDENT":
                return f"'{ident('')}'"
            return {
                "NUM": f"{number}",
                "NAME": f"{first[0]}h{number}",
                "FILE": f"f{number}",
                "CB": f"cb{number}",
                "IDENT_STEM": f"{number}",
            }[word]

        text = _TOKEN.sub(token, template)
        does = f" / {', '.join(kinds)}" if kinds else ""
        return Block(f"{kind}{does} [{number}]", "".join(before) + text + "\n")

    def _act(self) -> tuple[str, str, str]:
        draw = self.random.random()
        if draw < 0.5:
            return "", "", "!"
        if draw < 0.93:
            name = self.random.choice(sorted(ENDS))
            return name, ENDS[name], "!"
        name = self.random.choice(sorted(RAISES))
        # "A finalizer that starts a thread gets RuntimeError: can't start new thread at interpreter
        # shutdown"
        return name, RAISES[name], "~" if name == "start a thread" else ""

    def pick(self, table: dict[str, str]) -> tuple[str, str]:
        """Choose a row."""
        name = self.random.choice(sorted(table))
        return name, table[name]

    def released(self) -> tuple[str, str, str]:
        """Choose an object that works in its deallocator: name, lines before, expression."""
        rows = {k: v for k, v in RELEASED.items() if self.extension or k == "sqlite"}
        name, made = self.pick(rows)
        log = "fz.log('dealloc', 'FILE')\n"
        if name != "sqlite":
            return name, f"import fzext\n{log}", made
        return (
            name,
            "import sqlite3\ndef openNUM():\n    made = " + made + "\n"
            "    made.execute('pragma journal_mode=wal')\n"
            "    made.execute('create table if not exists t(x)')\n    made.commit()\n"
            "    return made\n" + log,
            "openNUM()",
        )


def generate(seed: int, index: int, *, extension: bool) -> Program:
    """Return the program of a seed and an index; *extension* is whether ``fzext`` is there."""
    chance = random.Random(f"{seed}:{index}")  # noqa: S311 - to be repeated, not to be secret
    writer = Writer(chance, extension)
    mode = chance.choices(("default", "off", "call"), (40, 25, 35))[0]
    worker, last_kind = chance.random() < 0.2, chance.random()
    if worker:
        # Program and worker would both remove the same file, on stock as well where it runs both.
        writer.files = {k: v for k, v in FILES.items() if not k.startswith("temporary")}
    if last_kind < 0.05:
        writer.blocked = USES_LOGGING
    names = _names(chance)
    modules = []
    for name in names:
        blocks = [_one(writer, main=False) for _ in range(chance.randint(0, 3))]
        modules.append((name, blocks))
    main = [_one(writer, main=True) for _ in range(chance.randint(2, 6))]
    for number, (name, blocks) in enumerate(modules):
        imported = Block(f"import {name}", f"import {name}\n")
        if number and chance.random() < 0.4:  # by an older one; often in a circle
            modules[chance.randrange(number)][1].append(imported)
            if chance.random() < 0.5:
                older = modules[chance.randrange(number)][0]
                if older != name.split(".")[0]:
                    blocks.insert(0, Block(f"import {older}", f"import {older}\n"))
        else:
            main.insert(chance.randint(0, min(2, len(main))), imported)
    if worker:
        main.insert(chance.randint(0, len(main)), _worker(writer, mode))
    elif mode == "call":
        call = Block("immortalize", "fz.immortalize()\n")
        main.insert(chance.randint(0, len(main)), call)
    if chance.random() < 0.1:
        name, body = writer.pick(_COLLECTOR)
        main.insert(chance.randint(0, len(main)), Block(f"collector: {name}", body + "\n"))
    if last_kind < 0.1:
        main.append(_last(writer, logging=last_kind < 0.05))
    kinds = [block.kind for _, blocks in (*modules, ("main", main)) for block in blocks]
    if any(word in kind for kind in kinds for word in ("thread", "daemon", "wait:")):
        # Stock aborts when a subinterpreter is left and a daemon thread keeps its id's module.
        main = [block for block in main if not block.kind.startswith("subinterpreter")]
    last = writer.block(*writer.pick(_EXITS)) if chance.random() < 0.5 else None
    return Program(
        seed,
        index,
        ("-X", "immortal_heap=off") if mode == "off" else (),
        (
            *(Module(name, tuple(blocks), package=name == "pkg") for name, blocks in modules),
            Module("main", tuple(main)),
        ),
        last or Block("exit: end", "pass\n"),
    )


def _names(chance: random.Random) -> list[str]:
    chosen = {name for name in NAMES if chance.random() < 0.2}
    if any(name.startswith("pkg.") for name in chosen):
        chosen.add("pkg")
    return [name for name in NAMES if name in chosen]


def _one(writer: Writer, *, main: bool) -> Block:
    draw = writer.random.random()
    if 0.45 <= draw < 0.60 and not main and writer.random.random() < 0.85:
        # Stock clears other modules than main while a thread runs in them, and then it waits.
        draw = 0.2
    if draw < 0.45:
        name, code = writer.pick(HOLDERS)
        return writer.block(f"hold: {name}", code)
    if draw < 0.60:
        return _wait(writer, [name for name in sorted(WAITS) if name not in _LAST])
    if draw < 0.70:
        rows = {name: code for name, code in THREADS.items() if name not in _LAST}
        name, code = writer.pick(rows)
        return writer.block(f"thread: {name}", code)
    if draw < 0.80:
        name, code = writer.pick(writer.files)
        target = writer.random.choice(["NAME", "NAME", "_NAME", "fz.openNUM"])
        return writer.block(f"file: {name}", code.replace("{target}", target))
    if draw < 0.90:
        name, before, made = writer.released()
        where, code = writer.pick(HANGERS)
        text = before + code.replace("{made}", made)
        return writer.block(f"released: {name} in {where}", text)
    if draw < 0.98:
        name, code = writer.pick(WEAK)
        return writer.block(f"weak: {name}", code)
    if not main:
        return writer.block("hold: global", HOLDERS["global"])
    return writer.block("subinterpreter", _SUBINTERPRETER)


def _wait(writer: Writer, names: list[str]) -> Block:
    name = writer.random.choice(names)
    wait = WAITS[name]
    # Mostly where stock, whose module the daemon thread keeps, does not run the finalizer.
    plain = {key: HOLDERS[key] for key in PLAIN}
    where, code = writer.pick(plain if writer.random.random() < 0.85 else HOLDERS)
    return writer.block(
        f"wait: {name} in {where}", wait.setup + code, act=(f"wait: {name}", wait.act, "")
    )


def _last(writer: Writer, *, logging: bool) -> Block:
    if logging:
        return _wait(writer, ["lock of logging"])
    if writer.random.random() < 0.3:
        return writer.block("thread: importing", THREADS["importing"])
    return _wait(writer, ["import"])


def _worker(writer: Writer, mode: str) -> Block:
    chance = writer.random
    name, before, made = writer.released()
    log = "fz.log('dealloc', 'FILE')\n"
    before = before.replace(log, "")
    where, code = writer.pick(HOLDERS)
    more = "".join(f"    {line}\n" for line in (log + code).splitlines())
    call = "fz.immortalize()\n" if mode == "call" else ""
    text = _WORKER.format(before=before + call, made=made, more=more, status=chance.choice([0, 3]))
    return writer.block(f"worker: {name}, and {where}", text)
