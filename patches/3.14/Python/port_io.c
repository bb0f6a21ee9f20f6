/* The port: the types of the io module. */

#include "Python.h"
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal_port.h" // _PyImmortal_IOState()
#include "pycore_moduleobject.h"  // _PyModule_GetDef()
#include "pycore_pystate.h"       // _PyInterpreterState_GET()
#include "../Modules/_io/_iomodule.h"

static void
finalize_nothing(PyObject *op)
{
}

/* Of no object. */
static PyTypeObject no_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "no type",
    .tp_finalize = finalize_nothing,
};

static struct _io_state no_types = {
    .PyIOBase_Type = &no_type,
    .PyRawIOBase_Type = &no_type,
    .PyBufferedRWPair_Type = &no_type,
    .PyBufferedRandom_Type = &no_type,
    .PyBufferedReader_Type = &no_type,
    .PyBufferedWriter_Type = &no_type,
    .PyFileIO_Type = &no_type,
    .PyTextIOBase_Type = &no_type,
    .PyTextIOWrapper_Type = &no_type,
};

/* The io module's types are in its state, and the module is where an
   import has put it.  A program may have taken it from there, and go on
   with its files. */
static int
find_io(PyObject *op, void *found)
{
    if (!PyModule_Check(op) || _PyModule_GetDef(op) != &_PyIO_Module) {
        return 0;
    }
    struct _io_state *state = _PyModule_GetState(op);
    if (state == NULL || state->PyTextIOWrapper_Type == NULL) {
        return 0;
    }
    *(struct _io_state **)found = state;
    return 1;
}

/* What was found last, and for which interpreter.  A variable of the thread's:
   interpreters with a GIL of their own end at the same time. */
static _Py_thread_local struct {
    PyInterpreterState *interp;
    struct _io_state *state;
} last;

void
_PyImmortal_ForgetIOState(void)
{
    last.interp = NULL;
}

struct _io_state *
_PyImmortal_IOState(void)
{
    PyInterpreterState *interp = _PyInterpreterState_GET();
    if (last.interp != interp) {
        struct _io_state *state = &no_types;
        (void)lists_visit(interp, find_io, &state);
        last.interp = interp;
        last.state = state;
    }
    return last.state;
}
