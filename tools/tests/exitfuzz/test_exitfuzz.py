from __future__ import annotations

import itertools
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from buildtoy import fake_program
from cpatch.exits import fuzz as verb
from cpatch.suite import legs
from exitfuzz import extension, fuzz, oracle, run, shrink, templates, text
from exitfuzz.fuzz import Settings, Summary, Verdict
from exitfuzz.generate import generate
from exitfuzz.model import Block, Module, Program
from exitfuzz.oracle import Fault
from exitfuzz.run import Interpreter, Outcome

ME = Interpreter(sys.executable)
LOG = """\
m program
m made 1.1!
m exiting
m ran 1.1!
m said 1.1!
m end 1.1!
"""


def outcome(log: str = LOG, *, out: str = "out m 1.1!\n", err: str = "", **more: object) -> Outcome:
    """Return what a run left behind; by default one finalizer ran, as it should."""
    made = Outcome(0, out, err, tuple(tuple(line.split()) for line in log.splitlines()), {}, 0.1)
    return replace(made, **more)  # type: ignore[arg-type]


def kinds(stock: Outcome, patched: Outcome) -> list[str]:
    return [fault.kind for fault in oracle.judge(stock, patched)]


def program(*codes: str, last: str = "pass", options: tuple[str, ...] = ()) -> Program:
    blocks = tuple(Block(f"block {n}", f"{code}\n") for n, code in enumerate(codes))
    return Program(1, 2, options, (Module("main", blocks),), Block("exit: end", f"{last}\n"))


class TestGenerate:
    def test_seed_and_index_make_the_program(self) -> None:
        made = [generate(7, index, extension=True) for index in range(20)]
        assert made == [generate(7, index, extension=True) for index in range(20)]
        assert made != [generate(8, index, extension=True) for index in range(20)]
        assert len({str(one.files()) for one in made}) == 20

    def test_all_are_python_and_no_word_is_left(self) -> None:
        words = re.compile(r"\b(OBJ|CALL|IDENT|NAME|FILE|MADE|TARGET|MORE|BEFORE|ACT|ID)\b|NUM")
        for index in range(300):
            for name, source in generate(3, index, extension=True).files().items():
                compile(source, name, "exec")
                assert not words.search(source), source

    def test_ways_to_hold(self) -> None:
        assert len(templates.holders()) >= 90

    def test_every_template_is_used(self) -> None:
        seen = " ".join(
            kind for index in range(3000) for kind in generate(1, index, extension=True).kinds
        )
        for table in ("waits", "threads", "files", "released", "hangers", "weak", "actions"):
            for name in templates.read(table):
                assert name in seen, (table, name)
        for name in templates.holders():
            assert f"hold: {name}" in seen

    def test_extension_where_leaks_are_errors(self, tmp_path: Path) -> None:
        # An interpreter with AddressSanitizer is asked for its compiler, too.
        if extension.compiled(sys.executable, tmp_path) is None:
            pytest.skip("no compiler, or no headers of this Python")
        leaks = "case $ASAN_OPTIONS in *detect_leaks=0*) ;; *) exit 23 ;; esac\n"
        python = fake_program(tmp_path, "python", f"""{leaks}exec '{sys.executable}' "$@" """)
        assert extension.compiled(str(python), tmp_path) is not None

    def test_without_compiler_no_extension(self) -> None:
        for index in range(200):
            assert "fzext" not in str(generate(1, index, extension=False).files())


class TestOracle:
    def test_same(self) -> None:
        assert kinds(outcome(), outcome()) == []

    def test_ends(self) -> None:
        assert kinds(outcome(), outcome(status=None)) == ["hang"]
        assert kinds(outcome(), outcome(status=-11)) == ["crash"]
        assert kinds(outcome(), outcome(status=1)) == ["status"]

    def test_what_tells_nothing(self) -> None:
        assert oracle.interesting(outcome(), 0) == ""
        assert oracle.interesting(outcome(status=None), 0) == "stock hangs"
        assert oracle.interesting(outcome(status=-6), 0) == "stock crashes"
        assert oracle.interesting(outcome(), 7) == "stock's status is another"
        assert oracle.interesting(outcome(LOG + "m LATE\n"), 0) == "too slow"

    def test_once(self) -> None:
        none = outcome("m program\nm made 1.1!\nm exiting\n", out="")
        assert kinds(outcome(), none) == ["lost", "stdout lost"]
        assert kinds(none, none) == ["lost, as on stock"]
        assert kinds(none, outcome()) == []
        assert kinds(outcome(), outcome(LOG + "m ran 1.1!\n")) == ["twice"]

    def test_must_end(self) -> None:
        cut = outcome(LOG.replace("m end 1.1!\n", ""))
        assert kinds(cut, cut) == ["not ended"]
        # The collector came before the exit: its turn is not the same in each interpreter.
        early = outcome(LOG.replace("m end 1.1!\n", "").replace("m exiting\n", ""))
        assert kinds(outcome(), early) == []

    def test_need_not_end(self) -> None:
        full, cut = (t.replace("1.1!", "1.1") for t in (LOG, LOG.replace("m end 1.1!\n", "")))
        said = "out m 1.1\n"
        assert kinds(outcome(cut, out=said), outcome(cut, out=said)) == []
        assert kinds(outcome(full, out=said), outcome(cut, out=said)) == ["not ended"]
        thread = [t.replace("1.1", "1.1~") for t in (full, cut)]
        assert kinds(*(outcome(t, out="out m 1.1~\n") for t in thread)) == []

    def test_worker(self) -> None:
        fork = LOG.replace("m exiting\n", "m fork w2\nw2 worker w2\nm status w2 0\nm exiting\n")
        ran = fork + "w2 ran 1.1!\nw2 end 1.1!\n"
        assert kinds(outcome(ran), outcome(ran)) == []
        assert kinds(outcome(ran), outcome(fork)) == ["lost"]
        # The program's collector came before the fork, where stock's came after.
        first = (
            LOG.replace("m exiting\n", "") + "m fork w2\nw2 worker w2\nm status w2 0\nm exiting\n"
        )
        assert kinds(outcome(ran), outcome(first)) == []
        bad = ran.replace("status w2 0", "status w2 11")
        assert kinds(outcome(ran), outcome(bad)) == ["worker"]

    def test_whole(self) -> None:
        assert kinds(outcome(), outcome(LOG + "m BROKEN 1.1! sys\n")) == ["broken"]
        assert kinds(outcome(LOG + "m BROKEN 1.1! sys\n"), outcome()) == []

    def test_whole_but_for_an_import_that_is_being_made(self) -> None:
        broken = "m BROKEN 2.1! AttributeError partially initialized module 're'\n"
        log = LOG + "m made 2.1!\nm ran 2.1!\nm said 2.1!\n" + broken + "m end 2.1!\n"
        out = "out m 1.1!\nout m 2.1!\n"
        assert kinds(outcome(log, out=out), outcome(log, out=out)) == ["broken"]
        inside = log.replace("m end 1.1!\n", "") + "m end 1.1!\n"
        assert kinds(outcome(inside, out=out), outcome(inside, out=out)) == []

    def test_callbacks(self) -> None:
        called = outcome(LOG + "m called cb1\n")
        assert kinds(called, outcome()) == ["callback lost"]
        assert kinds(outcome(), called) == []
        assert kinds(called, outcome(LOG + "m called cb1\n" * 2)) == ["callback twice"]
        collected = outcome(LOG.replace("m exiting\n", "m called cb1\nm exiting\n"))
        assert kinds(collected, outcome()) == ["callback lost"]
        frozen = outcome(LOG.replace("m exiting\n", "m froze\nm exiting\n"))
        assert kinds(collected, frozen) == []
        assert kinds(called, frozen) == ["callback lost"]
        left, gone = (outcome(LOG + f"m entries cb1 {n}\n") for n in (1, 0))
        assert kinds(gone, left) == ["weak dictionary"]
        assert kinds(left, left) == []

    def test_stdout(self) -> None:
        assert kinds(outcome(), outcome(out="")) == ["stdout lost"]
        assert kinds(outcome(), outcome(out="out m 1.1!\nout m 2.2\n")) == []
        assert kinds(outcome(), outcome(out="out m 1.1!\nmore\n")) == ["stdout"]
        assert kinds(outcome(), outcome(out="out m 1.1!\n" * 2)) == ["stdout"]
        assert kinds(outcome(out="out m 1.1!\n" * 2), outcome()) == []
        assert kinds(outcome(out="out m 1.1!\nsay\n"), outcome()) == ["stdout lost"]

    def test_stdout_of_what_registers_with_atexit(self) -> None:
        late = "out m 1.1!\nout m late 1.1!\n"
        early = LOG.replace("m exiting\n", "") + "m exiting\n"
        assert kinds(outcome(early, out=late), outcome()) == []
        assert kinds(outcome(early, out=late), outcome(early)) == ["stdout lost"]
        assert kinds(outcome(out=late), outcome()) == ["stdout lost"]

    def test_stderr(self) -> None:
        report = (
            "Exception ignored in: <function F at 0x7f01>\nTraceback (most recent call last):\n"
        )
        frame = '  File "./main.py", line 9, in act1_1\n    x\n'
        bad, meant = (report + frame + f"{line}\n" for line in ("RuntimeError", "E: purpose: 1.1"))
        assert kinds(outcome(), outcome(err=bad)) == ["unraisable"]
        assert kinds(outcome(err=bad), outcome(err=bad.replace("7f01", "7f02"))) == []
        assert kinds(outcome(), outcome(err=meant)) == []
        assert kinds(outcome(), outcome(err="log 1.1!\n")) == []
        assert kinds(outcome(), outcome(err="log 1.1!\n" * 2)) == ["stderr"]
        assert kinds(outcome(), outcome(err="log 9.1!\n")) == ["stderr"]
        assert kinds(outcome(err="log 1.1\n"), outcome()) == ["stderr lost"]
        assert kinds(outcome(), outcome(err="odd\n")) == ["stderr"]
        unawaited = "./main.py:63: RuntimeWarning: coroutine 'one14' was never awaited\n"
        assert kinds(outcome(err=unawaited), outcome()) == []
        assert kinds(outcome(err=unawaited.replace("one14", "coro14")), outcome()) == [
            "stderr lost"
        ]
        for shutdown in (
            "RuntimeError: can't start new thread at interpreter shutdown",
            "PythonFinalizationError: can't create new thread at interpreter shutdown",
            "PythonFinalizationError: can't fork at interpreter shutdown",
        ):
            assert kinds(outcome(), outcome(err=f"{report}{frame}{shutdown}\n")) == []
            younger = report.replace("in: ", "while calling deallocator ") + frame
            assert kinds(outcome(), outcome(err=f"{younger}{shutdown}\n")) == []

    def test_refused_fork(self) -> None:
        cut = LOG.replace("m end 1.1!\n", "")
        said = "out m 1.1!\n"
        told = (
            "Exception ignored while calling deallocator x:\nTraceback (most recent call last):\n"
            '  File "./main.py", line 9, in act1_1\n    os.fork()\n'
            "PythonFinalizationError: can't fork at interpreter shutdown\n"
        )
        assert kinds(outcome(out=said), outcome(cut, out=said, err=told)) == []
        other = told.replace("act1_1", "act2_1")
        assert kinds(outcome(out=said), outcome(cut, out=said, err=other)) == ["not ended"]

    def test_report_of_stock_s(self) -> None:
        told = (
            "Exception ignored while calling deallocator x:\nTraceback (most recent call last):\n"
            '  File "./main.py", line 9, in act1_1\nValueError: purpose: 1.1!\n'
        )
        assert kinds(outcome(err=told), outcome(err=told)) == []
        assert kinds(outcome(), outcome(err=told)) == []
        assert kinds(outcome(err=told), outcome()) == ["report lost"]

    def test_reentered_import(self) -> None:
        where = '  File "<frozen importlib._bootstrap>", line 123, in acquire\n'
        failed = f"Traceback (most recent call last):\n{where}KeyError: 140177065284224\n"
        assert kinds(outcome(), outcome(err=failed, status=1)) == ["chance"]
        other = failed.replace("importlib", "other")
        assert kinds(outcome(), outcome(err=other, status=1)) == ["status"]

    def test_reports_at_once(self) -> None:
        report = "Exception ignored in: x\nTraceback (most recent call last):\n  File\n"
        last = "KeyError: 1\n"
        assert kinds(outcome(), outcome(err=report + report + last + last)) == ["chance"]
        assert "unraisable" in kinds(outcome(), outcome(err=(report + last) * 2))

    def test_files(self) -> None:
        wrote = outcome(LOG + "m file f1 2\n", files={"f1": b"data\ndata\n"})
        assert kinds(wrote, wrote) == []
        assert kinds(wrote, replace(wrote, files={"f1": b"data\n"})) == ["file", "file"]
        lost = replace(wrote, files={})
        assert kinds(lost, lost) == ["file"]  # F4, whatever stock does
        assert kinds(outcome(), outcome(files={"tmpabc/x": b""})) == ["left over"]

    def test_released(self) -> None:
        log = LOG.replace("m exiting\n", "m dealloc f1\nm exiting\n")
        done, left = outcome(log, files={"f1.count": b"5\n"}), outcome(log)
        assert kinds(done, done) == []
        assert kinds(done, left) == ["not released"]
        assert kinds(left, done) == []
        again = outcome(f"{log}m dealloc f1\n", files={"f1.count": b"5\n5\n"})
        assert kinds(again, done) == []  # its module ran twice
        assert kinds(replace(again, log=done.log), done) == ["not released"]
        assert kinds(done, replace(again, log=done.log)) == ["released twice"]
        immortal = outcome(log.replace("m exiting", "m immortalized\nm exiting"))
        # Once, by the process that called; how often stock releases it is no measure.
        assert kinds(done, immortal) == ["not released"]
        assert kinds(done, replace(immortal, files={"f1.count": b"5\n"})) == []
        wal = outcome(log, files={"f1.db": b"", "f1.db-wal": b""})
        assert kinds(replace(wal, files={"f1.db": b""}), wal) == ["not released"]


def test_reports_are_told_from_lines() -> None:
    found = text.sort(
        "first\nException ignored in: x\n"
        "Traceback (most recent call last):\n  File\nKeyError: 1\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n  File\nValueError: 2\nlast\n"
    )
    assert found.lines == ["first", "last"]
    assert [block[-1] for block in found.blocks] == ["ValueError: 2"]


def test_processes_are_alike_whatever_their_number() -> None:
    # In a container they have few digits.
    line = "x.py:1: DeprecationWarning: This process (pid={}) is multi-threaded\n"
    assert text.plain(line.format(7)) == text.plain(line.format(123456))


class TestRun:
    def test_gathers(self, tmp_path: Path) -> None:
        made = run.run(program("h = F('1.1!')", last="print('end')"), ME, tmp_path / "run", 20)
        assert (made.status, made.stdout.splitlines()[0]) == (0, "end")
        assert ("m", "made", "1.1!") in made.log
        assert ("m", "ran", "1.1!") in made.log

    def test_hanging_is_killed_with_its_children(self, tmp_path: Path) -> None:
        code = "import subprocess\nsubprocess.Popen(['sh', '-c', 'sleep 2; touch late'])"
        made = run.run(program(code, last="time.sleep(60)"), ME, tmp_path / "run", 1)
        assert made.status is None
        time.sleep(2)
        assert not (tmp_path / "run" / "late").exists()

    def test_interpreter_that_lacks_modules_is_being_built(self, tmp_path: Path) -> None:
        assert ME.state()
        assert ME.state() == ME.state()
        assert not Interpreter(str(tmp_path / "none")).state()
        fake_program(tmp_path, "python", "exit 1")
        assert not Interpreter(str(tmp_path / "python")).state()

    def test_worker_and_other_children(self, tmp_path: Path) -> None:
        fork = "if os.fork() == 0:\n    {}\n    os._exit(0)\nos.wait()"
        one = fork.format("fz.log('worker', 'w1'); fz.log('seen', '1')")
        made = run.run(program(one, fork.format("fz.log('seen', '2')")), ME, tmp_path / "run", 20)
        assert ("w1", "seen", "1") in made.log
        assert all("2" not in row for row in made.log)


def settings(tmp_path: Path, patched: str, programs: int = 3, **more: object) -> Settings:
    made = Settings(sys.executable, patched, 5, range(programs), keep=tmp_path / "keep", limit=10)
    return replace(made, **more)  # type: ignore[arg-type]


class TestFuzz:
    def test_stock_falls_short_of_what_is_promised(self, tmp_path: Path) -> None:
        seen: list[Verdict] = []
        summary = fuzz.fuzz(settings(tmp_path, sys.executable, shrinks=0), seen.append)
        assert summary.verdicts == seen
        assert summary.failed
        assert summary.clean + len(summary.failed) + summary.skipped.total() == 3

    def test_failure_is_shrunk_kept_and_named(self, tmp_path: Path) -> None:
        # Ends with another status than Python, whatever it runs.
        me = sys.executable
        body = f'case "$*" in *main.py) {me} "$@"; exit 3;; esac; exec {me} "$@"'
        fake_program(tmp_path, "python", body)
        summary = fuzz.fuzz(settings(tmp_path, str(tmp_path / "python"), 2), lambda verdict: None)
        for verdict in summary.failed:
            assert verdict.kinds == ["status"]
            assert verdict.small is not None
            assert verdict.small.kinds == ["exit: end"]
            assert verdict.folder is not None
            assert "status: 3" in (verdict.folder / "README").read_text()
            assert (verdict.folder / "main.py").exists()
            assert "shrunk to: exit: end" in "\n".join(fuzz.lines(verdict))
        assert summary.failed
        assert f"{len(summary.failed)} failed" in fuzz.totals(summary)

    def test_interpreter_built_anew_is_tried_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        states = iter(["old", "", "new", "new", "newer", "newest"])
        monkeypatch.setattr(Interpreter, "state", lambda self: next(states, "newest"))
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        made = settings(tmp_path, sys.executable, 1, shrinks=0, jobs=1)
        seen: list[Verdict] = []
        fuzz.fuzz(made, seen.append)
        assert seen[0].kinds
        assert seen[0].kinds != ["interpreter"]
        states = iter(["old", "new", "newer"])
        assert fuzz.fuzz(made, seen.append).failed[0].kinds == ["interpreter"]


class TestShrink:
    def test_only_what_is_needed_stays(self) -> None:
        whole = program(*(f"x = {n}" for n in range(10)), options=("-X", "a"))
        calls = itertools.count()

        def fails(part: Program) -> bool:
            next(calls)
            return {"block 3", "block 8"} <= set(part.kinds)

        small = shrink.shrink(whole, fails)
        assert small.kinds == ["block 3", "block 8", "exit: end"]
        assert small.options == ()
        assert next(calls) < 60

    def test_modules_nobody_imports_go(self) -> None:
        other = Module("alpha", (Block("block", "x = 1\n"),))
        main = Module("main", (Block("import alpha", "import alpha\n"),))
        whole = Program(1, 2, (), (other, main), Block("exit: end", "pass\n"))
        assert whole.without(set()) == whole
        assert "alpha.py" not in whole.without({1}).files()


def test_leg_says_seed_and_how_to_repeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Verdict(generate(4, 9, extension=False), (Fault("hang", "stock ends"),))
    good = Verdict(generate(4, 8, extension=False))
    dull = Verdict(generate(4, 7, extension=False), skipped="stock hangs")
    monkeypatch.setattr(verb, "settings", lambda project, pin, job: job)
    monkeypatch.setattr(verb, "run", lambda made: Summary([bad, good, dull]))
    monkeypatch.setattr(verb, "today", lambda: 20261128)
    context = legs.Context(None, None, 2)  # type: ignore[arg-type]
    result = legs.exits(context)
    assert (result.passed, result.failed, result.skipped) == (1, 1, 1)
    assert result.notes[0] == "seed 20261128; again: make fuzz ARGS='--seed 20261128'"
    assert "  again, alone: make fuzz ARGS='--seed 20261128 --only 9'" in result.matters
