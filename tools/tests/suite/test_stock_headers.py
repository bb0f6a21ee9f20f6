from cpatch.suite import stock_headers

OK = "...\n-----\nRan 13 tests in 10.1s\n\nOK\n"
SKIPPED = "...\nRan 13 tests in 10.1s\n\nOK (skipped=1)\n"
FAILED = "...\nRan 13 tests in 10.1s\n\nFAILED (failures=2, errors=1, skipped=1)\n"
NO_BUILD = "stockabi.c:1: error\nRan 0 tests in 0.1s\n\nFAILED (errors=1)\n"
CRASH = "...\nFatal Python error: Segmentation fault\n"


def test_totals_are_unittests_own():
    assert stock_headers.totals(OK) == (13, 0, 0)
    assert stock_headers.totals(SKIPPED) == (12, 0, 1)
    assert stock_headers.totals(FAILED) == (9, 3, 1)


def test_a_failure_before_any_test_counts():
    assert stock_headers.totals(NO_BUILD) == (0, 1, 0)


def test_a_crash_is_a_failure():
    assert stock_headers.totals(CRASH) == (0, 1, 0)
    assert stock_headers.totals("") == (0, 1, 0)
