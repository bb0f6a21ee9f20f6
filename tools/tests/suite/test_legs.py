from __future__ import annotations

import json
from pathlib import Path

import pytest
from cpatch.building import build, flavors, records
from cpatch.suite import legs
from cpatch.verbs import test as verb
from legstoy import Stage, make_stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return make_stage(tmp_path / "p", monkeypatch)


def test_all_passing_needs_no_stock(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = stage.run(capsys)
    assert (code, out[-1]) == (0, "1 passed, 0 failed")
    assert stage.calls("stock") == []


def test_failure_that_stock_passes(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.plan("patched", test_bad=9)
    stage.plan("stock", test_bad=0)
    code, out = stage.run(capsys)
    assert (code, out[-1]) == (4, "1 passed, 1 failed")
    # Told above the table, and below it for whoever sees the last lines only.
    told = "suite: FAILED: test.test_bad.C.test_it (stock does not fail it)"
    assert out.count(told) == 2
    assert out[-3] == told
    assert stage.calls("stock")[0].endswith(" test_bad")


def test_failure_of_stock_that_is_listed(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.listed("# It rains.\ntest.test_bad.*\n")
    for tree in ("stock", "patched"):
        stage.plan(tree, test_bad=9)
    code, out = stage.run(capsys)
    assert (code, out[-1]) == (0, "1 passed, 0 failed, 1 skipped")
    assert "suite: fails on stock too, as listed: test.test_bad.C.test_it" in out


def test_failure_of_stock_that_is_not_listed(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    for tree in ("stock", "patched"):
        stage.plan(tree, test_bad=9)
    code, out = stage.run(capsys)
    assert (code, out[-1]) == (4, "1 passed, 1 failed")
    assert any("not on the list: test.test_bad.C.test_it" in line for line in out)


def test_listed_test_that_passes_is_reported(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.listed("# It rained.\ntest.test_ok.C.test_it\n")
    code, out = stage.run(capsys)
    assert (code, out[-1]) == (0, "1 passed, 0 failed")
    assert any("listed, but passes: test.test_ok.C.test_it" in line for line in out)


def test_flaky_test_is_run_again_and_reported(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.plan("patched", test_shaky=1)
    code, out = stage.run(capsys)
    assert (code, out[-1]) == (0, "2 passed, 0 failed")
    assert any(line.startswith("suite: flaky: test.test_shaky") for line in out)
    assert stage.calls("stock") == []


def test_crash_is_never_excused_as_flaky(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.plan("patched", test_boom=-1)
    stage.plan("stock", test_boom=0)
    code, out = stage.run(capsys)
    assert (code, out[-1]) == (4, "1 passed, 1 failed")
    assert "suite: FAILED: test_boom (stock does not fail it)" in out


def test_ours_are_not_excused_by_stock(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    home = stage.toy.root / "Lib" / "test"
    home.mkdir(parents=True)
    (home / "test_bad.py").touch()
    for tree in ("stock", "patched"):
        stage.plan(tree, test_bad=9)
    code, out = stage.run(capsys, "--only", "ours")
    assert (code, out[-1]) == (4, "0 passed, 1 failed")
    assert stage.calls("stock") == []
    code, out = stage.run(capsys)
    assert (code, out[-1]) == (0, "1 passed, 0 failed")  # the suite leaves ours to their own leg


def test_leg_that_cannot_run_is_a_failure_and_the_next_one_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(context: legs.Context) -> legs.Result:
        context.project.make_dir(Path("/dev/null/x"))
        raise AssertionError

    table = (("driver", broken), *(row for row in legs.LEGS if row[0] == "suite"))
    monkeypatch.setattr(legs, "LEGS", table)
    code, out = stage.run(capsys, "--only", "driver", "--only", "suite")
    assert (code, out[-1]) == (4, "1 passed, 1 failed")
    # Above the table, and below it.
    assert out.count("driver: error: cannot write to /dev/null/x: Not a directory") == 2


def test_the_last_lines_of_lint_are_told_below_the_table(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(legs.sys, "executable", "/bin/ls")  # which says that there is no such file
    code, out = stage.run(capsys, "--only", "lint")
    assert (code, out[-1]) == (4, "0 passed, 1 failed")
    told = [line for line in out if line.startswith("lint:   ")]
    assert told
    assert told[: len(told) // 2] == told[len(told) // 2 :]


def test_sanitizers_run_when_they_are_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built = set()

    def ensure_built(
        project: object, pin: object, tree: str, flavor: flavors.Flavor, *, jobs: int
    ) -> records.Built:
        built.add(flavor.name)
        return stage.ensure_built(project, pin, tree, flavor, jobs=jobs)

    monkeypatch.setattr(build, "ensure_built", ensure_built)
    stage.plan("patched", test_bad=9)
    stage.plan("stock", test_bad=0)
    code, out = stage.run(capsys, "--only", "asan", "--only", "ubsan", "test_bad")
    assert (code, out[-1]) == (4, "0 passed, 2 failed")
    assert built == {"asan", "ubsan"}
    assert "ubsan: FAILED: test.test_bad.C.test_it (stock does not fail it)" in out


def test_the_suite_leaves_out_what_takes_long(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.plan("patched", test_bad=9)
    stage.plan("stock", test_bad=9)
    for asked in (("--only", "suite"), ("--only", "suite-whole"), ("test_bad", "-u", "all")):
        stage.run(capsys, *asked)
    usual = ["-u-cpu" in call for call in stage.calls("patched")]
    assert usual == [True, True, False, False, False, False]  # each twice: what fails runs again
    assert "-u-cpu" in stage.calls("stock")[0]
    left_out = ["-i *test_freeze" in call for call in stage.calls("patched")]
    assert left_out == [True, True, False, False, False, False]


def test_the_wheel_comes_before_what_else_needs_stock(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def leg(name: str) -> legs.Row:
        return name, lambda _: ran.append(name) or legs.Result(name, passed=1)

    names = dict.fromkeys(name for name, _ in legs.LEGS)
    monkeypatch.setattr(legs, "LEGS", tuple(leg(name) for name in names))
    monkeypatch.setattr(verb, "WHEEL", leg("wheel"))
    asked = [word for name in ("fuzz", "wheel", "headers", "audit") for word in ("--only", name)]
    assert stage.toy.run("test", *asked) == 0
    assert ran == ["audit", "wheel", "headers", "fuzz"]


def test_a_leg_that_would_begin_too_late_says_so(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = stage.run(capsys, "--only", "suite", "--minutes", "0")
    assert (code, out[-1]) == (0, "0 passed, 0 failed, 1 skipped")
    assert "suite: NOT RUN, the time is up (--minutes)" in out
    assert stage.calls("patched") == []
    assert stage.run(capsys, "--only", "suite", "--minutes", "5")[1][-1][:8] == "1 passed"


def test_arguments_reach_regrtest(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage.run(capsys, "test_ok", "-m", "*it*")[0] == 0
    (call,) = stage.calls("patched")
    assert call.endswith("-W --timeout 1200 test_ok -m *it*")
    assert "-u all,-network,-audio,-gui,-largefile" in call
    assert "-i *ThreadedVSOCKSocketStreamTest*" in call


def test_what_fails_runs_again_as_it_ran(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.plan("patched", test_bad=9)
    stage.plan("stock", test_bad=0)
    stage.run(capsys, "test_ok", "test_bad", "-m", "*it*", "-i", "*no*", "-R3:3", "-j", "4")
    _, again = stage.calls("patched")
    (stock,) = stage.calls("stock")
    for call in (again, stock):
        assert call.endswith("--timeout 1200 -m *it* -i *no* -R3:3 test_bad")
        assert "-j 4" not in call


@pytest.mark.parametrize("leg", ["ours", "driver", "debug", "suite-whole"])
def test_a_leg_without_a_use_for_arguments_refuses_them(
    stage: Stage, capsys: pytest.CaptureFixture[str], leg: str
) -> None:
    argv = ("test", "--only", "suite", "--only", leg, "test_ok")
    assert stage.toy.run(*argv) == 2
    assert f"no arguments are for {leg}" in capsys.readouterr().err
    assert stage.calls("patched") == []


@pytest.mark.parametrize("given", [(), ("--stock",), ("--only", "asan"), ("--only", "wheel-suite")])
def test_a_name_of_no_test_file_is_refused_before_a_build(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: tuple[str, ...],
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(
        legs, "run_leg", lambda leg, name, context: ran.append(name) or legs.Result(name)
    )
    for tree in ("stock", "patched"):
        tests = stage.toy.source(tree) / "Lib" / "test"
        (tests / "test_pack").mkdir(parents=True)
        for name in ("test_ok.py", "test_pack/test_one.py"):
            (tests / name).touch()
    assert stage.toy.run("test", *given, "test_ok", "test_okk") == 2
    said = capsys.readouterr().err
    assert "there is no test file test_okk" in said
    assert "fix:   did you mean test_ok?" in said
    assert stage.toy.run("test", *given, "test_pack.test_two") == 2
    assert not ran
    good = ["test_ok.py", "test.test_ok", "test_pack", "test_pack.test_one", "-m", "other", "-v"]
    assert stage.toy.run("test", *given, *good) == 0
    assert len(ran) == 1


def test_stock_run_compares_with_the_list(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.plan("stock", test_bad=9)
    code, out = stage.run(capsys, "--stock")
    assert (code, out[-1]) == (4, "1 passed, 1 failed")
    assert stage.calls("patched") == []


def test_a_file_runs_once_or_repeatedly_in_the_debug_build(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["test_a", "test_immortal_finalization", "test_gc", "test_io", "test_immortal_sight"]
    monkeypatch.setattr(legs.Context, "ours", lambda _: [names[n] for n in (0, 1, 4)])
    monkeypatch.setattr(legs.Context, "core", lambda _: [names[n] for n in (2, 3)])
    stage.plan("patched", **dict.fromkeys(names, 0))
    stage.run(capsys, "--only", "debug", "--only", "off")
    off, once, repeated = (
        [name for name in names if name in call.split()] for call in stage.calls("patched")
    )
    assert off == ["test_a", "test_gc", "test_io", "test_immortal_sight"]
    assert once == ["test_immortal_finalization", "test_io", "test_immortal_sight"]
    assert repeated == ["test_a", "test_gc"]


@pytest.fixture
def second(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return a stage with another pin, 9.9, and its series; the legs are those without a driver."""
    pins = stage.toy.project.pins_file
    table = pins.read_text().partition("\n\n")[2].replace("9.8", "9.9")
    pins.write_text(pins.read_text() + table)
    (stage.toy.root / "patches" / "series.9.9").write_text("# begun, but empty\n")
    for name in ("LEGS", "OTHER_PINS"):
        rows = [row for row in getattr(legs, name) if row[0] in ("suite", "ours", "core")]
        monkeypatch.setattr(legs, name, tuple(rows))
    monkeypatch.setattr(verb, "COMPAT", ("compat", lambda _: legs.Result("compat", passed=3)))
    stage.plan("patched", test_gc=0, test_late=9)
    tests = stage.toy.source() / "Lib" / "test"
    tests.mkdir(parents=True)
    (tests / "test_gc.py").touch()
    return stage


def test_other_pin_waits_for_its_series(second: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    second.plan("patched", test_gc=0)
    assert second.toy.run("test") == 0
    out = capsys.readouterr().out.splitlines()
    assert "9.9: skipped, its series is empty (patches/series.9.9)" in out
    assert ["compat", "3"] in [line.split()[:2] for line in out]
    assert len(second.calls("patched")) == 1


def test_other_pin_that_is_unfinished_is_tested_when_it_is_named(
    second: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    second.plan("patched", test_gc=0)
    patch = second.toy.root / "patches" / "9.9" / "a.patch"
    patch.parent.mkdir()
    patch.write_text("Subject: a\n\nTests: none\n\ndiff --git a/x b/x\n")
    (second.toy.root / "patches" / "series.9.9").write_text("9.9/a.patch\n")
    pins = second.toy.project.pins_file
    head, mark, rest = pins.read_text().rpartition("version = ")
    pins.write_text(f"{head}unfinished = true\n{mark}{rest}")
    assert second.toy.run("test") == 0
    assert "9.9: skipped, the pin file calls it unfinished" in capsys.readouterr().out


def test_other_pin_runs_ours_and_the_core(
    second: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    second.plan("patched", test_gc=0)
    patch = second.toy.root / "patches" / "9.9" / "a.patch"
    patch.parent.mkdir()
    patch.write_text("Subject: a\n\nTests: Lib/test/test_late.py\n\ndiff --git a/x b/x\n")
    (second.toy.root / "patches" / "series.9.9").write_text("9.9/a.patch\n")
    late = patch.parent / "Lib" / "test" / "test_late.py"
    late.parent.mkdir(parents=True)
    late.touch()
    second.plan("patched", test_gc=0, test_late=9)
    (second.toy.root / "stock" / "plan").write_text(json.dumps({"test_late": 0}))
    assert second.toy.run("test") == 4
    out = capsys.readouterr().out.splitlines()
    assert "9.9 ours: FAILED: test.test_late.C.test_it (stock does not fail it)" in out
    rows = [line.split() for line in out if line.startswith("9.9 ") and ":" not in line]
    assert [row[:4] for row in rows] == [["9.9", "ours", "0", "1"], ["9.9", "core", "1", "0"]]
    assert second.calls("patched")[-1].endswith(" test_gc")  # the only core file that there is
    # Whatever narrows the run is about one pin.
    for argv in (("--pin", "9.8"), ("--only", "suite"), ("--quick",), ("test_gc",)):
        second.toy.run("test", *argv)
        assert "9.9" not in capsys.readouterr().out


def test_core_is_a_leg_to_be_named(second: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = second.run(capsys, "--only", "core")
    assert (code, out[-1]) == (0, "1 passed, 0 failed")
