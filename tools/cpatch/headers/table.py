"""The rows of the matrix: tools/headers/rows.toml.

A row is a compiler and one of its group's variants::

    [[group]]
    title = "C"
    source = "work.c"               # in tools/headers/sources, or
    tool = "cython"                 # what writes the source, or builds all of it (pip, cargo,
                                    # maturin); "structures": all headers, to compare layouts
    module = "work"                 # what is imported
    compilers = ["gcc", "clang"]
    flags = ["-O2"]                 # of all its rows
    quick = ["C99"]                 # variants that are in the leg of every ``make test``
    pins = ["3.NN"]                 # none: of all
    loads = false                   # an analyzer: only what it says is compared
    broken = {"leaks" = "*: x: *"}  # each variant names the folder of a header that is broken, and
                                    # the line, a shell pattern, that has to be told of it
    crates = ["pyo3"]               # Debian's packages of Rust's libraries that it needs; all that
                                    # any group names are unpacked together
    [group.variants]
    "C99" = ["-std=c99"]            # flags of this variant

and of a difference that is known::

    [[difference]]
    group = "C"
    rows = ["gcc *"]                # shell patterns
    lines = ["*-Wundef*"]           # of what is told
    pins = ["3.NN"]                 # none: of all
    cause = "..."
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cpatch.base import tables
from cpatch.base.errors import CpatchError

#: What ``tool`` may be that builds Rust, from crates.
RUST = ("cargo", "maturin")
#: What it may be that does not write a source for the row's compiler.
BUILDERS = ("", "structures", "pip", *RUST)


@dataclass(frozen=True)
class Group:
    """Rows that compile the same; see the module's text."""

    title: str
    compilers: tuple[str, ...]
    variants: dict[str, list[str]]
    source: str = ""
    tool: str = ""
    module: str = "work"
    flags: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    loads: bool = True
    broken: dict[str, str] = field(default_factory=dict)
    crates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One compiler and variant of a group."""

    group: Group
    compiler: str
    variant: str

    @property
    def name(self) -> str:
        """What it is called beside others of its group."""
        return f"{self.compiler} {self.variant}".strip()

    @property
    def title(self) -> str:
        """What it is called beside all others."""
        return f"{self.group.title}: {self.name}"

    @property
    def flags(self) -> list[str]:
        """All that the compiler is told beside files and folders."""
        return [*self.group.flags, *self.group.variants[self.variant]]

    @property
    def quick(self) -> bool:
        """Whether it is one of those that run every time."""
        return self.variant in self.group.quick


@dataclass(frozen=True)
class Difference(tables.Difference):
    """What may differ in some rows."""

    group: str
    rows: tuple[str, ...]
    lines: tuple[str, ...]

    def concerns(self, row: Row, line: str, branch: str) -> bool:
        """Say whether this entry is about what is told of a row."""
        return (
            row.group.title == self.group
            and self.holds(branch)
            and tables.matches(row.name, self.rows)
            and tables.matches(line, self.lines)
        )


@dataclass(frozen=True)
class Table:
    """All groups in their order, what is known to differ, and the packages of programs."""

    groups: tuple[Group, ...]
    differences: tuple[Difference, ...] = ()
    needs: dict[str, str] = field(default_factory=dict)

    def rows(self, branch: str, *, quick: bool) -> list[Row]:
        """Return the rows of a pin, or the quick ones of them."""
        every = [
            Row(group, compiler, variant)
            for group in self.groups
            if not group.pins or branch in group.pins
            for variant in group.variants
            for compiler in group.compilers
        ]
        return [row for row in every if row.quick or not quick]


def load(path: Path) -> Table:
    """Read the table; CpatchError for an entry that is not complete or not known."""
    data = tables.read(path)
    groups = tuple(tables.made(Group, entry, path) for entry in data.get("group", []))
    differences = tuple(
        tables.made(Difference, entry, path) for entry in data.get("difference", [])
    )
    titles = [each.title for each in groups]
    for group in groups:
        if bool(group.source) == bool(group.tool) or titles.count(group.title) > 1:
            raise CpatchError(f"{path}: {group.title}: one title, and a source or a tool")
        if (group.tool in RUST) != bool(group.crates):
            raise CpatchError(f"{path}: {group.title}: crates are for {' and '.join(RUST)}")
        if group.broken and set(group.broken) != set(group.variants):
            raise CpatchError(f"{path}: {group.title}: broken names a line of each variant")
        if unknown := set(group.quick) - set(group.variants):
            raise CpatchError(f"{path}: {group.title}: no variant {', '.join(sorted(unknown))}")
    for each in differences:
        if each.group not in titles:
            raise CpatchError(f"{path}: a difference of no group: {each.group}")
    return Table(groups, differences, data.get("needs", {}))
