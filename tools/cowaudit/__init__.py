"""Which pages a forked worker of a Python application writes, what lies there, and who writes.

Standard library only. ``inside.py`` runs in the audited interpreter, everything else outside.
"""
