"""The one way to run other programs.

stdout and stderr are kept apart everywhere: a warning on stderr must never end up in a patch or
be parsed as a result. Children always start with SIGINT at its default, because a driver started
in the background by a shell inherits "ignored", and CPython's own signal tests fail under that.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cpatch.base import console, leftovers
from cpatch.base.errors import CpatchError

#: Changes to the environment: a value of None removes the variable.
Env = Mapping[str, "str | None"]
#: Given a line of stdout, returns (done, total) when the line tells progress.
LineProgress = Callable[[str], "tuple[float, float | None] | None"]

_TAIL = 15


class FailedError(CpatchError):
    """A long command was there, ran, and ended badly."""


@dataclass(frozen=True)
class Result:
    """A finished child; output is text with undecodable bytes kept as surrogates."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Whether it exited with 0."""
        return self.returncode == 0


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Env | None = None,
    log: Path | None = None,
    check: bool = True,
    capture: bool = True,
    input: str | bytes | None = None,  # noqa: A002 - the name subprocess uses
) -> Result:
    """Run a short command to its end.

    ``capture=False`` lets it talk to the user's terminal. ``log`` appends command and output to a
    file. With ``check`` a failure raises CpatchError with the end of stderr (else of stdout).
    """
    args = [os.fspath(arg) for arg in argv]
    console.detail(f"+ {shlex.join(args)}")
    pipe = subprocess.PIPE if capture else None
    data = input.encode("utf-8", "surrogateescape") if isinstance(input, str) else input
    child = _spawn(
        args,
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL if capture else None,
        stdout=pipe,
        stderr=pipe,
    )
    with _reaped(child):
        out, err = child.communicate(data)
    result = Result(tuple(args), child.returncode, _text(out), _text(err))
    if log is not None:
        with _open_log(log) as stream:
            _head(stream, args, cwd, env)
            stream.write((out or b"") + (err or b""))
    if check and not result.ok:
        said = (result.stderr.strip() or result.stdout.strip()).split("\n")[-_TAIL:]
        raise CpatchError(
            f"{shlex.join(args[:3])}{' …' if len(args) > 3 else ''} {_how(result.returncode)}"
            + "".join(f"\n{line}" for line in said if line)
        )
    return result


def step(
    title: str,
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Env | None = None,
    log: Path,
    progress: LineProgress | None = None,
    check: bool = True,
    works_on: Path | None = None,
) -> Result:
    """Run a long command, showing progress; its whole output is appended to ``log``.

    ``progress`` sees each line of stdout only. ``works_on`` is the directory that it works on,
    where ``leftovers.end`` ends it when we were killed. A failure raises FailedError with the
    log's path and last lines; the Result's stdout and stderr are empty (read the log).
    """
    args = [os.fspath(arg) for arg in argv]
    with _open_log(log) as stream:
        _head(stream, args, cwd, env)
        stream.flush()
        start = stream.tell()
        with console.progress(title) as advance:
            child = _spawn(
                args,
                cwd=cwd,
                env=environment(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stream,  # straight into the log; never seen by `progress`
            )
            with _reaped(child), leftovers.noted(works_on, child.pid):
                assert child.stdout is not None
                for line in child.stdout:
                    stream.write(line)
                    stream.flush()
                    told = progress(_text(line).rstrip("\n")) if progress else None
                    if told:
                        advance(*told)
                child.wait()
            if check and child.returncode:
                raise FailedError(
                    f"{title} {_how(child.returncode)}; its last lines:\n"
                    + "\n".join(tail(log, start=start)),
                    fix=f"read the log: {log}",
                )
    return Result(tuple(args), child.returncode, "", "")


def feed(
    argv: Sequence[str | Path], chunks: Iterable[bytes], *, cwd: Path, env: Env | None = None
) -> None:
    """Run a command that reads a long stream and says nothing unless it fails.

    An exception from ``chunks`` ends the child before it sees the end of its input.
    """
    args = [os.fspath(arg) for arg in argv]
    console.detail(f"+ {shlex.join(args)}")
    with tempfile.TemporaryFile() as errors:
        child = _spawn(
            args,
            cwd=cwd,
            env=environment(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        assert child.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # its exit code will tell
                for chunk in chunks:
                    child.stdin.write(chunk)
                child.stdin.close()
            child.wait()
        except BaseException:
            # Before its input is closed: what it got so far must not look like all of it.
            child.kill()
            child.wait()
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
            raise
        if child.returncode:
            errors.seek(0)
            raise CpatchError(
                f"{args[0]} {_how(child.returncode)}\n{_text(errors.read()[-4000:]).strip()}"
            )


def limited(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes] | int,
    seconds: float,
) -> int | None:
    """Run a program in a session of its own, with *env* whole; None when its time is up.

    The children that it left are killed, too: they hold its pipes and ports. So are those that
    began sessions of their own, if its time is up.
    """
    with _default_sigint():
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        leftovers.kill_below(child.pid)
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def tail(log: Path, lines: int = _TAIL, *, start: int = 0) -> list[str]:
    """Return the last lines of a log, nothing from before byte ``start``."""
    with log.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(start, end - 20_000))
        return [_text(line).rstrip() for line in stream.readlines()[-lines:]]


def environment(changes: Env | None) -> dict[str, str]:
    """Return the process environment with ``changes`` made."""
    env = dict(os.environ)
    for key, value in (changes or {}).items():
        if value is None:
            env.pop(key, None)
        else:
            env[key] = value
    return env


def _spawn(args: list[str], **kwargs: Any) -> subprocess.Popen[bytes]:
    try:
        with _default_sigint():
            return subprocess.Popen(args, **kwargs)
    except FileNotFoundError as exc:
        missing_dir = exc.filename not in (args[0], None)
        what = f"no such directory: {exc.filename}" if missing_dir else f"{args[0]} is not there"
        raise CpatchError(what, fix="make doctor says what is missing") from exc
    except PermissionError as exc:
        raise CpatchError(f"may not run {args[0]}: {exc.strerror}") from exc


@contextlib.contextmanager
def _default_sigint() -> Iterator[None]:
    """Let a child started inside have SIGINT at its default.

    exec() resets a *handled* signal to the default but leaves an ignored one ignored, so handling
    it during the fork is enough, without preexec_fn and its trouble with threads.
    """
    ignored = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    )
    if not ignored:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def _reaped(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave no child behind when we are interrupted.

    Ctrl-C reaches the child too (same process group): let it finish by itself first.
    """
    try:
        yield
    except BaseException as exc:
        if not isinstance(exc, KeyboardInterrupt):
            child.terminate()
        for end in (child.terminate, child.kill, None):
            try:
                child.wait(10)
                break
            except subprocess.TimeoutExpired:
                if end is not None:
                    end()
        raise


def _open_log(log: Path) -> IO[bytes]:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        # Append mode: our writes and the child's share the file without overwriting each other.
        return log.open("ab")
    except OSError as exc:
        raise CpatchError(
            f"cannot write the log {log}: {exc.strerror}", fix="make the directory writable"
        ) from exc


def _head(stream: IO[bytes], args: list[str], cwd: Path, env: Env | None) -> None:
    changes = " ".join(
        f"-u {key}" if value is None else f"{key}={shlex.quote(value)}"
        for key, value in sorted((env or {}).items())
    )
    prefix = f"env {changes} " if changes else ""
    line = f"\n$ cd {shlex.quote(str(cwd))} && {prefix}{shlex.join(args)}\n"
    stream.write(line.encode("utf-8", "surrogateescape"))


def _text(data: bytes | None) -> str:
    # Decoded by hand: universal newlines would turn a patch's CRLF lines into LF.
    return (data or b"").decode("utf-8", "surrogateescape")


def _how(returncode: int) -> str:
    if returncode < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-returncode).name}"
    return f"failed with exit code {returncode}"
