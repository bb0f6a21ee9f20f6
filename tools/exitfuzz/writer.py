"""Fill in the words of templates: objects, names, numbers, and what finalizers do."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from exitfuzz.model import Block
from exitfuzz.templates import Template, read

_WORD = re.compile(r"F\(IDENT\)|loop\(IDENT\)|OBJ|CALL|IDENT_STEM|IDENT|NUM|NAME|FILE|CB")
#: What makes an object, the frequent ones several times.
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


@dataclass(frozen=True)
class Act:
    """What a finalizer does.

    ``mark`` becomes the end of the object's id: ! for what ends in any interpreter, ~ for what
    need not end on patched though it does on stock.
    """

    name: str
    code: str
    mark: str = ""
    before: str = ""


NOTHING = Act("", "", "!")


@dataclass
class Writer:
    """Makes blocks; numbers and ids are unique in the program."""

    random: random.Random
    extension: bool
    number: int = 0
    #: Actions that take a lock which the program's last block leaves to a stopped thread.
    blocked: frozenset[str] = frozenset()

    def block(self, kind: str, template: str, *, act: Act | None = None) -> Block:
        """Make a block; *act* is for its first object, the others get one at random, or none."""
        self.number += 1
        filled = _Filled(self, self.number, act)
        text = _WORD.sub(filled.word, template)
        does = f" / {', '.join(filled.kinds)}" if filled.kinds else ""
        return Block(f"{kind}{does} [{self.number}]", f"{''.join(filled.before)}{text}\n")

    def act(self) -> Act:
        """Choose what a finalizer does."""
        draw = self.random.random()
        if draw < 0.5:
            return NOTHING
        if draw < 0.93:
            name, found = self.pick(read("actions"))
            return Act(name, found.code, "" if name in self.blocked else "!", found.before)
        name, found = self.pick(read("raises"))
        # "A finalizer that starts a thread gets RuntimeError: can't start new thread at
        # interpreter shutdown" (docs/shutdown.md)
        return Act(name, found.code, "~" if name == "start a thread" else "")

    def pick(self, table: dict[str, Template]) -> tuple[str, Template]:
        """Choose a row."""
        name = self.random.choice(sorted(table))
        return name, table[name]

    def released(self) -> tuple[str, Template]:
        """Choose an object that works in its deallocator."""
        rows = read("released")
        return self.pick(rows if self.extension else {"sqlite": rows["sqlite"]})


class _Filled:
    """The words of one block."""

    def __init__(self, writer: Writer, number: int, act: Act | None) -> None:
        self.writer = writer
        self.number = number
        self.first = act
        self.count = 0
        self.prefix = "_" if writer.random.random() < 0.3 else ""
        #: Functions that finalizers call, and what these need; they come before the block.
        self.before: list[str] = []
        self.kinds: list[str] = []

    def word(self, match: re.Match[str]) -> str:
        """Return what takes the place of a word."""
        word = match[0]
        if word == "OBJ":
            return self.made(self.writer.random.choice(_MAKERS))
        if word == "CALL":
            return self.made("F(ID, ACT).method")
        if word.endswith("(IDENT)"):
            return self.made(word.replace("IDENT", "ID, ACT"))
        if word == "IDENT":
            return f"'{self.ident('')}'"
        return {
            "NUM": f"{self.number}",
            "NAME": f"{self.prefix}h{self.number}",
            "FILE": f"f{self.number}",
            "CB": f"cb{self.number}",
            "IDENT_STEM": f"{self.number}",
        }[word]

    def ident(self, mark: str) -> str:
        """Return a new id."""
        self.count += 1
        return f"{self.number}.{self.count}{mark}"

    def made(self, maker: str) -> str:
        """Return an expression; what its finalizer calls is added to ``before``."""
        act = self.first if self.first is not None and not self.count else self.writer.act()
        if act.name in ("raise SystemExit", "raise KeyboardInterrupt"):
            # The library's weakref.finalize gives up all others then, on stock as well.
            maker = maker.replace("fin(", "F(")
        ident = self.ident(act.mark)
        if not act.name:
            return maker.replace("ID", f"'{ident}'").replace("ACT", "None")
        self.kinds.append(act.name)
        function = f"act{self.number}_{self.count}"
        lines = [self._own(f"    {line}", ident) for line in act.code.splitlines()]
        needs = self._own(act.before, ident)
        if needs and f"{needs}\n" not in self.before:
            self.before.append(f"{needs}\n")
        self.before.append("\n".join([f"def {function}(self):", *lines, ""]))
        return maker.replace("ID", f"'{ident}'").replace("ACT", function)

    def _own(self, text: str, ident: str) -> str:
        return text.replace("IDENT", ident).replace("NUM", f"{self.number}")
