/* An extension that reads the interpreter's own structures, as debuggers,
   profilers and greenlets do: internal headers, and Py_BUILD_CORE for these
   alone.  C and C++. */

#include "Python.h"

#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE 1
#endif
#include "internal/pycore_frame.h"
/* G++ does not compile pycore_atomic.h of 3.11. */
#if !defined(__cplusplus) || PY_VERSION_HEX >= 0x030E0000
#  define HAS_ATOMICS 1
#  include "internal/pycore_gc.h"
#  include "internal/pycore_interp.h"
#  include "internal/pycore_runtime.h"
#endif
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

#ifdef HAS_ATOMICS
#if PY_VERSION_HEX >= 0x030E0000
#  define STATIC_OBJECTS static_objects.singletons
#else
#  define STATIC_OBJECTS global_objects.singletons
#endif

/* Sizes, and places of what others read: what a module was compiled with may
   be loaded where the other headers were used. */
static PyObject *
layout(PyObject *self, PyObject *ignored)
{
    (void)self, (void)ignored;
    return Py_BuildValue(
        "{s[nnnnnnn] s[nnnn] s[nnnn] s[nn] s[n]}",
        "PyInterpreterState", sizeof(PyInterpreterState),
        offsetof(PyInterpreterState, id), offsetof(PyInterpreterState, gc),
        offsetof(PyInterpreterState, ceval), offsetof(PyInterpreterState, dict),
        offsetof(PyInterpreterState, threads),
        offsetof(PyInterpreterState, _initial_thread),
        "_PyRuntimeState", sizeof(_PyRuntimeState),
        offsetof(_PyRuntimeState, STATIC_OBJECTS.strings.ascii),
        offsetof(_PyRuntimeState, STATIC_OBJECTS.tuple_empty),
        offsetof(_PyRuntimeState, _main_interpreter),
        "_PyInterpreterFrame", sizeof(_PyInterpreterFrame),
        offsetof(_PyInterpreterFrame, previous), offsetof(_PyInterpreterFrame, owner),
        offsetof(_PyInterpreterFrame, localsplus),
        "PyThreadState", sizeof(PyThreadState), offsetof(PyThreadState, interp),
        "gc", sizeof(struct _gc_runtime_state));
}

/* The interpreter's own characters and empty tuple, found by their places. */
static PyObject *
singletons(PyObject *self, PyObject *ignored)
{
    PyObject *letter = (PyObject *)&_PyRuntime.STATIC_OBJECTS.strings.ascii[120];
    PyObject *empty = (PyObject *)&_PyRuntime.STATIC_OBJECTS.tuple_empty;
    (void)self, (void)ignored;
    return Py_BuildValue("OO", letter, empty);
}

#  define READ_RUNTIME \
    {"layout", layout, METH_NOARGS, NULL}, \
    {"singletons", singletons, METH_NOARGS, NULL},
#else
#  define READ_RUNTIME
#endif

#define NAME core
#define MORE_METHODS \
    {"read_frames", read_frames, METH_NOARGS, NULL}, READ_RUNTIME
#include "work.c"
