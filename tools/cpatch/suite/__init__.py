"""The legs of the verb test: the driver's tests, ours, CPython's suite, judged against stock."""
