"""verdicts: what differs, what is known, and what only varies."""

from __future__ import annotations

from cpatch.compat import verdicts
from cpatch.compat.running import LIMIT, Run
from cpatch.compat.table import Difference

KNOWN = Difference("toy", ("count*",), ("call",), "exact count", "So it is.")


def run(status: int | str = 0, **tests: str) -> Run:
    return Run(status, 1.0, tests)


def judge(stock: list[Run], found: list[Run], who: str = "call") -> verdicts.Verdict:
    return verdicts.judge("toy", who, stock, found, [KNOWN])


def test_the_same_is_no_difference_even_if_it_fails() -> None:
    stock = run(1, a="failed", b="passed")
    assert judge([stock], [stock]) == verdicts.Verdict()


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
    assert judge([stock], [run(LIMIT, a="passed")]).good
    assert judge([run(LIMIT, a="passed")], [stock]).good


def test_a_crash_differs_and_the_rest_that_did_not_run_does_not() -> None:
    stock = run(a="passed", b="passed", c="passed")
    found = run(-11, a="passed", b="crashed: SIGSEGV")
    assert judge([stock], [found]).lines == ("b: crashed: SIGSEGV (stock: passed)",)


def test_the_sum_says_how_a_run_ended() -> None:
    assert verdicts.total(run(1, a="passed", b="failed", c="passed")) == "2 passed, 1 failed"
    assert verdicts.total(run(-6, a="crashed: SIGABRT")) == "1 crashed, ended by -6"
