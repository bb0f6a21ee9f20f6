"""The one table of build flavors, and the environment every build runs in.

Stock and patched trees are configured from the same row with the same environment, so a
difference between two interpreters is a difference between two trees and nothing else.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.building.profiles import Profile

# Given to every flavor of every tree: a misspelt or vanished option is an error instead of a
# warning that scrolls by.
COMMON = ("--enable-option-checking=fatal",)

# Compiler launchers that may stand in front of the compiler's name in CC.
LAUNCHERS = ("ccache", "sccache", "distcc", "icecc", "buildcache")

# What the user may set; all of it is passed to configure and is part of the build's stamp.
PASSED_THROUGH = (
    "CFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
    "LIBS",
    "PKG_CONFIG",
    "PKG_CONFIG_PATH",
    "PKG_CONFIG_LIBDIR",
    "AR",
    "CXX",
)

# Never inherited: make's own variables (our `make TREE=stock CFLAGS=…` would override the
# variables of CPython's Makefile), and Python's, which change what the fresh interpreter does
# while it builds its own modules.
_DROPPED = frozenset({"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MAKE_TERMOUT"}) | {
    "MAKE_TERMERR",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
    "CONFIG_SITE",
    "DESTDIR",
    "CDPATH",
}


@dataclass(frozen=True)
class Flavor:
    """One row: how a flavor is configured, built and run."""

    name: str
    summary: str
    configure: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)  # set while building and while running
    profiled: bool = False  # the profile must be taken again when the source changes
    pydebug: bool = False  # what Py_DEBUG must say in the finished interpreter
    config_word: str = ""  # must occur in the finished interpreter's CONFIG_ARGS
    relative: bool = False  # the source is named from the object directory: no path is built in
    compiler: str = ""  # instead of CC: the compiler's name, and what it is always told
    bare: bool = False  # that compiler finds none of the host's libraries
    runner: tuple[str, ...] = ()  # what runs a program of another machine
    fixed: bool = False  # runs where addresses are not random
    profile: Profile | None = None  # taken before; None has make take one


FLAVORS: dict[str, Flavor] = {
    flavor.name: flavor
    for flavor in (
        Flavor("release", "optimized without profile; minutes; the default"),
        Flavor(
            "debug",
            "assertions and reference totals, for testing",
            ("--with-pydebug",),
            pydebug=True,
            config_word="--with-pydebug",
        ),
        Flavor(
            "pgo",
            "profile-guided and link-time optimization, for measuring",
            # A function begins at a cache line: where it begins within one, which all code before
            # it decides, made regular expressions 17 % slower in one tree than in the other, with
            # the same instructions. docs/tried.md, "Where functions begin".
            ("--enable-optimizations", "--with-lto", "CFLAGS_NODIST=-falign-functions=64"),
            profiled=True,
            config_word="--enable-optimizations",
        ),
        Flavor(
            "asan",
            "AddressSanitizer",
            # pymalloc hides object boundaries from the sanitizer.
            ("--with-address-sanitizer", "--without-pymalloc"),
            # The interpreter leaks on purpose at exit; a failed huge malloc returns NULL as
            # CPython's own tests expect.
            {"ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:handle_segv=0"},
            config_word="--with-address-sanitizer",
        ),
        Flavor(
            "ubsan",
            "UndefinedBehaviorSanitizer",
            ("--with-undefined-behavior-sanitizer",),
            {"UBSAN_OPTIONS": "print_stacktrace=1"},
            config_word="--with-undefined-behavior-sanitizer",
        ),
    )
}

# Half the time to make, where speed is nobody's question.
_QUICK = "OPT=-DNDEBUG -O1 -g0 -Wall"

#: Builds that nobody ships: they are made to see whether what is here holds in them, too.
ODD: dict[str, Flavor] = {
    flavor.name: flavor
    for flavor in (
        Flavor(
            "tracerefs",
            "debug; lists all objects",
            ("--with-pydebug", "--with-trace-refs"),
            pydebug=True,
            config_word="--with-trace-refs",
        ),
        Flavor(
            "nopymalloc",
            "without CPython's own allocator",
            ("--without-pymalloc", _QUICK),
            config_word="--without-pymalloc",
        ),
        Flavor(
            "valgrind",
            "asks if Valgrind runs it",
            ("--with-valgrind", _QUICK),
            config_word="--with-valgrind",
        ),
        Flavor(
            "shared",
            "with libpython as a shared library",
            # The library is found beside the program, wherever that is, and by those in Programs/.
            ("--enable-shared", r"LDFLAGS_NODIST=-Wl,-rpath,\$$ORIGIN:\$$ORIGIN/..", _QUICK),
            config_word="--enable-shared",
        ),
        Flavor("clang", "compiled by clang", compiler="clang"),
        Flavor(
            "m32",
            "for 32 bits",
            ("--build=i686-pc-linux-gnu", _QUICK),
            config_word="--build=i686-pc-linux-gnu",
            # The kernel's headers, which gcc-multilib links to from elsewhere, and that package
            # does not go with a cross compiler.
            compiler="gcc -m32 -idirafter /usr/include/x86_64-linux-gnu",
            bare=True,
        ),
        Flavor(
            "musl",
            "with musl as the C library",
            (_QUICK,),
            compiler=shlex.quote(str(Path(__file__).with_name("musl-cc"))),
            bare=True,
        ),
        Flavor(
            "arm64",
            "for AArch64, run by qemu",
            (
                "--build=x86_64-linux-gnu",
                "--host=aarch64-linux-gnu",
                # What configure would look for, or run, on the machine itself.
                "ac_cv_buggy_getaddrinfo=no",
                "ac_cv_file__dev_ptmx=yes",
                "ac_cv_file__dev_ptc=no",
                _QUICK,
            ),
            config_word="--host=aarch64-linux-gnu",
            compiler="aarch64-linux-gnu-gcc-12",
            bare=True,
            runner=("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"),
        ),
        Flavor(
            "tsan",
            "ThreadSanitizer",
            # By flags: the option for it is younger than some pins.
            (
                "--without-pymalloc",
                "CFLAGS=-fsanitize=thread",
                "LDFLAGS=-fsanitize=thread",
                _QUICK,
            ),
            # Our children fork where threads are, and do not go on for long.
            {"TSAN_OPTIONS": "die_after_fork=0:report_signal_unsafe=0"},
            config_word="-fsanitize=thread",
            fixed=True,
        ),
    )
}


def get(name: str) -> Flavor:
    """Return the flavor called *name*; CpatchError (usage) when there is none."""
    try:
        return (FLAVORS | ODD)[name]
    except KeyError:
        raise CpatchError(
            f"no such flavor: {name}",
            wanted="one of " + ", ".join(FLAVORS | ODD),
            got=name,
            fix="make FLAVOR=release",
            code=USAGE,
        ) from None


def compiler_command(environ: Mapping[str, str]) -> list[str]:
    """Return the words of the compiler command: a launcher, when there is one, then the compiler.

    CC is taken as it is when it already names a launcher; otherwise LAUNCHER stands in front of
    it, or ccache when ccache is installed. ``LAUNCHER=none`` asks for the bare compiler.
    """
    try:
        words = shlex.split(environ.get("CC", "")) or [_default_compiler(environ)]
    except ValueError as error:
        raise CpatchError(
            f"CC cannot be read: {error}", got=environ.get("CC"), fix="make CC=gcc", code=USAGE
        ) from None
    if is_launcher(words[0]):
        return words
    launcher = environ.get("LAUNCHER")
    if launcher is None:
        launcher = "ccache" if shutil.which("ccache", path=environ.get("PATH")) else "none"
    if launcher in ("", "none"):
        return words
    return [*shlex.split(launcher), *words]


def is_launcher(word: str) -> bool:
    """Tell whether *word* names a compiler launcher rather than a compiler."""
    return Path(word).name in LAUNCHERS


def bare_compiler(command: list[str]) -> str:
    """Return the compiler's own name from a command that may begin with launchers."""
    for word in command:
        if not is_launcher(word) and not word.startswith("-"):
            return word
    return command[-1]


def _default_compiler(environ: Mapping[str, str]) -> str:
    for name in ("gcc", "cc", "clang"):
        if shutil.which(name, path=environ.get("PATH")):
            return name
    return "gcc"


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* without what would leak from our make and Python into a build."""
    return {
        key: value
        for key, value in environ.items()
        if key not in _DROPPED and not key.startswith(("PYTHON", "_PYTHON", "GIT_"))
    }


def chosen(flavor: Flavor, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the user's environment, with the compiler that *flavor* is made by."""
    # Of libraries that the host has for its own compiler, pkg-config would tell others, too.
    bare = {"PKG_CONFIG_LIBDIR": "/nowhere"} if flavor.bare else {}
    return {**environ, **bare, "CC": flavor.compiler} if flavor.compiler else environ


def build_environment(flavor: Flavor, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for configuring and making *flavor*; the tree plays no part in it."""
    env = clean_environment(environ)
    # Without a launcher, which comes in by PATH: see launcher.py.
    command = compiler_command(environ)
    env["CC"] = shlex.join(command[command.index(bare_compiler(command)) :])
    # A compiler's messages are parsed for the progress line and shown on failure.
    env["LC_ALL"] = "C.UTF-8"
    env.update(flavor.env)
    return env


def configure_arguments(flavor: Flavor) -> list[str]:
    """Return the options of configure for *flavor*; the tree plays no part in them."""
    return [*COMMON, *flavor.configure]


def settings(flavor: Flavor, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what decides the generated code, as recorded in the stamp and compared on reuse."""
    env = build_environment(flavor, environ)
    kept = {key: env[key] for key in ("CC", *PASSED_THROUGH) if env.get(key)}
    profile = {"profile": flavor.profile.sha256} if flavor.profile else {}
    return {"configure": shlex.join(configure_arguments(flavor)), **kept, **flavor.env, **profile}


def changes(wanted: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return what turns *environ* into *wanted*, in the form that ``proc`` takes and logs."""
    out: dict[str, str | None] = dict.fromkeys(key for key in environ if key not in wanted)
    return out | {key: value for key, value in wanted.items() if environ.get(key) != value}


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
