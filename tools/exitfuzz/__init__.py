"""An exit fuzzer: programs that stock ends well, run on the patched interpreter as well.

``generate`` writes a program from a seed and an index; ``run`` runs it; ``oracle`` compares stock
with patched, one-sidedly, since docs/shutdown.md promises more than stock does; ``shrink`` makes a
failing program small. ``python -m exitfuzz --help`` has the options.
"""
