"""A program as data: modules made of blocks, each of which can be left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

#: What begins every module: the classes whose objects report their end. Each module has its own,
#: as real programs do: a method's globals are those of its module.
PROLOGUE = """\
import atexit, collections, functools, gc, os, sys, threading, time, types, weakref
import fz

class F:
    def __init__(self, ident, act=None, *held):
        self.ident, self.act, self.held = ident, act, held
        fz.log("made", ident)
    def method(self, *args, **kwargs):
        return None
    def __del__(self, finalized=fz.finalized):
        finalized(self, globals())

class S:
    __slots__ = "ident", "act", "__weakref__"
    def __init__(self, ident, act=None):
        self.ident, self.act = ident, act
        fz.log("made", ident)
    def __del__(self, finalized=fz.finalized):
        finalized(self, globals())

class P:
    pass

def sub(base, ident, act=None, *args):
    class X(base):
        def __del__(self, report=fz.report):
            report(ident, act, self, globals())
    made = X(*args)
    fz.log("made", ident)
    return made

def bare(ident, act=None):
    class B:
        __slots__ = ()
        def __del__(self, report=fz.report):
            report(ident, act, self, globals())
    fz.log("made", ident)
    return B()

def loop(ident, act=None):
    made = F(ident, act)
    made.me = made
    return made

def gen(ident, act=None):
    made = fz.generator(ident, act, globals())
    next(made)
    return made

def coro(ident, act=None):
    made = fz.coroutine(ident, act, globals())
    made.send(None)
    return made

def fin(ident, act=None):
    made = P()
    weakref.finalize(made, fz.report, ident, act, None, globals())
    fz.log("made", ident)
    return made
"""

EPILOGUE = "fz.ends(globals())\n"


@dataclass(frozen=True)
class Block:
    """Some lines of a module; ``kind`` says what they do, for people."""

    kind: str
    code: str


@dataclass(frozen=True)
class Module:
    """A module by its dotted name, its blocks in order."""

    name: str
    blocks: tuple[Block, ...]
    package: bool = False

    def text(self, *, last: Block | None = None) -> str:
        """Return the source; *last* comes after all else is bound."""
        parts = [PROLOGUE]
        parts += [f"# {block.kind}\n{block.code}" for block in self.blocks]
        parts.append(EPILOGUE)
        if last is not None:
            parts.append(f"# {last.kind}\n{last.code}")
        return "\n".join(part if part.endswith("\n") else part + "\n" for part in parts)

    @property
    def path(self) -> str:
        """Where it lies in the program's directory."""
        stem = self.name.replace(".", "/")
        return f"{stem}/__init__.py" if self.package else f"{stem}.py"


@dataclass(frozen=True)
class Program:
    """What is run: ``modules[-1]`` is main; ``options`` go to the interpreter."""

    seed: int
    index: int
    options: tuple[str, ...]
    modules: tuple[Module, ...]
    last: Block

    @property
    def name(self) -> str:
        """Seed and index: with these it can be made again."""
        return f"{self.seed}-{self.index}"

    @property
    def status(self) -> int:
        """The exit status that its last lines ask for."""
        found = re.search(r"^# status (\d+)$", self.last.code, re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def kinds(self) -> list[str]:
        """What it is made of."""
        kinds = [block.kind for module in self.modules for block in module.blocks]
        return [*kinds, self.last.kind]

    def files(self) -> dict[str, str]:
        """Return the text of each file."""
        *others, main = self.modules
        found = {module.path: module.text() for module in others}
        found["main.py"] = main.text(last=self.last)
        return found

    def without(self, chosen: set[int]) -> Program:
        """Leave out blocks by their number in ``kinds``; modules that nobody imports go, too."""
        number = 0
        modules = []
        for module in self.modules:
            blocks = []
            for block in module.blocks:
                if number not in chosen:
                    blocks.append(block)
                number += 1
            modules.append(replace(module, blocks=tuple(blocks)))
        return replace(self, modules=tuple(_imported(modules)))

    def simpler(self) -> Iterator[Program]:
        """Yield programs that are the same but for one simplification besides blocks."""
        if self.last.kind != "exit: end":
            yield replace(self, last=Block("exit: end", "pass"))
        if self.options:
            yield replace(self, options=())


def _imported(modules: list[Module]) -> list[Module]:
    *others, main = modules
    wanted = {block.kind for module in modules for block in module.blocks}
    return [
        module
        for module in others
        if f"import {module.name}" in wanted
        or any(kind.startswith(f"import {module.name}.") for kind in wanted)
    ] + [main]
