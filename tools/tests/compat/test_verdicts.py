"""verdicts: what differs, what is known, and what only varies."""

from __future__ import annotations

from cpatch.compat import verdicts
from cpatch.compat.running import END, LIMIT, Run
from cpatch.compat.table import Difference

KNOWN = Difference("toy", ("count*",), ("call",), "exact count", cause="So it is. Ever.")


def run(status: int | str = 0, **tests: str) -> Run:
    return Run(status, 1.0, tests)


def judge(stock: list[Run], found: list[Run], who: str = "call") -> verdicts.Verdict:
    return verdicts.judge("toy", who, stock, found, [KNOWN])


def test_the_same_is_no_difference_even_if_it_fails() -> None:
    stock = run(1, a="failed", b="passed")
    assert judge([stock], [stock], "patched") == verdicts.Verdict()


def test_another_outcome_differs_in_each_direction() -> None:
    for one, two in (("failed", "passed"), ("passed", "failed"), ("passed", "skipped")):
        verdict = judge([run(a=one)], [run(a=two)])
        assert verdict.lines == (f"a: {two} (stock: {one})",)
        assert not verdict.good


def test_a_known_one_has_its_cause_in_its_run_only() -> None:
    stock, found = [run(count_1="passed")], [run(1, count_1="failed")]
    verdict = judge(stock, found)
    assert verdict.good
    assert [(each.test, each.why) for each in verdict.known] == [("count_1", KNOWN)]
    assert judge(stock, found, "patched").lines == ("count_1: failed (stock: passed)",)


def test_an_entry_that_nothing_needs_is_told_where_it_is_about() -> None:
    stock, found = [run(count_1="passed")], [run(1, count_1="failed")]
    assert judge(stock, found).unused == ()
    assert judge(stock, stock).unused == (KNOWN,)
    assert judge(stock, stock, "patched").unused == ()
    assert KNOWN.unused == "nothing differs any more for this cause: So it is"


def test_what_varies_is_told_and_does_not_count() -> None:
    stock = [run(a="passed"), run(a="failed")]
    verdict = judge(stock, [run(a="failed")])
    assert verdict.good
    assert verdict.varied == ("a",)
    assert judge([run(a="passed"), run(a="passed")], [run(a="failed"), run(a="failed")]).lines


def test_a_test_that_did_not_run_differs_but_not_after_a_limit() -> None:
    stock = run(a="passed", b="passed")
    assert judge([stock], [run(a="passed")]).lines == ("b: missing (stock: passed)",)
    assert judge([run(a="passed")], [stock]).lines == ("b: passed (stock: missing)",)
    cut = run(LIMIT, a="passed")
    # Stock came to its end: that the other did not is what differs.
    assert judge([stock], [cut]).lines == ("(exit): time limit (stock: ended)",)
    for found in (stock, cut):
        assert judge([cut], [found], "patched") == verdicts.Verdict()


def test_nothing_of_a_run_that_hangs_at_once_is_the_same() -> None:
    cut = run(LIMIT, a="passed")
    assert judge([run(a="passed")], [run(LIMIT)]).lines == ("(exit): time limit (stock: ended)",)
    assert judge([cut], [run(LIMIT)]).lines == ("no test ran of those that ran on stock",)
    for nothing in (run(4, **{END: "status 4"}), run(5), run(1, a="not collected")):
        assert judge([nothing], [nothing]).lines == ("no test ran on stock",)


def test_a_crash_differs_and_the_rest_that_did_not_run_does_not() -> None:
    stock = run(a="passed", b="passed", c="passed")
    found = run(-11, a="passed", b="crashed: SIGSEGV")
    assert judge([stock], [found]).lines == ("b: crashed: SIGSEGV (stock: passed)",)


def test_what_first_shows_when_run_again_counts() -> None:
    stock = [run(a="passed"), run(a="passed")]
    crash = run(-11, a="failed", **{END: "crashed: SIGSEGV"})
    found = [run(1, a="failed"), crash]
    assert judge(stock, found).lines == (
        "a: failed (stock: passed)",
        "(exit): crashed: SIGSEGV/ended (stock: ended)",
    )
    hangs = [run(1, a="failed"), run(LIMIT, a="passed")]
    assert judge(stock, hangs).lines == ("(exit): ended/time limit (stock: ended)",)
    new = [run(a="passed"), run(a="passed", b="failed")]
    assert judge(stock, new).lines == ("b: failed (stock: missing)",)


def test_a_crash_is_not_excused_by_another_run_nor_by_an_entry() -> None:
    crash = run(-11, count_1="crashed: SIGSEGV")
    verdict = judge([run(count_1="passed")] * 3, [crash, run(count_1="passed")])
    assert verdict.lines == ("count_1: crashed: SIGSEGV/passed (stock: passed)",)
    assert not verdict.known
    cut = judge([run(LIMIT, a="passed")], [run(-11, a="passed", b="crashed: SIGSEGV")])
    assert cut.lines == ("b: crashed: SIGSEGV (stock: not run)",)
    # Stock does the same, if not each time.
    assert judge([run(count_1="passed"), crash], [crash]).varied == ("count_1",)
    # What crashes on stock only can be explained.
    assert judge([crash], [run(count_1="passed")]).known


def test_the_sum_says_how_a_run_ended() -> None:
    assert verdicts.total(run(1, a="passed", b="failed", c="passed")) == "2 passed, 1 failed"
    assert verdicts.total(run(-6, a="crashed: SIGABRT")) == "1 crashed, ended by -6"
    hung = Run(LIMIT, 1.0, {"a": "passed"}, {"running": "b"})
    assert verdicts.total(hung) == "1 passed, ended by time limit in b"
