"""Which memory of a forked worker stops being shared: reports on what cowaudit finds."""
