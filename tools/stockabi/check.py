r"""An extension built with the stock headers, loaded into this interpreter.

Run by the patched interpreter:

    python check.py --stock SRC --patched SRC --config DIR [--unaware SRC] \
        [--interpreters STOCK PATCHED] [unittest options]

SRC are the two source trees (for Include/), DIR is where pyconfig.h lies.
With --interpreters the symbols that the two executables export are compared
too.  The environment variable CC names the compiler.  Standard library only:
this runs under the interpreter that is being tested.

Headers of before immortal objects count every reference, also to these.
Where stock's headers know them (aware), --unaware names a source tree with
such old ones: a wheel for the stable ABI may have been built with them.
"""

import argparse
import ctypes
import gc
import importlib.machinery
import importlib.util
import os
import platform
import shlex
import struct
import subprocess
import sys
import tempfile
import unittest
import weakref
from pathlib import Path

import _testimmortal as imm

BILLION = 10**9
#: How many bits a count has, and how far it may be off: half of the way to what is no immortal's.
BITS = 64 if imm.REFCNT > 1 << 32 else 32
DRIFTS = {64: (0, 2**58, -(2**59)), 32: (0, 2**29, -(2**29))}[BITS]
#: Bytes of garbage below an object made by hand that no header takes for an immortal's count.
BYTES = {64: (0, 0x20, 0x3F, 0xCD, 0xFF), 32: (0, 0x20, 0x3F, 0x7F)}[BITS]
PATCHED_HEADERS = ("immortal.h", "internal/pycore_immortal_port.h")
HERE = Path(__file__).parent
options = argparse.Namespace()
modules = argparse.Namespace()


def build(name, include, directory, *flags, compiler=None):
    """Compile stockabi.c as module name with the headers in include; import it.

    Without a compiler that of the environment is taken.
    """
    target = Path(directory, name + importlib.machinery.EXTENSION_SUFFIXES[0])
    command = [
        *shlex.split(compiler or os.environ.get("CC", "cc")),
        "-O2", "-fPIC", "-shared", "-Wall", "-Werror", "-Wno-deprecated-declarations",
        f"-DNAME={name}", *flags, f"-I{include}", f"-I{options.config}",
        str(HERE / "stockabi.c"), "-o", str(target),
    ]  # fmt: skip
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    spec = importlib.util.spec_from_file_location(name, target)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def setUpModule():
    with tempfile.TemporaryDirectory() as directory:
        stock, patched = Path(options.stock, "Include"), Path(options.patched, "Include")
        if any((stock / name).exists() for name in PATCHED_HEADERS):
            raise SystemExit(f"error: {stock} holds patched headers, wanted stock ones")
        modules.stock = build("stockabi", stock, directory)
        modules.limited = build("stockabi_limited", stock, directory, "-DLIMITED")
        modules.patched = build("patchedabi", patched, directory)
        modules.aware = (stock / "refcount.h").exists()
        modules.unaware = modules.limited
        if modules.aware:
            # What counts and knows of no immortal objects: only for the stable ABI is there any.
            old = options.unaware and Path(options.unaware, "Include")
            modules.unaware = old and build("stockabi_unaware", old, directory, "-DLIMITED")


def flags(obj):
    """The upper half of an object's first word: what is no count where that has 32 bits."""
    return struct.unpack("=II", ctypes.string_at(id(obj), 8))[1]


class Counts(unittest.TestCase):
    def tearDown(self):
        for obj in (None, True, 7):
            # Again: the interpreter itself may count up what is below, when it passes the object.
            while drift := imm.REFCNT - imm.refcnt(obj):
                imm.drift(obj, drift)

    def assertSound(self):
        """The interpreter still counts, collects and allocates."""
        self.assertTrue(imm.is_immortal(None))
        values = [None] * 10**5 + [object() for i in range(10**5)]
        del values
        gc.collect()
        self.assertEqual([None, True, 7], eval("[None, True, 7]"))

    def assertDrift(self, times, obj=None):
        """A count is off by what headers did that know no immortal objects."""
        self.assertEqual(imm.refcnt(obj) - imm.REFCNT, 0 if modules.aware else times)

    def test_a_billion_returns_of_none(self):
        self.assertTrue(modules.stock.return_none_times(BILLION))
        self.assertDrift(BILLION)
        self.assertSound()

    def test_a_billion_stolen_references_to_none(self):
        self.assertTrue(modules.stock.steal_times(None, BILLION))
        self.assertDrift(-BILLION)
        self.assertSound()

    def unaware(self):
        """A module that counts whatever it is given."""
        if not modules.unaware:
            self.skipTest("no --unaware given")
        return modules.unaware

    def test_a_billion_that_are_counted_up(self):
        self.assertTrue(self.unaware().return_none_times(BILLION))
        self.assertEqual(imm.refcnt(None) - imm.REFCNT, BILLION)
        self.assertSound()

    def test_a_billion_that_are_counted_down(self):
        self.assertTrue(self.unaware().steal_times(None, BILLION))
        self.assertEqual(imm.refcnt(None) - imm.REFCNT, -BILLION)
        self.assertSound()

    def test_a_heap_object_survives_what_counts_it(self):
        obj = [object()]
        imm.set_immortal(obj)
        self.assertTrue(self.unaware().steal_times(obj, BILLION))
        self.assertEqual(len(obj), 1)
        self.assertTrue(imm.is_immortal(obj))

    @unittest.skipIf(BITS == 64, "nobody counts so far")
    def test_flags_are_kept_by_what_counts_the_whole_word(self):
        obj = [object()]
        imm.set_immortal(obj)
        before = flags(obj)
        self.unaware().steal_times(obj, BILLION)
        self.assertEqual(flags(obj), before)
        for _ in range(10):
            self.unaware().steal(obj)
        self.assertEqual(flags(obj), before)

    def test_a_heap_object_survives_a_billion_stolen_references(self):
        obj = [object()]
        imm.set_immortal(obj)
        self.assertTrue(modules.stock.steal_times(obj, BILLION))
        self.assertEqual(len(obj), 1)
        self.assertTrue(imm.is_immortal(obj))

    def test_limited_api(self):
        self.assertTrue(modules.limited.return_none_times(10**8))
        self.assertDrift(10**8)
        self.assertTrue(modules.limited.steal_times(None, 3 * 10**8))
        self.assertDrift(-2 * 10**8)
        self.assertSound()

    def test_calls_from_python(self):
        for module in (modules.stock, modules.limited):
            for i in range(10**6):
                module.return_none()
                module.steal(None)
                module.steal(True)
        self.assertSound()

    def test_count_is_positive_and_not_one(self):
        for obj in (None, 7, int, ()):
            self.assertGreater(modules.stock.refcnt(obj), 1)
            self.assertGreater(modules.limited.refcnt(obj), 1)

    def test_mortals_are_counted_as_ever(self):
        obj = object()
        before = imm.refcnt(obj)
        holder = modules.stock.fill(obj, 100)
        self.assertEqual(imm.refcnt(obj), before + 200)
        del holder
        self.assertEqual(imm.refcnt(obj), before)

    def test_immortals_in_lists_and_tuples(self):
        for i in range(100):
            modules.stock.fill(None, 1000)
        if modules.aware:
            self.assertDrift(0)
        else:
            self.assertGreater(imm.refcnt(None), imm.REFCNT)
        self.assertSound()

    def test_weak_reference_to_an_immortal(self):
        class C:
            pass

        obj = C()
        ref = weakref.ref(obj)
        imm.set_immortal(obj)
        for drift in DRIFTS:
            imm.drift(obj, drift)
            self.assertIs(modules.stock.weakref_get(ref), obj)
        self.assertIs(modules.stock.weakref_get(weakref.ref(int)), int)

    def test_object_made_by_hand(self):
        for byte in BYTES:
            obj = modules.stock.init_by_hand(byte)
            self.assertFalse(imm.is_immortal(obj))
            del obj

    def test_static_type(self):
        self.assertTrue(imm.is_immortal(modules.stock.StaticType))
        for i in range(1000):
            modules.stock.StaticType()
            type("Derived", (modules.stock.StaticType,), {})()
        gc.collect()
        self.assertEqual(modules.stock.StaticType.__subclasses__(), [])


#: What the patched executable exports and stock does not.  The first four are for the standard
#: library's own extension modules, which are shared objects; the last is for Programs/python.c,
#: which is linked against libpython with --enable-shared.
ADDED = {
    "_PyFinalize_AcquireLock",
    "_PyFinalize_CheckSleep",
    "_PyFinalize_LimitWait",
    "_PyFinalize_SetError",
    "_PyImmortalHeap_ProcessEnds",
}
#: And where static types keep their state with the interpreter.
if BITS == 32:
    ADDED.add("_PyImmortal_StaticState")


class Binary(unittest.TestCase):
    def test_no_structure_moved(self):
        self.assertEqual(modules.stock.layout(), modules.patched.layout())

    def test_executables_export_the_same_symbols(self):
        if not options.interpreters:
            self.skipTest("no --interpreters given")
        stock, patched = map(exported, options.interpreters)
        self.assertEqual(stock - patched, set())
        self.assertEqual(patched - stock, ADDED)
        self.assertGreater(len(stock), 1000)


class Compilers(unittest.TestCase):
    """The patched headers may count in assembly: in both syntaxes, as each compiler reads it."""

    def check(self, compiler, *flags):
        name = "counts_" + "_".join([compiler, *flags]).translate(str.maketrans("-=+", "___"))
        with tempfile.TemporaryDirectory() as directory:
            try:
                module = build(
                    name, Path(options.patched, "Include"), directory, *flags, compiler=compiler
                )
            except FileNotFoundError:
                self.skipTest(f"no {compiler} here")
        obj = object()
        before, none_before = imm.refcnt(obj), imm.refcnt(None)
        holder = module.fill(obj, 1000)
        self.assertEqual(imm.refcnt(obj), before + 2000)
        del holder
        self.assertEqual(imm.refcnt(obj), before)
        imm.drift(obj, 1)
        module.steal(obj)
        self.assertEqual(imm.refcnt(obj), before)
        for _ in range(1000):
            module.return_none()
            module.steal(None)
            module.fill(None, 10)
        self.assertEqual(imm.refcnt(None), none_before)
        made = []

        def make():
            made.append(weakref.ref(victim := {1}))
            return victim

        module.call_and_drop(make)
        self.assertIsNone(made[0]())

    def test_gcc(self):
        self.check("gcc")

    def test_clang(self):
        self.check("clang")

    @unittest.skipUnless(platform.machine() == "x86_64", "a syntax of x86's assembly")
    def test_gcc_in_intels_syntax(self):
        self.check("gcc", "-masm=intel")

    @unittest.skipUnless(platform.machine() == "x86_64", "a syntax of x86's assembly")
    def test_clang_in_intels_syntax(self):
        self.check("clang", "-masm=intel")


def exported(executable):
    """The symbols that an executable exports to extensions."""
    nm = ["nm", "--dynamic", "--defined-only", "--format=posix", executable]
    out = subprocess.run(nm, check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in out.splitlines()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stock", required=True)
    parser.add_argument("--patched", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--unaware")
    parser.add_argument("--interpreters", nargs=2)
    rest = parser.parse_known_args(namespace=options)[1]
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
