/* The immortal heap: whose code is to stop writing into itself.

   How one code object does is Python/quiet_code.c of the pin. */

#include "Python.h"
#include "pycore_addrset.h"       // _Py_addrset
#include "pycore_gc_lists.h"      // list_visit()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_fork.h"
#include "pycore_immortal_heap.h" // _PyImmortalHeap_List()
#include "pycore_objlist.h"       // _Py_walk_stack

struct walk {
    struct _Py_seal_stats *stats;
    _Py_walk_stack stack;
    _Py_addrset seen;
};

/* What cannot be noted for lack of memory goes on writing. */
static void
push_new(struct walk *w, PyObject *code)
{
    if (_Py_addrset_add(&w->seen, code) > 0) {
        (void)_Py_walk_stack_push(&w->stack, code, 0);
    }
}

static int
visit_function(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (!PyFunction_Check(op)) {
        return 0;
    }
    push_new(w, PyFunction_GET_CODE(op));
    while (w->stack.size > 0) {
        PyObject *code = (PyObject *)w->stack.entries[--w->stack.size];
        if (_Py_IsImmortal(code)) {
            _PyImmortalHeap_QuietOne(code, w->stats);
        }
        /* The code of functions that are created again and again. */
        PyObject *consts = ((PyCodeObject *)code)->co_consts;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
            if (PyCode_Check(PyTuple_GET_ITEM(consts, i))) {
                push_new(w, PyTuple_GET_ITEM(consts, i));
            }
        }
    }
    return 0;
}

void
_PyImmortalHeap_QuietCode(PyInterpreterState *interp,
                          struct _Py_seal_stats *stats)
{
    struct walk w = {.stats = stats};
    (void)list_visit(_PyImmortalHeap_List(interp), visit_function, &w);
    PyMem_RawFree(w.stack.entries);
    _Py_addrset_clear(&w.seen);
}
