"""Which of CPython's and the overlay's test files a leg of ``test`` runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import suggest

# Where a change of reference counting, births, freelists or finalization shows first. Run with
# the debug build's assertions; the whole suite there takes too long for every day. Names change:
# what a CPython has not got is left out.
CORE = [
    "test_gc",
    "test_capi",
    "test_sys",
    "test_embed",
    "test_weakref",
    "test_structseq",
    "test_tuple",
    "test_list",
    "test_dict",
    "test_set",
    "test_int",
    "test_long",
    "test_bool",
    "test_unicode",
    "test_str",
    "test_bytes",
    "test_io",
    "test_import",
    "test_marshal",
    "test_code",
    "test_dis",
    "test_generators",
    "test_coroutines",
    "test_frame",
    "test_exceptions",
    "test_descr",
    "test_ctypes",
    "test_threading",
    "test_atexit",
    "test_finalization",
    "test_builtin",
    "test_module",
    "test_fork1",
    "test_multiprocessing_fork",
    "test_asyncgen",
    "test_tempfile",
]

# For `-R 3:3`, which runs a file six times: short files over the objects that are immortal, and
# what touches collection and finalization.
LEAKS = [
    "test_gc",
    "test_finalization",
    "test_atexit",
    "test_asyncgen",
    "test_bool",
    "test_int",
    "test_list",
    "test_tuple",
    "test_structseq",
    "test_dict",
    "test_code",
]

# Of the overlay's test files, those whose children get no PYTHON* variable, and that look at
# nothing else: with PYTHONIMMORTALHEAP=0 they would do what they do without. The heap is off in
# some of their children anyway, by -X.
UNDISTURBED = [
    "test_immortal_exit_cleared",
    "test_immortal_exit_dropped",
    "test_immortal_exit_files",
    "test_immortal_exit_interpreters",
    "test_immortal_exit_late",
    "test_immortal_exit_many",
    "test_immortal_exit_memory",
    "test_immortal_exit_names",
    "test_immortal_exit_once",
    "test_immortal_exit_owned",
    "test_immortal_exit_parallel",
    "test_immortal_exit_polling",
    "test_immortal_exit_release",
    "test_immortal_exit_stuck",
    "test_immortal_exit_waits",
    "test_immortal_exit_weakrefs",
    "test_immortal_faults",
    "test_immortal_faults_process",
    "test_immortal_finalization",
    "test_immortal_finalization_files",
    "test_immortal_finalization_output",
    "test_immortal_shutdown_order",
    "test_immortal_shutdown_references",
    "test_immortal_stdlib_whole",
]

# Of the overlay's test files, those that look at children, as a test does whose effect cannot be
# undone: `-R` would find nothing there.
CHILDREN = [
    *UNDISTURBED,
    "test_immortal_closure",
    "test_immortal_constants",
    "test_immortal_drift",
    "test_immortal_embedding",
    "test_immortal_exit_generators",
    "test_immortal_finalization_start",
    "test_immortal_forkserver",
    "test_immortal_frames",
    "test_immortal_half_made",
    "test_immortal_holders",
    "test_immortal_in_use",
    "test_immortal_large",
    "test_immortal_monitoring",
    "test_immortal_objects",
    "test_immortal_process",
    "test_immortal_quiet",
    "test_immortal_shared",
    "test_immortal_sight",
    "test_immortal_startup",
    "test_immortal_startup_gc",
    "test_immortal_worker_exit",
    "test_interrupt_at_exit",
    "test_obmalloc_arenas",
    "test_thread_lists",
    "test_threads_late_at_exit",
]

# Of the overlay's test files, those that take more than ten seconds, by waiting, by growing or by
# starting many interpreters.
LONG = [
    "test_immortal_embedding",
    "test_immortal_exit_dropped",
    "test_immortal_exit_files",
    "test_immortal_exit_many",
    "test_immortal_exit_memory",
    "test_immortal_exit_names",
    "test_immortal_exit_parallel",
    "test_immortal_exit_polling",
    "test_immortal_exit_stuck",
    "test_immortal_finalization",
    "test_immortal_finalization_output",
    "test_immortal_half_made",
    "test_immortal_in_use",
    "test_immortal_large",
]

# What a variant runs of CPython's own.
VARIANTS = ["test_gc", "test_capi", "test_sys"]

# Start threads, which is what ThreadSanitizer is about: upstream's CI chooses so, too. The others
# take it hours, and those that ask how much memory is written fail: it notes each access, a
# reading one as well, in memory of its own.
THREADS = (
    "test_immortal_borrow_values",
    "test_immortal_drift",
    "test_immortal_exit_cleared",
    "test_immortal_exit_interpreters",
    "test_immortal_exit_once",
    "test_immortal_exit_release",
    "test_immortal_exit_waits",
    "test_immortal_frames",
    "test_immortal_refcount",
    "test_thread_lists",
    "test_threads_late_at_exit",
    "test_gc",
    "test_sys",
)

# Where the layout of objects, sizes of words, and assembly show.
LAYOUT = (
    "test_class_slots",
    "test_dict_slots",
    "test_gc_survivors",
    "test_immortal_births",
    "test_immortal_drift",
    "test_immortal_exit_generators",
    "test_immortal_filled",
    "test_immortal_heap",
    "test_immortal_objects",
    "test_immortal_quiet",
    "test_immortal_refcount",
    "test_immortal_seal",
    "test_immortal_startup",
    "test_interned_names",
    "test_obmalloc_arenas",
    "test_words",
    "test_gc",
)

# For regrtest: without what takes long and says little more, as upstream's own CI (--fast-ci).
NO_CPU = "-u-cpu"

# For regrtest, too: it configures, builds and installs another CPython. Not all ask "cpu" for it.
BUILDS_CPYTHON = ("-i", "*test_freeze_simple_script*")

# Left out of the debug build: most of their minutes they wait, or start processes.
WAITING = [
    "test_immortal_exit_files",
    "test_immortal_exit_polling",
    "test_immortal_exit_stuck",
    "test_multiprocessing_fork",
]

QUICK = [
    "test_gc",
    "test_capi",
    "test_sys",
    "test_list",
    "test_tuple",
    "test_dict",
    "test_int",
    "test_code",
]


def there(names: Iterable[str], tests: Path) -> list[str]:
    """Return those of some files that a ``Lib/test`` has; all while there is no such directory."""
    if not tests.is_dir():
        return list(names)
    return [name for name in names if (tests / name).exists() or (tests / f"{name}.py").exists()]


def check(names: Iterable[str], tests: Path, shown: str) -> None:
    """Raise CpatchError for a name that no file of a ``Lib/test`` has; *shown* is that directory.

    A name may be spelt as regrtest takes it: with ``test.`` before it, ``.py`` behind it, or as a
    file of a package, ``test_x.test_y``.
    """
    for name in names:
        path = name.removesuffix(".py").removeprefix("test.").replace(".", "/")
        if not there([path], tests):
            near = suggest(path, (each.stem for each in tests.glob("test_*")))
            raise CpatchError(
                f"there is no test file {name}",
                wanted=f"a name of {shown}",
                got=name,
                fix=near or f"ls {shown}",
                code=USAGE,
            )
