"""Ways to hold an object with a finalizer until the interpreter exits.

Every way is a script of its own.  It must end with each of its finalizers
run exactly once, with the standard library whole, the script's own globals
bound, and all that was written to files in them.

    python -m test.finalization_ways --help
"""
