/* The immortal heap: whose code is to stop writing into itself.

   How one code object does is Python/quiet_code.c of the pin. */

#include "Python.h"
#include "pycore_gc_lists.h"      // list_visit()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_fork.h"
#include "pycore_immortal_heap.h" // _PyImmortalHeap_List()

static void
visit_code(PyObject *op, struct _Py_seal_stats *stats)
{
    PyCodeObject *code = (PyCodeObject *)op;
    if (_Py_IsImmortal(op)) {
        _PyImmortalHeap_QuietOne(op, stats);
    }
    /* The code of functions that are created again and again. */
    PyObject *consts = code->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *nested = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(nested)) {
            visit_code(nested, stats);
        }
    }
}

static int
visit_function(PyObject *op, void *stats)
{
    if (PyFunction_Check(op)) {
        visit_code(PyFunction_GET_CODE(op), stats);
    }
    return 0;
}

void
_PyImmortalHeap_QuietCode(PyInterpreterState *interp,
                          struct _Py_seal_stats *stats)
{
    (void)list_visit(_PyImmortalHeap_List(interp), visit_function, stats);
}
