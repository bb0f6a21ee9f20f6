"""Instructions that programs take, counted by callgrind: the view that repeats to 0.01 %.

The programs are pyperformance's scripts, each measured function called once, and bare start-up.
The order of sets and the layout of the address space are fixed, and every program has run once
before it is counted, so that no count holds the compiling of a module.
"""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyperf

from cpatch.base import console, proc
from cpatch.base.errors import CpatchError
from cpatch.bench import runs
from cpatch.bench.runs import RunFailedError
from cpatch.measuring import resultdir
from cpatch.measuring.interpreters import Role
from cpatch.measuring.resultdir import Failure, Results

_ONCE = Path(__file__).with_name("once.py")


@dataclass(frozen=True)
class Program:
    """What is counted: a benchmark's script and options that shorten it, or bare options."""

    name: str
    options: tuple[str, ...] = ()
    script: bool = True


#: Without ``--benchmarks``. None needs a package, and none takes a minute.
PROGRAMS = (
    Program("nbody", ("--iterations", "5000")),
    Program("richards"),
    Program("deltablue"),
    Program("float"),
    Program("nqueens"),
    Program("chaos", ("--iterations", "1500")),
    Program("json_dumps"),
    Program("pickle_pure_python"),
    Program("regex_compile"),
    Program("hexiom", ("--level", "10")),
    # Not -I, which ignores PYTHONHASHSEED: counts would differ by 0.1 % from run to run.
    Program("python_startup", ("-c", "pass"), script=False),
    Program("python_startup_no_site", ("-S", "-c", "pass"), script=False),
)


def programs(names: Sequence[str]) -> list[Program]:
    """Return what to count; *names* may be any benchmark that measures in its own process."""
    known = {program.name: program for program in PROGRAMS}
    return [known.get(name) or Program(name) for name in names] if names else list(PROGRAMS)


def command(program: Program, python: Path, table: Mapping[str, Any]) -> list[str]:
    """Return the command line that runs a program once."""
    if not program.script:
        return [str(python), *program.options]
    bench = table[program.name]
    # The site of an environment, when the program has one that it needs.
    plain = [] if (python.parents[1] / "pyvenv.cfg").exists() else ["-S"]
    argv = [str(python), *plain, "-s", str(_ONCE), bench.runscript]
    return [*argv, *bench.extra_opts, *program.options]


def check_host() -> None:
    """Raise CpatchError when callgrind is not there."""
    for tool, package in (("valgrind", "valgrind"), ("setarch", "util-linux")):
        if not shutil.which(tool):
            raise CpatchError(
                f"counting instructions needs {tool}", fix=f"apt-get install -y {package}"
            )


def count(
    program: Program, role: Role, python: Path, table: Mapping[str, Any], scratch: Path
) -> int:
    """Return the instructions of one run, in user mode; RunFailedError when it does not run."""
    plain = command(program, python, table)
    env = runs.changes(runs.environment(role, 0))
    first = proc.run(plain, cwd=scratch, env=env, check=False)
    if not first.ok:
        raise RunFailedError(f"exit code {first.returncode}", _end(first.stderr), scratch)
    argv = ["setarch", platform.machine(), "--addr-no-randomize", "valgrind", "--tool=callgrind"]
    argv += ["--callgrind-out-file=/dev/null", *plain]
    done = proc.run(argv, cwd=scratch, env=env, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if not done.ok or not found:
        raise RunFailedError(f"callgrind: exit code {done.returncode}", _end(done.stderr), scratch)
    return int(found[1])


def _end(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-15:])


def run(bench: runs.Bench, names: Sequence[str], jobs: int) -> None:
    """Count what is not counted yet, on every role; failures are recorded."""
    check_host()
    results, scratch = bench.results, bench.scratch()
    wanted = programs(names)
    todo = []
    for program in wanted:
        for role in bench.roles:
            if not results.file("counts", role.name, program.name).exists():
                todo.append((program, role))
    if not todo:
        return

    def one(program: Program, role: Role) -> int:
        own = program.script and names
        python = bench.python(role, program.name) if own else Path(role.side.python)
        return count(program, role, python, bench.table, scratch)

    with ThreadPoolExecutor(jobs) as pool, console.progress("counting instructions") as advance:
        try:
            futures = {pool.submit(one, *task): task for task in todo}
            for done, future in enumerate(as_completed(futures)):
                _keep(results, *futures[future], future.result)
                advance(done + 1, len(todo))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _keep(results: Results, program: Program, role: Role, result: Any) -> None:
    name = f"counting-{program.name}"
    try:
        found = result()
    except RunFailedError as error:
        results.fail(Failure(name, role.name, error.what, error.tail, resultdir.now()))
        return
    results.clear(name, role.name)
    options = " ".join(program.options) or "none"
    run = runs.made(program.name, "integer", [found], options=options)
    resultdir.dump(
        results.file("counts", role.name, program.name),
        pyperf.Benchmark([resultdir.stamped(run, **role.stamp)]),
    )
