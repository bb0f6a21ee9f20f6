"""An application to audit: workers that run code which has never run before.

    make audit PIN=3.14 ARGS="tools/wheel/cold.py --python WITH-WHEEL --python PATCHED --rounds 1"

The parent loads some of CPython's test modules and what they need, and runs nothing of them. Each
worker then runs their tests: thousands of functions that meet their first call, and modules that
are imported for the first time.
"""

import gc
import importlib
import io
import unittest

#: Those that start no processes or threads and write no files.
_NAMES = """
    abstract_numbers bool call class compare complex contains context copy dataclasses
    decorators defaultdict dictviews enum enumerate extcall fractions funcattrs functools
    generic_class getopt grammar heapq html index iter keywordonlyarg metaclass
    numeric_tower opcodes pprint property range reprlib richcmp shlex slice
    string strtod structseq super typechecks types typing unpack unpack_ex userdict
    userstring utf8source weakset with yield_from
"""


def load() -> list[unittest.TestSuite]:
    """Import what there is of these modules, and return their tests."""
    found = []
    for name in _NAMES.split():
        try:
            module = importlib.import_module(f"test.test_{name}")
        except ImportError:  # another CPython's
            continue
        found.append(unittest.defaultTestLoader.loadTestsFromModule(module))
    return found


SUITES = load()


def exercise() -> None:
    """Run all tests once, and collect what they leave; a failure is no matter here."""
    for suite in SUITES:
        unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    gc.collect()
