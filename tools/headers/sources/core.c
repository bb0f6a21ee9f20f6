/* An extension that reads the interpreter's own structures, as debuggers,
   profilers and greenlets do: internal headers, and Py_BUILD_CORE for these
   alone.  C and C++. */

#define PY_SSIZE_T_CLEAN
#include "Python.h"

#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE 1
#endif
#include "internal/pycore_frame.h"
#include "internal/pycore_interp.h"
#if PY_VERSION_HEX >= 0x030E0000
#  include "internal/pycore_interpframe.h"
#endif

/* The names of the code that runs, innermost first. */
static PyObject *
read_frames(PyObject *self, PyObject *ignored)
{
    PyObject *names = PyList_New(0);
    PyThreadState *state = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030E0000
    _PyInterpreterFrame *frame = _PyThreadState_GetFrame(state);
#else
    _PyInterpreterFrame *frame = state->cframe->current_frame;
#endif
    (void)self, (void)ignored;
    while (names != NULL && frame != NULL) {
#if PY_VERSION_HEX >= 0x030E0000
        if (frame->owner == FRAME_OWNED_BY_INTERPRETER) {
            frame = frame->previous;    // where C called: no code of Python's
            continue;
        }
        PyCodeObject *code = _PyFrame_GetCode(frame);
#else
        PyCodeObject *code = frame->f_code;
#endif
        if (PyList_Append(names, code->co_name) < 0) {
            Py_CLEAR(names);
            break;
        }
        frame = frame->previous;
    }
    return names;
}

static PyObject *
interpreter(PyObject *self, PyObject *ignored)
{
    PyInterpreterState *state = PyInterpreterState_Get();
    (void)self, (void)ignored;
    return Py_BuildValue("[LL]", (long long)PyInterpreterState_GetID(state),
                         (long long)state->id);
}

#define NAME core
#define MORE_METHODS \
    {"read_frames", read_frames, METH_NOARGS, NULL}, \
    {"interpreter", interpreter, METH_NOARGS, NULL},
#include "work.c"
