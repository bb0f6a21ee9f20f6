"""An application to audit: workers that run code which has never run before.

    make audit PIN=... ARGS="tools/wheel/cold.py --python WITH-WHEEL --python PATCHED --rounds 1"

The parent loads some of CPython's test modules and what they need, and runs nothing of them. Each
worker then runs their tests: thousands of functions that meet their first call, and modules that
are imported for the first time.
"""

import contextlib
import gc
import importlib
import io
import unittest
from types import ModuleType

#: Those that start no processes or threads and write no files.
_NAMES = """
    abstract_numbers bool call class compare complex contains context copy dataclasses
    decorators defaultdict dictviews enum enumerate extcall fractions funcattrs functools
    generic_class getopt grammar heapq html index iter keywordonlyarg metaclass
    numeric_tower opcodes pprint property range reprlib richcmp shlex slice
    string strtod structseq super typechecks types typing unpack unpack_ex userdict
    userstring utf8source weakset with yield_from
"""


def load() -> list[ModuleType]:
    """Import what there is of these modules."""
    found = []
    for name in _NAMES.split():
        with contextlib.suppress(ImportError):  # another CPython's
            found.append(importlib.import_module(f"test.test_{name}"))
    return found


MODULES = load()


def exercise() -> None:
    """Run all tests once, and collect what they leave; a failure is no matter here.

    The tests' own objects are made here: an immortal one would keep what it is given.
    """
    for module in MODULES:
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    gc.collect()
