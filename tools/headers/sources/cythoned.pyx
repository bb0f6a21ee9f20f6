# cython: language_level=3
"""What Cython makes of the operations that probe.py asks for."""

from cpython.ref cimport Py_INCREF, Py_DECREF


def fill(obj, Py_ssize_t n):
    """A list and a tuple that hold obj n times each."""
    cdef list found = []
    cdef Py_ssize_t i
    for i in range(n):
        Py_INCREF(obj)
        Py_DECREF(obj)
        found.append(obj)
    return found, tuple(found)


def call(function, Py_ssize_t n, argument):
    """Call function n times, and drop what it returns."""
    cdef Py_ssize_t i
    for i in range(n):
        function(argument)


def none():
    """Return what every interpreter has one of."""
    return None


def yes():
    """Return what every interpreter has one of."""
    return True


def numbers(Py_ssize_t n):
    """Let a generator, a closure and a comprehension run."""
    def each():
        for i in range(n):
            yield i, lambda: i
    return sum([i + f() for i, f in each()])


cdef class Node:
    """An extension type in the collector's hands."""

    cdef public object other


def drop(type, Py_ssize_t n):
    """Make and drop instances."""
    cdef Py_ssize_t i
    for i in range(n):
        node = type()
        node.other = node
        node.other = None
    return n
