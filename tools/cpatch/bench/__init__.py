"""pyperformance and probes in turns on stock and patched: one session, its rounds and runs."""
