/* Finalization at shutdown: callbacks of weak references.

   An object that is finalized is not deallocated at once, or never, if it is
   immortal.  A weak reference that would have outlived it, because its turn
   comes later, is cleared and calls back all the same.  One that would have
   died first, or together with it, does not call back any more, as if the
   collector had found both. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_immortal_port.h" // _PyPort_WeakrefTarget()
#include "pycore_object.h"

int
_PyFinalize_RecordTurn(_Py_finalize_order *order, PyObject *op,
                       Py_ssize_t turn)
{
    if (order->n_turns == order->turns_allocated) {
        _Py_finalize_turn *turns = _PyFinalize_Grow(order->turns,
                                                    &order->turns_allocated,
                                                    sizeof(*turns));
        if (turns == NULL) {
            return -1;
        }
        order->turns = turns;
    }
    order->turns[order->n_turns++] = (_Py_finalize_turn){op, turn};
    return 0;
}

static int
compare_turns(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const _Py_finalize_turn *)a)->object;
    uintptr_t y = (uintptr_t)((const _Py_finalize_turn *)b)->object;
    return x < y ? -1 : x > y;
}

void
_PyFinalize_SortTurns(_Py_finalize_order *order)
{
    if (order->n_turns > 0) {
        qsort(order->turns, order->n_turns, sizeof(*order->turns),
              compare_turns);
    }
}

/* The turn of op; -1 if no module holds it. */
static Py_ssize_t
turn_of(const _Py_finalize_order *order, PyObject *op)
{
    _Py_finalize_turn key = {op, 0};
    _Py_finalize_turn *turn = NULL;
    if (order->n_turns > 0) {
        turn = bsearch(&key, order->turns, order->n_turns, sizeof(key),
                       compare_turns);
    }
    return turn == NULL ? -1 : turn->turn;
}

/* As a finalizer: what it waits for in vain is its own. */
static void
call(PyObject *callback, PyObject *ref)
{
    _PyFinalize_BeginFinalizer(ref);
    PyObject *result = PyObject_CallOneArg(callback, ref);
    if (result == NULL) {
        PyErr_WriteUnraisable(callback);
    }
    Py_XDECREF(result);
    _PyFinalize_EndFinalizer();
}

/* Returns how many times it called back. */
static int
run_callback(PyObject *op, const _Py_finalize_order *order)
{
    PyWeakReference *ref = (PyWeakReference *)op;
    PyObject *referent = _PyPort_WeakrefTarget(op);
    PyObject *callback = ref->wr_callback;
    if (referent == Py_None || callback == NULL) {
        return 0;
    }
    int came_before = turn_of(order, referent) > turn_of(order, op);
    ref->wr_callback = NULL;
    if (came_before) {
        _PyWeakref_ClearRef(ref);
        call(callback, op);
    }
    Py_DECREF(callback);
    return came_before;
}

Py_ssize_t
_PyFinalize_RunCallbacks(_Py_finalize_order *order)
{
    Py_ssize_t n = 0;
    for (Py_ssize_t i = 0; i < order->watchers.size; i++) {
        PyObject *ref = _PyFinalize_TakeWatcher(order, i);
        if (ref != NULL) {
            n += run_callback(ref, order);
            Py_DECREF(ref);
        }
    }
    return n;
}

void
_PyFinalize_ClearReferences(PyObject *op)
{
    PyWeakReference **list =
        (PyWeakReference **)_PyObject_GET_WEAKREFS_LISTPTR(op);
    while (*list != NULL) {
        _PyWeakref_ClearRef(*list);
    }
}

Py_ssize_t
_PyFinalize_CallOrphaned(const _Py_objlist *orphaned)
{
    Py_ssize_t n = 0;
    /* First of all, so that no callback comes to one of these objects. */
    for (Py_ssize_t i = 0; i < orphaned->size; i++) {
        PyObject *referent = _PyPort_WeakrefTarget(orphaned->items[i]);
        if (referent != Py_None) {
            _PyFinalize_ClearReferences(referent);
        }
    }
    for (Py_ssize_t i = 0; i < orphaned->size; i++) {
        PyWeakReference *ref = (PyWeakReference *)orphaned->items[i];
        PyObject *callback = ref->wr_callback;
        if (callback != NULL) {
            ref->wr_callback = NULL;
            call(callback, (PyObject *)ref);
            Py_DECREF(callback);
            n++;
        }
    }
    return n;
}

void
_PyFinalize_CallLeft(void)
{
    _Py_objlist *callbacks = _PyGC_LeftCallbacks();
    for (Py_ssize_t i = 0; i < callbacks->size; i++) {
        PyObject *ref = callbacks->items[i];
        PyObject *callback = ((PyWeakReference *)ref)->wr_callback;
        if (callback != NULL) {
            call(callback, ref);
        }
        Py_DECREF(ref);     /* the collection's */
    }
    _Py_objlist_clear(callbacks);
}
