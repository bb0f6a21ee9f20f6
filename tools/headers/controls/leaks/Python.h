/* A broken header: what is given back is not counted. */
#include_next <Python.h>
#undef Py_DECREF
#define Py_DECREF(op) ((void)(op))
