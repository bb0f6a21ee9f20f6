"""A module for cffi's API mode: C that calls back, and handles to Python's objects."""

import cffi

DECLARED = """
    typedef struct { int count; double sum; } state;
    int twice(int number);
    void add(state *where, double number);
    extern "Python" int back(void *handle, int number);
    int through(void *handle, int times);
"""
C = """
    typedef struct { int count; double sum; } state;
    static int twice(int number) { return 2 * number; }
    static void add(state *where, double number) { where->count++; where->sum += number; }
    static int back(void *handle, int number);
    static int through(void *handle, int times)
    {
        int sum = 0;
        for (int i = 0; i < times; i++) {
            sum += back(handle, i);
        }
        return sum;
    }
"""


def builder() -> cffi.FFI:
    """Return what writes the module's source."""
    ffi = cffi.FFI()
    ffi.cdef(DECLARED)
    ffi.set_source("foreign", C)
    return ffi
