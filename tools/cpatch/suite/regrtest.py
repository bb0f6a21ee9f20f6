"""Run CPython's regrtest in a controlled environment and read what it says, case by case.

JUnit alone is not enough: a file that crashes or times out never reaches it, and a failing
subTest leaves a nameless element there. The printed output alone is not enough either, because
it does not name the cases that passed. So both are read, and the output decides about failures.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cpatch.building import flavors, host

# Left out on both trees, each with its reason.
IGNORED = (
    # Hangs instead of being skipped on virtual machines that have /dev/vsock but whose
    # hypervisor does not loop a guest's own CID back to it.
    "*ThreadedVSOCKSocketStreamTest*",
)

#: What an interpreter is told to run.
PROGRAM = ("-m", "test")
RESOURCES = "all,-network,-audio,-gui,-largefile"

#: Options whose value may be the next word.
_VALUED = (
    "-D", "--coverdir", "-M", "--memlimit", "-R", "--huntrleaks", "-S", "--start", "-f",
    "--fromfile", "-i", "--ignore", "-j", "--multiprocess", "-m", "--match", "-p", "--python", "-t",
    "--threshold", "-u", "--use", "--ignorefile", "--junit-xml", "--matchfile",
    "--parallel-threads", "--prioritize", "--randseed", "--tempdir", "--testdir", "--timeout",
)  # fmt: skip
#: Options about which files run, and how often or how many at a time.
_CHOOSING = (
    "-F", "--forever", "-S", "--start", "-f", "--fromfile", "-j", "--multiprocess", "-s",
    "--single", "-x", "--exclude", "--prioritize",
)  # fmt: skip

_PROGRESS = re.compile(r"^\d+:\d\d:\d\d .*?\[ *(\d+)/(\d+)[^\]]*\] (\S+) (.*)$")
_HEADING = re.compile(r"^(ERROR|FAIL|UNEXPECTED SUCCESS): (\S+) \(([\w.<>-]+)\)")
_LEAK = re.compile(r"^(\S+) leaked \[.*\] (references|memory blocks|file descriptors)")
_GOOD = ("passed", "skipped", "ran no tests", "run no tests", "failed (env changed)")


@dataclass
class Outcome:
    """What one run of regrtest found.

    A failure is a case id, or a file's name when no case is to blame (crash, time-out, leak).
    """

    passed: int = 0
    skipped: int = 0
    failures: dict[str, set[str]] = field(default_factory=dict)  # file -> failed cases
    finished: dict[str, str] = field(default_factory=dict)  # file -> regrtest's word on it
    expected_files: int = 0
    exit_code: int = 0
    leaks: list[str] = field(default_factory=list)

    @property
    def failed(self) -> set[str]:
        """Every failure's id."""
        return {case for cases in self.failures.values() for case in cases}

    def crashed(self, file: str) -> bool:
        """Tell whether the process that ran *file* died."""
        # "worker non-zero exit code" in newer versions; a fatal signal has a negative code.
        return self.finished.get(file, "").startswith(("crashed", "worker", "process crashed"))

    @property
    def env_changed(self) -> list[str]:
        """Files that left the process different from how they found it."""
        return sorted(name for name, word in self.finished.items() if "env changed" in word)


def environment(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the environment of a test run: the host's PATH and compiler, nothing personal.

    PYTHON* variables (PYTHONUNBUFFERED fails test_cmd_line, PYTHONDONTWRITEBYTECODE fails
    test_compileall and test_cppext), pip's settings, proxies, colours, a locale of the host's, an
    editor, a display, and files in the user's home all change results; none is passed on.
    """
    kept = ("PATH", "CC", "CXX", "CFLAGS", "CPPFLAGS", "LDFLAGS", "LD_LIBRARY_PATH", "USER")
    env = {key: environ[key] for key in kept if key in environ}
    env |= {key: value for key, value in environ.items() if key.startswith(("CCACHE_", "DISTCC_"))}
    env |= {
        "HOME": str(home),
        "TMPDIR": str(home.parent / "tmp"),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
    }
    if "HOME" in environ:  # a compiler cache keeps its place although HOME moves
        env.setdefault("CCACHE_DIR", str(Path(environ["HOME"]) / ".cache" / "ccache"))
    return env


def default_signals() -> None:
    """Give the child the signal dispositions of an interactive shell; for ``preexec_fn``.

    A run started by nohup or with ``&`` inherits an ignored SIGINT, and Python then installs no
    KeyboardInterrupt handler: test_generators, test_signal, test_threading and multiprocessing's
    tests fail for that alone.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)


def run(
    command: Sequence[str | Path],
    arguments: Sequence[str],
    *,
    log: Path,
    junit: Path | None,
    environ: Mapping[str, str],
    flavor: flavors.Flavor,
    env: Mapping[str, str] | None = None,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Outcome:
    """Run regrtest with *arguments*; everything it prints goes to *log*.

    *command* is an interpreter and what it is told to run, PROGRAM or what does the same.
    *arguments* hold ``-jN``: only the multiprocess runner survives a crash, and only its progress
    lines are read. With *junit* passed and skipped count cases, else files. *env* adds variables.
    Never raises for failing tests. The scratch directory's name is short (socket paths have
    108 bytes) and it is removed afterwards.
    """
    scratch = Path(tempfile.mkdtemp(prefix="cpt-"))
    try:
        for name in ("home", "tmp", "work"):
            (scratch / name).mkdir()
        child_env = environment(environ, scratch / "home") | dict(flavor.env) | dict(env or {})
        # As `make test` upstream does; -E would hide a leg's own PYTHON* variable.
        python, *program = map(str, command)
        argv = [python, "-W", "default", "-bb", *([] if env else ["-E"]), *program]
        argv += ["--tempdir", str(scratch / "work")]
        if junit is not None:
            junit.unlink(missing_ok=True)
            argv += ["--junit-xml", str(junit)]
        for pattern in IGNORED:
            argv += ["-i", pattern]
        argv += arguments
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8", errors="replace") as kept:
            kept.write("$ " + " ".join(argv) + "\n")
            with host.addresses(fixed=flavor.fixed):
                code, output = _follow(argv, child_env, scratch, kept, on_progress)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    outcome = read_output(output)
    outcome.exit_code = code
    if junit is not None:
        outcome.passed, outcome.skipped = read_junit(junit)
    else:
        words = list(outcome.finished.values())
        outcome.passed = sum(word.startswith(("passed", "failed (env")) for word in words)
        outcome.skipped = sum(word.startswith("skipped") for word in words)
    _account_for_exit(outcome)
    return outcome


def options(arguments: Iterable[str]) -> list[str]:
    """Return the arguments that say how a file is run: for a run of other files.

    Names of files are left out, and what chooses or orders them. One-letter options stand alone.
    """
    kept: list[str] = []
    for name, words in _parsed(arguments):
        if name and name not in _CHOOSING:
            kept += words
    return kept


def names(arguments: Iterable[str]) -> list[str]:
    """Return the arguments that name files of ``Lib/test``.

    There are none with ``--testdir``, which says that they lie elsewhere.
    """
    found = list(_parsed(arguments))
    if any(name == "--testdir" for name, _ in found):
        return []
    return [word for name, words in found for word in words if not name]


def _parsed(arguments: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each option's name, and its words with its value; '' as the name of other words."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            yield "", [word]
            continue
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        value = [next(words, "")] if name == word and name in _VALUED else []
        yield name, [word, *value]


def _follow(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    kept: IO[str],
    on_progress: Callable[[int, int, str], None] | None,
) -> tuple[int, list[str]]:
    lines: list[str] = []
    child = subprocess.Popen(
        argv,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # no controlling terminal, and one group to stop on Ctrl-C
        preexec_fn=default_signals,
    )
    assert child.stdout is not None
    try:
        for line in child.stdout:
            kept.write(line)
            kept.flush()
            lines.append(line.rstrip("\n"))
            found = _PROGRESS.match(lines[-1])
            if found and on_progress:
                on_progress(int(found[1]), int(found[2]), found[3])
        return child.wait(), lines
    except BaseException:
        # SIGINT first: regrtest's workers are in sessions of their own, and only regrtest itself
        # can end them.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=20)
                break
        raise


def read_output(lines: Iterable[str]) -> Outcome:
    """Read regrtest's printed output: which files finished how, which cases failed, what leaked."""
    outcome = Outcome()
    current = ""
    for line in lines:
        if found := _PROGRESS.match(line):
            name, word = found[3], found[4].split(" -- ")[0].strip()
            outcome.expected_files = max(outcome.expected_files, int(found[2]))
            current = name
            outcome.finished[name] = word
            if not word.startswith(_GOOD):
                outcome.failures.setdefault(name, set())
        elif found := _HEADING.match(line):
            if current:
                outcome.failures.setdefault(current, set()).add(found[3])
        elif found := _LEAK.match(line):
            outcome.leaks.append(line)
            outcome.failures.setdefault(found[1], set())
    for name, cases in outcome.failures.items():
        if not cases:
            cases.add(name)
    return outcome


def _account_for_exit(outcome: Outcome) -> None:
    """Count a run that broke off, which neither the output nor JUnit would show as a failure."""
    missing = outcome.expected_files - len(outcome.finished)
    if missing > 0:
        outcome.failures.setdefault("regrtest", set()).add(
            f"regrtest stopped with {missing} of {outcome.expected_files} files not run"
        )
    elif outcome.exit_code != 0 and not outcome.failures:
        outcome.failures["regrtest"] = {f"regrtest exited with {outcome.exit_code}"}


def read_junit(path: Path) -> tuple[int, int]:
    """Return how many cases passed and how many were skipped; (0, 0) when there is no report."""
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - regrtest wrote it
    except (OSError, ET.ParseError):
        return 0, 0
    passed = skipped = 0
    for case in root.iter("testcase"):
        if case.find("skipped") is not None:
            skipped += 1
        elif (
            case.get("name")  # a case whose subTest failed has none
            and case.find("error") is None
            and case.find("failure") is None
            and case.find("outcome") is None
        ):
            passed += 1
    return passed, skipped


def file_of(case: str) -> str:
    """Return the regrtest file that holds *case* (a dotted id, or already a file's name)."""
    parts = case.split(".")
    if len(parts) == 1:
        return case
    if parts[0] == "test":
        return parts[1]
    # Test packages that live beside what they test: distutils.tests.test_x is test_distutils.
    return "test_" + parts[0]
