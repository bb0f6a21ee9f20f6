from __future__ import annotations

import json
from pathlib import Path

import pytest
from buildtoy import Toy, fake_program, make_toy
from cpatch.building import build, flavors, records
from cpatch.suite import legs
from cpatch.verbs import test as verb

# Stands for an interpreter running regrtest: plays the file `plan`, one JSON object of test file
# -> how often it still fails (crashes, when negative), and writes a JUnit report.
PLAYER = """\
exec python3 - "$0" "$@" <<'END'
import json, pathlib, sys
me, args = pathlib.Path(sys.argv[1]), sys.argv[2:]
with open(me.parent / "calls", "a") as calls:
    calls.write(" ".join(args) + "\\n")
plan = json.loads((me.parent / "plan").read_text())
names = [name for name in plan if name in args] if "-x" not in args else []
names = names or [name for name in plan if name not in args]
report, bad = "", 0
for number, name in enumerate(names, 1):
    case = f"test.{name}.C.test_it"
    if plan[name] > 0:
        plan[name] -= 1
        bad += 1
        print(f"0:00:01 [{number}/{len(names)}] {name} failed (1 failure)")
        print(f"FAIL: test_it ({case})")
        report += f"<testcase name='{case}'><failure/></testcase>"
    elif plan[name] < 0:
        plan[name] += 1
        bad += 1
        print(f"0:00:01 [{number}/{len(names)}] {name} crashed (Exit code -11)")
    else:
        print(f"0:00:01 [{number}/{len(names)}] {name} passed")
        report += f"<testcase name='{case}'/>"
(me.parent / "plan").write_text(json.dumps(plan))
if "--junit-xml" in args:
    path = pathlib.Path(args[args.index("--junit-xml") + 1])
    path.write_text(f"<testsuites><testsuite>{report}</testsuite></testsuites>")
sys.exit(2 if bad else 0)
END
"""


class Stage:
    """Interpreters of both trees with a plan each, in place of built ones."""

    def __init__(self, toy: Toy) -> None:
        self.toy = toy
        self.flavors: list[tuple[str, str]] = []

    def plan(self, tree: str, **failures: int) -> None:
        home = self.toy.root / tree
        fake_program(home, "python", PLAYER)
        (home / "plan").write_text(json.dumps({"test_ok": 0, **failures}))

    def calls(self, tree: str) -> list[str]:
        path = self.toy.root / tree / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def listed(self, text: str) -> None:
        path = self.toy.root / "tools" / "expected" / "9.8-stock.txt"
        path.parent.mkdir(parents=True)
        path.write_text(text)

    def ensure_built(
        self, project: object, pin: object, tree: str, flavor: object, *, jobs: int
    ) -> records.Built:
        python = str(self.toy.root / tree / "python")
        return records.Built(python, "a" * 40, "b" * 40, "9.8.7", "cc", "", {})


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage(make_toy(tmp_path / "p", monkeypatch))
    monkeypatch.setattr(build, "ensure_built", stage.ensure_built)
    for tree in ("stock", "patched"):
        stage.plan(tree)
    return stage


def _suite(stage: Stage, capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str]]:
    code = stage.toy.run("test", *(argv or ("--only", "suite")))
    return code, capsys.readouterr().out.splitlines()


def test_all_passing_needs_no_stock(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = _suite(stage, capsys)
    assert (code, out[-1]) == (0, "1 passed, 0 failed")
    assert stage.calls("stock") == []


def test_failure_that_stock_passes(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.plan("patched", test_bad=9)
    stage.plan("stock", test_bad=0)
    code, out = _suite(stage, capsys)
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
    code, out = _suite(stage, capsys)
    assert (code, out[-1]) == (0, "1 passed, 0 failed, 1 skipped")
    assert "suite: fails on stock too, as listed: test.test_bad.C.test_it" in out


def test_failure_of_stock_that_is_not_listed(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    for tree in ("stock", "patched"):
        stage.plan(tree, test_bad=9)
    code, out = _suite(stage, capsys)
    assert (code, out[-1]) == (4, "1 passed, 1 failed")
    assert any("not on the list: test.test_bad.C.test_it" in line for line in out)


def test_listed_test_that_passes_is_reported(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.listed("# It rained.\ntest.test_ok.C.test_it\n")
    code, out = _suite(stage, capsys)
    assert (code, out[-1]) == (0, "1 passed, 0 failed")
    assert any("listed, but passes: test.test_ok.C.test_it" in line for line in out)


def test_flaky_test_is_run_again_and_reported(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.plan("patched", test_shaky=1)
    code, out = _suite(stage, capsys)
    assert (code, out[-1]) == (0, "2 passed, 0 failed")
    assert any(line.startswith("suite: flaky: test.test_shaky") for line in out)
    assert stage.calls("stock") == []


def test_crash_is_never_excused_as_flaky(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.plan("patched", test_boom=-1)
    stage.plan("stock", test_boom=0)
    code, out = _suite(stage, capsys)
    assert (code, out[-1]) == (4, "1 passed, 1 failed")
    assert "suite: FAILED: test_boom (stock does not fail it)" in out


def test_ours_are_not_excused_by_stock(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    home = stage.toy.root / "Lib" / "test"
    home.mkdir(parents=True)
    (home / "test_bad.py").touch()
    for tree in ("stock", "patched"):
        stage.plan(tree, test_bad=9)
    code, out = _suite(stage, capsys, "--only", "ours")
    assert (code, out[-1]) == (4, "0 passed, 1 failed")
    assert stage.calls("stock") == []
    code, out = _suite(stage, capsys)
    assert (code, out[-1]) == (0, "1 passed, 0 failed")  # the suite leaves ours to their own leg


def test_leg_that_cannot_run_is_a_failure_and_the_next_one_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(context: legs.Context) -> legs.Result:
        context.project.make_dir(Path("/dev/null/x"))
        raise AssertionError

    table = (("driver", broken), *(row for row in legs.LEGS if row[0] == "suite"))
    monkeypatch.setattr(legs, "LEGS", table)
    code, out = _suite(stage, capsys, "--only", "driver", "--only", "suite")
    assert (code, out[-1]) == (4, "1 passed, 1 failed")
    assert "driver: error: cannot write to /dev/null/x: Not a directory" in out


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
    code, out = _suite(stage, capsys, "--only", "asan", "--only", "ubsan", "test_bad")
    assert (code, out[-1]) == (4, "0 passed, 2 failed")
    assert built == {"asan", "ubsan"}
    assert "ubsan: FAILED: test.test_bad.C.test_it (stock does not fail it)" in out


def test_the_suite_leaves_out_what_takes_long(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.plan("patched", test_bad=9)
    stage.plan("stock", test_bad=9)
    for asked in (("--only", "suite"), ("--only", "suite-whole"), ("test_bad", "-u", "all")):
        _suite(stage, capsys, *asked)
    usual = ["-u-cpu" in call for call in stage.calls("patched")]
    assert usual == [True, True, False, False, False, False]  # each twice: what fails runs again
    assert "-u-cpu" in stage.calls("stock")[0]
    assert "test_freeze" in stage.calls("patched")[0]
    assert not any("test_freeze" in call for call in stage.calls("patched")[1:])


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
    code, out = _suite(stage, capsys, "--only", "suite", "--minutes", "0")
    assert (code, out[-1]) == (0, "0 passed, 0 failed, 1 skipped")
    assert "suite: NOT RUN, the time is up (--minutes)" in out
    assert stage.calls("patched") == []
    assert _suite(stage, capsys, "--only", "suite", "--minutes", "5")[1][-1][:8] == "1 passed"


def test_arguments_reach_regrtest(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert _suite(stage, capsys, "test_ok", "-m", "*it*")[0] == 0
    (call,) = stage.calls("patched")
    assert call.endswith("-W --timeout 1200 test_ok -m *it*")
    assert "-u all,-network,-audio,-gui,-largefile" in call
    assert "-i *ThreadedVSOCKSocketStreamTest*" in call


def test_stock_run_compares_with_the_list(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.plan("stock", test_bad=9)
    code, out = _suite(stage, capsys, "--stock")
    assert (code, out[-1]) == (4, "1 passed, 1 failed")
    assert stage.calls("patched") == []


SERIES = """\
[low] the ground; needs: none
9.8/low/low.patch
[high] what stands on it; needs: low
9.8/high/high.patch
[wide] what lies beside; needs: none
9.8/wide/wide.patch
"""


@pytest.fixture
def parted(stage: Stage) -> Stage:
    """Return a stage whose series has three parts, with a test of each; low-high has a bad one."""
    (stage.toy.root / "patches" / "series.9.8").write_text(SERIES)
    tests = stage.toy.root / "Lib" / "test"
    tests.mkdir(parents=True)
    for part in ("low", "high", "wide"):
        patch = stage.toy.root / "patches" / "9.8" / part / f"{part}.patch"
        patch.parent.mkdir(parents=True)
        patch.write_text(f"Subject: a\n\nTests: Lib/test/test_{part}.py\n\ndiff --git a/x b/x\n")
        (tests / f"test_{part}.py").write_text("")
    stage.plan("low", test_low=0, test_other=9)
    stage.plan("wide", test_wide=0)
    stage.plan("low-high", test_low=0, test_high=9)
    return stage


def test_each_tree_of_parts_runs_its_own_tests(
    parted: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = _suite(parted, capsys, "--only", "parts")
    assert (code, out[-1]) == (4, "3 passed, 1 failed")
    assert "parts: low: 1 passed, 0 failed" in out
    assert any("low-high: FAILED: test.test_high" in line for line in out)
    assert parted.calls("wide")[0].endswith(" test_wide")
    assert parted.calls("low-high")[0].endswith(" test_high test_low")
    assert not parted.calls("patched")


def test_tree_of_parts_has_no_driver_and_no_fuzzer(
    parted: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = _suite(parted, capsys, "--parts", "low", "--only", "ours")
    assert (code, out[-1]) == (0, "1 passed, 0 failed")
    assert not parted.calls("patched")
    assert parted.toy.run("test", "--parts", "low", "--only", "driver") == 2
    assert parted.toy.run("test", "--parts", "high") == 2
    assert "part high needs low" in capsys.readouterr().err


def test_a_file_runs_once_or_repeatedly_in_the_debug_build(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["test_a", "test_immortal_finalization", "test_gc", "test_io", "test_immortal_sight"]
    monkeypatch.setattr(legs.Context, "ours", lambda _: [names[n] for n in (0, 1, 4)])
    monkeypatch.setattr(legs.Context, "core", lambda _: [names[n] for n in (2, 3)])
    stage.plan("patched", **dict.fromkeys(names, 0))
    _suite(stage, capsys, "--only", "debug", "--only", "off")
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
    code, out = _suite(second, capsys, "--only", "core")
    assert (code, out[-1]) == (0, "1 passed, 0 failed")
