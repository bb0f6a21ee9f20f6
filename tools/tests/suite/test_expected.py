from __future__ import annotations

from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.suite import expected
from cpatch.suite.expected import Listed


def _read(tmp_path: Path, text: str) -> list[Listed]:
    path = tmp_path / "list.txt"
    path.write_text(text)
    return expected.read(path)


def test_reads_patterns_with_their_reasons(tmp_path: Path) -> None:
    text = (
        "# What this file is.\n\n# Because\n# of that.\ntest.test_a.A.test_x\ntest_b\n\n# So.\nc*\n"
    )
    assert _read(tmp_path, text) == [
        Listed("test.test_a.A.test_x", "Because of that."),
        Listed("test_b", "Because of that."),
        Listed("c*", "So."),
    ]


def test_no_file_is_an_empty_list(tmp_path: Path) -> None:
    assert expected.read(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("test_a\n", "list.txt:1: test_a is listed without a reason"),
        ("# why\n\ntest_a\n", "list.txt:3: test_a is listed without a reason"),
        ("# why\ntest_a\n# why\ntest_a\n", "list.txt:4: test_a is listed twice"),
    ],
)
def test_refuses(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CpatchError, match=message):
        _read(tmp_path, text)


LISTED = [Listed("test.test_a.*", "why"), Listed("test_old", "why")]


def test_a_failure_that_stock_passes_counts() -> None:
    verdict = expected.judge(LISTED, {"test.test_b.B.test"}, set())
    assert verdict.regressions == verdict.counted == ["test.test_b.B.test"]


def test_being_listed_excuses_nothing_that_stock_passes() -> None:
    verdict = expected.judge(LISTED, {"test.test_a.A.test"}, set())
    assert verdict.counted == ["test.test_a.A.test"]


def test_an_unlisted_failure_of_stock_counts_but_is_called_so() -> None:
    verdict = expected.judge(LISTED, {"test_c"}, {"test_c"})
    assert verdict.unlisted == verdict.counted == ["test_c"]
    assert verdict.regressions == []


def test_a_listed_failure_of_stock_is_known_and_a_listed_pass_reported() -> None:
    verdict = expected.judge(LISTED, {"test.test_a.A.test"}, {"test.test_a.A.test"})
    assert verdict.counted == []
    assert verdict.known == ["test.test_a.A.test"]
    assert [line.pattern for line in verdict.mended] == ["test_old"]
