"""Which benchmarks: pyperformance's manifest, cut to what the interpreter can run.

The names come from pyperformance's own manifest and the versions each benchmark needs from its
metadata, for the interpreter that is measured (``pyperformance list`` asks about the one that
runs pyperformance).
"""

from __future__ import annotations

import difflib
from typing import Any

from pyperformance import _manifest

from cpatch.base.errors import USAGE, CpatchError

#: ``--quick``: a few of each kind, none that needs a package or takes long.
QUICK = (
    "chaos",
    "deepcopy",
    "deltablue",
    "fannkuch",
    "float",
    "go",
    "hexiom",
    "json_dumps",
    "nbody",
    "pickle_pure_python",
    "python_startup",
    "python_startup_no_site",
    "raytrace",
    "regex_compile",
    "richards",
    "unpack_sequence",
)


def manifest() -> dict[str, Any]:
    """Return pyperformance's default set as name -> ``pyperformance._benchmark.Benchmark``."""
    table = _manifest.load_manifest(None)
    return {each.name: each for each in table.resolve_group("default")}


def choose(version: str, names: tuple[str, ...] = ()) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what to run on CPython *version*, and name -> why not for the rest.

    *names* are benchmarks or tags (``startup``, ``math``) of the manifest; empty means all of
    the default set. CpatchError (usage) for a name that is neither.
    """
    known = manifest()
    tags: dict[str, list[str]] = {}
    for each in known.values():
        for tag in each.tags if isinstance(each.tags, list) else [each.tags]:
            tags.setdefault(tag, []).append(each.name)
    wanted: dict[str, Any] = {}
    for name in names or known:
        if name not in known and name not in tags:
            near = difflib.get_close_matches(name, [*known, *tags], n=3)
            raise CpatchError(
                f"no benchmark of pyperformance is called {name!r}",
                wanted="one of " + ", ".join(sorted([*known, *tags])),
                got=name,
                fix=f'make bench ARGS="--benchmarks {(near or ["nbody"])[0]}"',
                code=USAGE,
            )
        for each in tags.get(name, []) if name not in known else [name]:
            wanted[each] = known[each]
    unfit = {
        name: f"needs Python {each.python}"
        for name, each in wanted.items()
        if version not in each.python
    }
    return {name: wanted[name] for name in sorted(wanted) if name not in unfit}, unfit
