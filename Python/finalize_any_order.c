/* Finalization at shutdown: when there is no memory to find an order.

   All pending finalizers run in the order of the collector's lists; files
   last, so that their data is written.  Nothing is allocated here. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // list_of()
#include "pycore_interp.h"
#include "pycore_object.h"

static int
is_head(PyInterpreterState *interp, PyGC_Head *gc)
{
    for (int i = 0; i < GC_NUM_LISTS; i++) {
        if (gc == list_of(interp, i)) {
            return 1;
        }
    }
    return 0;
}

/* Is it the turn of op: a file of this height, or no file if it is
   negative? */
static int
is_turn(PyInterpreterState *interp, PyObject *op, int height,
        _Py_addrset *finished)
{
    int own_height = _PyFinalize_IsPlainFile(op) ? _PyFinalize_FileHeight(op)
                                                 : -1;
    _Py_finalize_streams streams = {0};     /* a finalizer may replace them */
    return own_height == height && _PyFinalize_IsPending(op, finished) &&
        !_PyFinalize_IsInterpretersStream(interp, &streams, op);
}

/* Finalizers may create objects that have one, without end.  This many times
   the lists are walked along for files of one height, or for all else. */
#define MOST_WALKS 16

/* Run the finalizers of what is on list and has its turn, but for what they
   create.  Allocates nothing.  Returns how many there were. */
static Py_ssize_t
run_list(PyInterpreterState *interp, PyGC_Head *list, int height,
         _Py_addrset *finished)
{
    Py_ssize_t n = 0, left = list_size(list);
    PyObject *held = NULL;      /* where the walk is */
    PyGC_Head *gc = _PyGCHead_NEXT(list);
    /* A finalizer may collect, and so put the object that it belongs to on
       another list, or untrack it: then the caller begins again. */
    while (!is_head(interp, gc) && --left >= 0) {
        PyObject *op = (PyObject *)(gc + 1);
        Py_XSETREF(held, Py_NewRef(op));
        if (is_turn(interp, op, height, finished)) {
            _PyFinalize_Call(op);
            n++;
        }
        if (!_PyObject_GC_IS_TRACKED(op)) {
            break;
        }
        gc = _PyGCHead_NEXT(gc);
    }
    Py_XDECREF(held);
    return n;
}

Py_ssize_t
_PyFinalize_RunInAnyOrder(PyInterpreterState *interp, _Py_addrset *finished)
{
    struct _gc_runtime_state *gcstate = &interp->gc;
    Py_ssize_t n = 0;
    int enabled = gcstate->enabled;
    gcstate->enabled = 0;
    for (int step = -1; step <= _Py_FILE_HEIGHT; step++) {
        int height = step < 0 ? step : _Py_FILE_HEIGHT - step;
        Py_ssize_t more = 1;
        for (int walk = 0; more > 0 && walk < MOST_WALKS; walk++) {
            more = 0;
            for (int i = 0; i < GC_NUM_LISTS; i++) {
                more += run_list(interp, list_of(interp, i), height,
                                 finished);
            }
            n += more;
        }
    }
    gcstate->enabled = enabled;
    return n;
}
