"""Running programs: streams apart, logs kept, children not orphaned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cpatch.base import proc
from cpatch.base.errors import CpatchError


def test_stdout_and_stderr_are_apart(tmp_path):
    result = proc.run(["sh", "-c", "echo out; echo err >&2"], cwd=tmp_path)
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_bytes_survive(tmp_path):
    result = proc.run(["printf", r"a\r\n\351\n"], cwd=tmp_path)
    assert result.stdout.encode("utf-8", "surrogateescape") == b"a\r\n\xe9\n"


def test_failure_shows_stderr(tmp_path):
    with pytest.raises(CpatchError, match=r"exit code 3\nbad thing"):
        proc.run(["sh", "-c", "echo bad thing >&2; exit 3"], cwd=tmp_path)
    assert proc.run(["sh", "-c", "exit 3"], cwd=tmp_path, check=False).returncode == 3


def test_environment_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("GONE", "1")
    result = proc.run(
        ["sh", "-c", "echo ${GONE-unset} $NEW"], cwd=tmp_path, env={"GONE": None, "NEW": "n"}
    )
    assert result.stdout == "unset n\n"


def test_missing_program(tmp_path):
    with pytest.raises(CpatchError, match="no-such-program is not there"):
        proc.run(["no-such-program"], cwd=tmp_path)


def test_step_keeps_the_log_and_shows_its_end(tmp_path):
    log = tmp_path / "logs" / "make.log"
    script = "for n in $(seq 30); do echo line $n; done; echo broken >&2; exit 2"
    with pytest.raises(CpatchError) as caught:
        proc.step("make", ["sh", "-c", script], cwd=tmp_path, log=log)
    assert str(log) in str(caught.value.fix)
    assert "line 30" in caught.value.what
    assert "line 2\n" not in caught.value.what
    text = log.read_text()
    assert "line 1\n" in text
    assert "broken\n" in text
    assert text.startswith("\n$ cd ")


def test_step_shows_only_its_own_last_lines(tmp_path):
    log = tmp_path / "make.log"
    proc.step("one", ["echo", "of the first step"], cwd=tmp_path, log=log)
    with pytest.raises(CpatchError) as caught:
        proc.step("two", ["false"], cwd=tmp_path, log=log)
    assert "of the first step" not in caught.value.what
    assert "of the first step" in log.read_text()


def test_step_progress_sees_stdout_only(tmp_path):
    seen = []

    def progress(line: str) -> tuple[float, float]:
        seen.append(line)
        return len(seen), 2

    proc.step(
        "x", ["sh", "-c", "echo 1; echo no >&2; echo 2"], cwd=tmp_path, log=tmp_path / "l",
        progress=progress,
    )  # fmt: skip
    assert seen == ["1", "2"]


def test_killed_child_is_named_by_its_signal(tmp_path):
    with pytest.raises(CpatchError, match="killed by SIGKILL"):
        proc.run(["sh", "-c", "kill -9 $$"], cwd=tmp_path)


@pytest.mark.parametrize("how", ["run", "step"])
def test_child_has_sigint_at_its_default_though_ours_is_ignored(tmp_path, how):
    """What a shell does to background jobs must not reach CPython's signal tests."""
    call = {
        "run": "print(proc.run(a, cwd=c).stdout)",
        "step": "proc.step('t', a, cwd=c, log=c / 'l'); print((c / 'l').read_text())",
    }[how]
    code = (
        "import sys; from pathlib import Path; from cpatch.base import proc\n"
        "c = Path(sys.argv[1])\n"
        "a = ['python3', '-c', 'import signal; print(signal.getsignal(signal.SIGINT))']\n" + call
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert "default_int_handler" in done.stdout


def test_feed_reports_the_end_of_stderr(tmp_path):
    with pytest.raises(CpatchError, match="exit code 4\nwhy"):
        proc.feed(["sh", "-c", "echo why >&2; exit 4"], [b"x"] * 3, cwd=tmp_path)


def test_feed_kills_the_child_when_the_stream_fails(tmp_path):
    def chunks():
        yield b"half"
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - ours, with no text
        proc.feed(["sh", "-c", "cat > got; touch finished"], chunks(), cwd=tmp_path)
    assert not (tmp_path / "finished").exists()
