"""The table of packages, ``tools/compat/packages.toml``: what is installed, and which tests run.

An entry::

    [[package]]
    name = "msgpack"
    version = "1.2.4"
    tests = "sdist"             # sdist, wheel, modules (of the wheel), or program (kept here)
    imports = ["msgpack"]       # what is loaded when the heap is made immortal
    args = ["test"]             # for pytest; of "modules": the package, and patterns
    requires = ["hypothesis"]   # what the tests need beside pytest
    copy = ["test"]             # of the sdist: what is unpacked beside nothing else of it
    ini = ["asyncio_mode = auto"]
    part = "what of its tests, when not all"
    seconds = 200               # the limit of one run
    short = true                # is in the leg of ``make test``

and of a difference that is known::

    [[difference]]
    package = "numpy"
    tests = ["*::test_refcount"]    # shell patterns
    runs = ["call"]
    kind = "exact count"            # one of KINDS
    cause = "Asserts the count of ..."
    pins = ["3.NN"]                 # none: of all
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

from cpatch.base import tables
from cpatch.base.errors import USAGE, CpatchError

#: Who runs: stock, the patched interpreter, and that one after the explicit call.
STOCK, PATCHED, CALL = RUNS = ("stock", "patched", "call")

#: Stock after the call of the wheel immortal-heap, where one is given.
WHEEL = "wheel"

#: All that may be compared with stock.
COMPARED = (PATCHED, CALL, WHEEL)

TESTS = ("wheel", "sdist", "modules", "program")

#: Why a difference is none of the interpreter's faults.
KINDS = {
    "exact count": "asserts the exact reference count of an object that is immortal",
    "kept alive": "asserts that an object goes away which the call made immortal",
    "fixed": "fails on stock for a fault that is mended here",
}

#: What every environment has.
COMMON = ("pytest==9.2.0", "pytest-timeout==2.4.0")


@dataclass(frozen=True)
class Package:
    """One package, and how its tests are run; see the module's text."""

    name: str
    version: str
    tests: str
    imports: tuple[str, ...]
    args: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    copy: tuple[str, ...] = ()
    ini: tuple[str, ...] = ()
    part: str = ""
    seconds: int = 240
    short: bool = False

    @property
    def project(self) -> str:
        """The name on the index, without extras."""
        return self.name.partition("[")[0]

    @property
    def requirements(self) -> str:
        """The text of a requirements file; the package itself never comes from source."""
        rows = [f"--only-binary {self.project}", "--prefer-binary"]
        return "\n".join([*rows, f"{self.name}=={self.version}", *COMMON, *self.requires, ""])

    @property
    def digest(self) -> str:
        """Of what decides an outcome: results of another entry do not count."""
        told = [str(getattr(self, each.name)) for each in fields(self)]
        told = [told[n] for n, each in enumerate(fields(self)) if each.name not in _NO_MATTER]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


_NO_MATTER = ("seconds", "short", "part")


@dataclass(frozen=True)
class Difference(tables.Difference):
    """Tests that may differ from stock in some runs."""

    package: str
    tests: tuple[str, ...]
    runs: tuple[str, ...]
    kind: str

    def concerns(self, package: str, run: str, test: str) -> bool:
        """Say whether this entry is about that test of that run."""
        return self.expects(package, run) and tables.matches(test, self.tests)

    def expects(self, package: str, run: str) -> bool:
        """Say whether this entry is about some test of that run."""
        return package == self.package and run in self.runs


@dataclass(frozen=True)
class Table:
    """All packages in their order, and the differences that are known."""

    packages: tuple[Package, ...]
    differences: tuple[Difference, ...]

    def known(self, branch: str) -> list[Difference]:
        """Return the differences that are known of a pin."""
        return tables.of_pin(self.differences, branch)

    def choose(self, only: tuple[str, ...]) -> list[Package]:
        """Return the packages of these names, all for none; CpatchError for an unknown name."""
        known = {each.project: each for each in self.packages}
        for name in only:
            if name not in known:
                raise CpatchError(
                    f"no such package: {name}",
                    wanted=", ".join(known),
                    got=name,
                    fix="make compat ARGS=--list",
                    code=USAGE,
                )
        return [each for each in self.packages if not only or each.project in only]


def load(path: Path) -> Table:
    """Read the table; CpatchError for an entry that is not complete or not known."""
    data = tables.read(path)
    packages = tuple(tables.made(Package, entry, path) for entry in data.get("package", []))
    differences = tuple(
        tables.made(Difference, entry, path) for entry in data.get("difference", [])
    )
    names = {each.project for each in packages}
    for package in packages:
        if package.tests not in TESTS:
            raise CpatchError(f"{path}: {package.name}: tests is one of {', '.join(TESTS)}")
    for row in differences:
        if row.kind not in KINDS or row.package not in names or not {*row.runs} <= {*COMPARED}:
            raise CpatchError(
                f"{path}: {row.package}: no difference: {row.cause}",
                wanted=f"kind: {', '.join(KINDS)}; runs: {', '.join(COMPARED)}; a known package",
                got=f"kind: {row.kind}; runs: {', '.join(row.runs)}",
            )
    return Table(packages, differences)
