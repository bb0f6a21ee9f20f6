"""differences: what is the same, what is stated, and what is neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.exits import differences
from cpatch.exits.differences import DIFFERS, SAME, STATED, Difference, Verdict
from cpatch.exits.programs import HANGS, Outcome


def outcome(status: int | str = 0, out: str = "", err: str = "", **files: int) -> Outcome:
    return Outcome(status, out, err, files)


def stated(part: str, added: str = "-", lost: str = "-") -> Difference:
    return Difference(("toy_*",), ("call",), part, (added,), (lost,), f"for {part}")


def judge(stock: Outcome | list[Outcome], found: Outcome, *rows: Difference) -> Verdict:
    many = stock if isinstance(stock, list) else [stock]
    return differences.judge("toy_it", "call", many, found, rows)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (outcome(1, "a\n", "b\n", f=1), "+ status: 1"),
        (outcome(0, "", "b\n", f=1), "- stdout: a"),
        (outcome(0, "a\n", "b\nb\n", f=1), "+ stderr: b"),
        (outcome(0, "a\n", "b\n", f=0), "+ files: f 0"),
        (outcome(0, "a\n", "b\n"), "- files: f 1"),
    ],
)
def test_each_part_is_compared(found: Outcome, line: str) -> None:
    verdict = judge(outcome(0, "a\n", "b\n", f=1), found)
    assert verdict.kind == DIFFERS
    assert line in verdict.lines
    assert not verdict.good


def test_order_counts() -> None:
    verdict = judge(outcome(0, "a\nb\n"), outcome(0, "b\na\n"))
    assert (verdict.kind, verdict.lines) == (
        DIFFERS,
        ("  stdout: the same lines in another order",),
    )


def test_any_outcome_of_stock_will_do() -> None:
    assert judge([outcome(0, "a"), outcome(0, "b")], outcome(0, "b")).kind == SAME


def test_what_is_stated_is_no_difference_and_its_reason_is_told() -> None:
    verdict = judge(outcome(0, "a\n"), outcome(0, "a\nmore 7\n"), stated("stdout", r"more \d"))
    assert (verdict.kind, verdict.reasons) == (STATED, ("for stdout",))
    assert judge(outcome(0, "a\n"), outcome(0, "\n"), stated("stdout", "|b", "a")).kind == STATED


def test_what_is_stated_covers_no_other_line_part_mode_or_program() -> None:
    row = stated("stdout", "more")
    assert judge(outcome(), outcome(0, "more\nelse\n"), row).lines == ("+ stdout: else",)
    assert judge(outcome(), outcome(0, "", "more\n"), row).kind == DIFFERS
    assert judge(outcome(0, "more"), outcome(), row).kind == DIFFERS
    for name, mode in (("toy_it", "off"), ("else_it", "call")):
        found = differences.judge(name, mode, [outcome()], outcome(0, "more\n"), [row])
        assert found.kind == DIFFERS


def test_a_hang_is_never_the_same() -> None:
    assert judge(outcome(HANGS), outcome(HANGS)).kind == HANGS


def test_a_status_cannot_be_stated(tmp_path: Path) -> None:
    path = tmp_path / "differences.toml"
    path.write_text('[[difference]]\nprograms = ["*"]\npart = "status"\nreason = "r"\n')
    with pytest.raises(CpatchError, match="is no difference"):
        differences.load(path)
    path.write_text('[[difference]]\nprograms = ["*"]\npart = "stderr"\n')
    with pytest.raises(CpatchError, match="is no difference"):
        differences.load(path)
